"""Serve: a model version that answers.

talk.py      a conversation with a tuned model, its base beside it
recipe.py    what a person may say about one
"""

from __future__ import annotations

from tuneloop.serve.recipe import ChatRecipe
from tuneloop.serve.talk import Answers, Talk

__all__ = ["Answers", "ChatRecipe", "Talk"]
