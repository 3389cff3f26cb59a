"""Code that a model's folder brings along: never run, but for models that a person on this machine has named.

The names stand in an environment variable and not in a recipe: a recipe comes from others, and code of theirs must not
run because it says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuneloop.errors import ModelError, Where

VARIABLE = "TUNELOOP_REMOTE_CODE"
"""Names or folders of models whose code may run, exactly as they are given as a base, with commas between them."""


def allowed(reference: str) -> bool:
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")}
    return bool(reference) and reference in named


def wanted(folder: Path, settings: Mapping[str, Any], known: bool) -> str | None:
    """The code that `config.json` asks for, None where there is none.

    Code that is not in the folder is not asked for where its model type is `known` without it.
    """
    for place in dict(settings.get("auto_map") or {}).values():
        code = str(place).rpartition("--")[2].partition(".")[0]
        if (folder / f"{code}.py").exists() or not known:
            return str(place)
    return None


def check(place: str, reference: str, file: Path) -> None:
    """Raises ModelError where the code is not allowed."""
    if not allowed(reference):
        raise ModelError(
            f"wants to run code of its own ({place})",
            where=Where(file=file, field="auto_map"),
            do="Take a version that needs none, or remove auto_map where the known code of this type will do. Whoever "
            f"has read and trusts that code sets {VARIABLE}={reference}",
        )
