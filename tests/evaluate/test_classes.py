"""The evaluation of a classifier: figures on held-out records, its page and its table, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from tests.tiny import byte_tokenizer
from tests.train.conftest import SHAPE, add_version

from tuneloop.app.cli.main import main
from tuneloop.errors import UsageError
from tuneloop.evaluate import EvaluateRecipe, evaluate, table
from tuneloop.evaluate.classes import matrix
from tuneloop.models.new import NewModel, create
from tuneloop.records import Record
from tuneloop.serve import Talk
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train


def rows() -> list[object]:
    found = [
        (Record("label", text=f"{word} {number}", label=label), "test" if number > 5 else "train", 1.0, "f.csv")
        for label, word in (("<good>", "yes"), ("bad", "no"))
        for number in range(9 if label == "<good>" else 8)
    ]
    return [*found, (Record("label", text="x", label="other"), "test", 1.0, "f.csv")]


def test_a_classifier_is_evaluated_against_its_majority_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = create(NewModel(**SHAPE), byte_tokenizer(), "float32").save(tmp_path / "base")
    objective = {"name": "classify", "labels": ["bad", "<good>"]}
    recipe = TrainRecipe(
        base=str(base), objective=objective, tuner="full", precision="float32", learning_rate=1e-2, epochs=10, batch=6
    )
    with Workspace.find(tmp_path / "workspace") as ws:
        model = train(add_version(ws, rows()), recipe, workspace=ws)
        report = evaluate(model, workspace=ws, recipe=EvaluateRecipe(max_questions=4))
        assert report.measure == "generalization"
        assert report.metrics["counts"] == {"questions": 5, "unlabelled": 0, "outside": 1, "test": 6, "available": 6}
        assert report.metrics["tuned"]["macro_f1"] == 1.0
        # as many of each class in training: the first one of the scheme is always answered
        assert report.metrics["base"]["accuracy"] == pytest.approx(2 / 5)
        assert matrix(report) == (["bad", "<good>"], [[2, 0], [0, 3]])
        assert len(report.answers) == 4
        page = (ws.folder / str(report.page)).read_text(encoding="utf-8")
        assert "&lt;good&gt;" in page
        assert "<good>" not in page
        console = Console(width=100)
        with console.capture() as shown:
            console.print(table(report))
        assert "100.0%" in shown.get()

        with pytest.raises(UsageError, match=f"{model.name} tells classes and writes no text"):
            Talk(ws, model)
        capsys.readouterr()
        assert main(["classify", model.name, "yes 77", "no 77", "-w", str(ws.folder), "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert [one["label"] for one in said] == ["<good>", "bad"]
        assert main(["classify", model.name, " ", "-w", str(ws.folder)]) == 1
        assert "text 1 is empty" in capsys.readouterr().err
