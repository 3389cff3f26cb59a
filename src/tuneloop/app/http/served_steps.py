"""Which models, files and addresses the steps of a request for a fine-tuning job may name; see `served_recipes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuneloop.app.http.served_recipes import served
from tuneloop.prepare.recipe import PrepareRecipe


def check_steps(recipe: Mapping[str, Any], where: str) -> None:
    """Raises `UsageError` with the step's place for what only the command line may name.

    A job keeps the recipe as it was written, so models are the starter and versions here.
    """
    served(None, PrepareRecipe, recipe, where)
