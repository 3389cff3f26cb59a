"""Rows that stand in a job's training file and in its validation file: validated on, and never trained on.

Preparing reads the validation file first, and of records that say the same the first one stays.  Where near-duplicates
are looked for, the one of the better grade stays, so the two files are given grades for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneloop.errors import InputError, SettingError, Where
from tuneloop.records import DatasetVersion
from tuneloop.store import Workspace, datasets
from tuneloop.store.sources import sources

NEAR = "near_duplicates"
GRADES = ("validation file", "training file")
KEEPS = ("grade", "first")
"""What may decide between near-duplicates of two files: all else could keep the one that is trained on."""

NOTHING_LEFT = (
    "nothing is left to train on: each usable row of the training file stands in the validation file, too, and those"
    " are validated on"
)
_COUNT = """
    SELECT count(DISTINCT f.item) AS found FROM fates f JOIN members m ON f.record = m.record
    WHERE f.source = ? AND m.split = 'validation'
"""


def rules(steps: Sequence[str | Mapping[str, Any]], inputs: Sequence[Path]) -> dict[str, Any]:
    """Keys of the recipe by which the first of `inputs`, the validation file, wins over the second."""
    recipe: dict[str, Any] = {"split": {"name": "by_input", "validation": [0]}}
    if any(_name(step) == NEAR for step in steps):
        grades = zip(inputs, GRADES, strict=True)
        recipe |= {"grades": list(GRADES), "sources": {str(place): {"grade": grade} for place, grade in grades}}
    return recipe


def check_steps(steps: Sequence[str | Mapping[str, Any]]) -> None:
    """Raises `SettingError` for a step that could leave a row of both files to training."""
    for number, step in enumerate(steps):
        keep = step.get("keep", KEEPS[0]) if isinstance(step, Mapping) else KEEPS[0]
        if _name(step) == NEAR and keep not in KEEPS:
            raise SettingError(
                f"found {keep!r} beside validation_file",
                expected="'grade' or 'first', by which rows of both files are validated on",
                where=Where(field=f"tuneloop.prepare.steps.{number}.keep"),
                do="Leave it out",
            )


def count(ws: Workspace, version: DatasetVersion, training: Path) -> int:
    """How many rows of the training file became records of validation."""
    names = {one.id for one in sources(ws) if one.name == str(training)}
    fates = datasets.addresses(ws, version.name, "fates")
    members = datasets.addresses(ws, version.name, "members")
    found = [ws.ledgers.query(_COUNT, [name], fates=fates, members=members)["found"][0].as_py() for name in names]
    return sum(found)


def nothing_left(file: str) -> InputError:
    return InputError(
        NOTHING_LEFT,
        where=Where(file=file, field="training_file"),
        do="Take a validation file with other rows, or leave validation_file out: then a tenth is kept for it",
    )


def _name(step: str | Mapping[str, Any]) -> str:
    return str(step.get("name")) if isinstance(step, Mapping) else step
