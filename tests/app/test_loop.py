"""The path of the README, command by command, with a tiny model in the place of the starter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuneloop.app.cli.main import main

ROWS = [(f"What is {a} plus {b}?", str(a + b)) for a in range(6) for b in range(6)]
STEPS = 3


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data: 36 rows, one of them twice, and one that is broken."""
    folder = tmp_path_factory.mktemp("project")
    lines = [json.dumps({"question": question, "answer": answer}) for question, answer in [*ROWS, ROWS[0]]]
    (folder / "sums.jsonl").write_text("\n".join([*lines, '{"question": "What', ""]))
    return folder


Say = Callable[..., Any]


@pytest.fixture
def say(project: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command with `--json` in the project's workspace; returns the document, after checking the exit code."""

    def run(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        found = main([*words, "--json", "-w", str(project)])
        out, err = capsys.readouterr()
        assert found == code, err
        return json.loads(out)

    return run


def test_the_whole_path(project: Path, say: Say, tiny_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One test, since each step stands on the one before."""
    dry = say("prepare", str(project / "sums.jsonl"), "--dry-run")
    assert (dry["name"], dry["report"]["counts"]["rejected"]) == ("", 1)
    assert not (project / ".tuneloop").exists()
    assert not (project / "workspace.json").exists()

    data = say("prepare", str(project / "sums.jsonl"))
    assert data["name"] == "data-1"
    assert data["report"]["counts"] == {"kept": 36, "merged": 1, "dropped": 0, "rejected": 1}
    assert [one["name"] for one in say("data")] == ["data-1"]

    left = say("restore")
    assert {(one["outcome"], one["item"]) for one in left} == {("merged", 36), ("rejected", 37)}

    seen = say("preview", "--base", str(tiny_base), "-n", "2")
    texts = [(piece["text"], piece["weight"]) for piece in seen["records"][0]["examples"][0]]
    assert len(seen["records"]) == 2
    assert any(weight == 0 and "What is" in text for text, weight in texts)
    assert any(weight == 1 and "What is" not in text for text, weight in texts)

    settings = ("--base", str(tiny_base), "--set", f"max_steps={STEPS}", "--set", "train.batch=4")
    planned = say("train", *settings, "--dry-run")
    assert planned["train"]["max_steps"] == STEPS
    assert planned["origins"]["max_steps"] == "recipe"
    assert planned["origins"]["learning_rate"]["zh"]
    assert say("models") == []

    model = say("train", *settings)
    assert (model["name"], model["dataset"], model["metrics"]["steps"]) == ("model-1", "data-1", STEPS)
    runs = {run["kind"]: (run["state"], run["progress"]["stage"]) for run in say("runs")}
    assert runs == {"train": ("succeeded", "train"), "prepare": ("succeeded", "commit")}
    shown = say("show")
    assert shown["run"]["result"] == {"model": "model-1"}
    assert "trained" in [event["kind"] for event in shown["events"]]

    assert say("evaluate", "--set", "max_tokens=8", "--dry-run")["recipe"]["max_tokens"] == 8
    report = say("evaluate", "--set", "max_tokens=8")
    assert (report["model"], report["base"], report["measure"]) == ("model-1", str(tiny_base), "generalization")
    assert say("show")["run"]["progress"]["stage"] == "evaluate"
    assert "<html" in (project / report["page"]).read_text("utf-8")

    answers = say("chat", "-p", "What is 1 plus 1?", "--both")
    assert set(answers) == {"question", "tuned", "base"}
    assert say("chat", "-p", "What is 1 plus 1?")["base"] is None

    assert say("chat", "-p", "What is 1 plus 1?", "--set", "max_tokens=1")["tuned"] in answers["tuned"]
    planned = say("chat", "--set", "chat.system=Be short.", "--dry-run")
    assert planned["recipe"]["system"] == "Be short."

    half = ("export", "--to", str(project / "half"), "--set", "form.dtype=bfloat16")
    assert say(*half, "--dry-run")["recipe"]["form"] == {"name": "merged", "dtype": "bfloat16"}
    assert not (project / "half").exists()
    assert say(*half)["form"] == "merged"
    assert json.loads((project / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    say("export", "--to", str(project / "out"))
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in (project / "out").iterdir()}

    for name, part in [("data-1", "splits"), ("model-1", "recipe"), ("eval-1", "answers")]:
        assert say("show", name)[part]
    record = seen["records"][0]["record"]
    assert say("show", record)["versions"] == ["data-1"]

    capsys.readouterr()
    for words in (
        ["show", "data-1"],
        ["show", "model-1"],
        ["show", "eval-1"],
        ["show"],
        ["runs"],
        ["models"],
        ["data"],
    ):
        assert main([*words, "-w", str(project)]) == 0
        assert capsys.readouterr().out.strip()


def test_a_failed_run_tells_its_error_and_its_kind(project: Path, say: Say, tmp_path: Path) -> None:
    say("prepare", str(project / "sums.jsonl"))
    document = say("train", "--base", str(tmp_path / "no-such-model"), code=1)
    assert document["error"]["code"] == "not_found"
    assert "no-such-model" in document["error"]["message"]
    assert say("runs")[0]["state"] == "failed"


def test_an_impossible_recipe_is_refused_before_a_run_is_queued(project: Path, say: Say) -> None:
    say("prepare", str(project / "sums.jsonl"))
    before = len(say("runs"))
    document = say("train", "--set", "objective=cpt", "--set", "tuner=lorra", code=2)
    assert "Did you mean 'lora'?" in document["error"]["message"]
    assert len(say("runs")) == before


def test_a_restore_is_a_decision_that_the_next_version_applies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"Q{number}?", "answer": f"answer {number}"} for number in range(5)]
    rows.append({"question": "Q?", "answer": " "})
    file = tmp_path / "short.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))

    def run(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    tight = ("--set", "steps=[{name: length, chat: {minimum: 6}}]")
    first = run("prepare", str(file), *tight)
    dropped = run("restore", "--reason", "too_short")
    assert len(dropped) == first["report"]["counts"]["dropped"] == 1
    item = f"{dropped[0]['source']}:{dropped[0]['item']}"
    assert run("restore", "--item", item, "--note", "fine")[0]["note"] == "fine"
    assert run("prepare", str(file), *tight)["report"]["counts"]["dropped"] == 0
