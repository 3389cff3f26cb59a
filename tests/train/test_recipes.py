"""The recipes that ship are read without a complaint, and the ones for tuning run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tuneloop.config import read, read_yaml
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train
from tuneloop.train.resolve import check

from .conftest import MakeVersion, chat, facts

FOLDER = Path(__file__).parents[2] / "recipes"
SHIPPED = sorted(FOLDER.glob("*.yaml"))


def test_the_usual_cases_are_there() -> None:
    assert {"full", "lora", "family", "role-play"} <= {file.stem for file in SHIPPED}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_recipe_runs_and_begins_with_its_command(
    file: Path, ws: Workspace, make_version: MakeVersion, base: Path, tmp_path: Path
) -> None:
    assert f"tuneloop train --recipe recipes/{file.name}" in file.read_text(encoding="utf-8")
    recipe = read(TrainRecipe, read_yaml(file)["train"], file=file, path="train")
    check(recipe, {"chat": 10}, "data-1")
    brings = shutil.copytree(base, tmp_path / "base")
    (brings / "replay.jsonl").write_bytes(chat("Hello", "Hello!").canonical + b"\n")
    here = recipe.model_copy(update={"base": str(brings), "max_steps": 2, "max_length": 128, "precision": "float32"})
    assert train(make_version(facts()), here, workspace=ws).metrics["steps"] == 2
