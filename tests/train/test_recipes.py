"""The recipes that ship are read without a complaint, and the ones for tuning run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tuneloop.config import read, read_yaml
from tuneloop.records import Record, Turn
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train
from tuneloop.train.resolve import check

from .conftest import MakeVersion, chat, facts

FOLDER = Path(__file__).parents[2] / "recipes"
SHIPPED = sorted(FOLDER.glob("*.yaml"))


def test_the_usual_cases_are_there() -> None:
    usual = {"full", "lora", "qlora", "family", "role-play", "service", "law", "medicine", "sentiment"}
    assert usual | {"preferences", "unfreeze"} <= {file.stem for file in SHIPPED}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_recipe_runs_and_begins_with_its_command(
    file: Path, ws: Workspace, make_version: MakeVersion, base: Path, tmp_path: Path
) -> None:
    assert f"tuneloop train --recipe recipes/{file.name}" in file.read_text(encoding="utf-8")
    recipe = read(TrainRecipe, read_yaml(file)["train"], file=file, path="train")
    rows = [*facts(), *others()]
    check(recipe, {record.kind: 1 for record in rows}, "data-1")
    brings = shutil.copytree(base, tmp_path / "base")
    (brings / "replay.jsonl").write_bytes(chat("Hello", "Hello!").canonical + b"\n")
    here = recipe.model_copy(update={"base": str(brings), "max_steps": 2, "max_length": 128, "precision": "float32"})
    made = train(make_version(rows), here, workspace=ws)
    assert made.metrics["steps"] == 2 * len(recipe.stages or [recipe])


def others() -> list[Record]:
    """A few records of every kind but dialogues."""
    question = (Turn("user", "Which colour?"),)
    found = [Record("text", text=f"Rule {number}: doors are shut at night. " * 3) for number in range(4)]
    for number in range(24):
        good, bad = ((Turn("assistant", f"{colour} {number}"),) for colour in ("red", "blue"))
        found.append(Record("preference", messages=question, chosen=good, rejected=bad))
        found.append(Record("label", text=f"It is {'good' if number % 2 else 'bad'} {number}.", label=f"c{number % 2}"))
    return found
