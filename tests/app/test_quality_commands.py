"""`tuneloop quality` and `tuneloop trial` as a person types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tuneloop.app.cli.main import main

ROWS = [
    {"question": f"What is in drawer {n}?", "answer": f"In drawer {n} lie {n} spoons and a cork.", "topic": f"t{n % 2}"}
    for n in range(40)
]


@pytest.fixture
def data(tmp_path: Path) -> str:
    (tmp_path / "drawers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    assert main(["prepare", "drawers.jsonl", "--set", "tags=topic"]) == 0
    return "data-1"


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_standard_is_shown_written_changed_and_set(
    tmp_path: Path, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quality"]) == 0
    assert "No standard is set" in capsys.readouterr().out
    assert main(["quality", "standard", "service_dialogue", "--to", "mine.yaml"]) == 0
    file = tmp_path / "mine.yaml"
    file.write_text(file.read_text("utf-8").replace("least: 0.98", "least: 0.9"), "utf-8")
    assert main(["quality", "set", "mine.yaml", "--person", "Mei", "--note", "looser"]) == 0
    assert "On policy" in capsys.readouterr().out
    kept = document(capsys, "quality")
    assert (kept["name"], kept["person"]) == ("standard-1", "Mei")
    assert kept["standard"]["dimensions"]["on_policy"]["least"] == 0.9
    listed = document(capsys, "quality", "list")
    assert "classification" in listed["ready"]
    assert [one["note"] for one in listed["kept"]] == ["looser"]
    assert main(["quality", "set", "service"]) == 1
    assert "service_dialogue" in capsys.readouterr().err
    assert main(["quality", "set"]) == 2
    assert main(["quality", "sett"]) == 2


def test_a_sample_is_written_filled_in_and_counted(
    tmp_path: Path, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quality", "sample", "--count", "12", "--to", "review.csv"]) == 0
    assert "12 of 40 records of data-1, in 2 strata by tag" in capsys.readouterr().out
    with (tmp_path / "review.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows):
        row.update(correct="pass", complete="fail" if number < 6 else "pass", clear="5" if number % 2 else "3")
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert main(["quality", "read", "filled.csv", "--person", "Mei"]) == 0
    out = capsys.readouterr().out
    assert "36 verdicts of Mei noted for review-1" in out
    assert "Complete: not enough: 50.0 %" in out
    assert "more records for an interval of ±5 percentage points" in out
    assert "more records for an interval of ±0.2 on the scale from 1 to 5" in out
    assert "Well-formed: 0 of 40 records fail" in out
    found = document(capsys, "quality", "result", "review-1", "--half", "0.1")
    assert found["decision"] == "rejected"
    assert {one["name"]: one["decision"] for one in found["dimensions"]}["safe"] == "unseen"
    halves = {one["name"]: one["half"] for one in found["dimensions"]}
    assert (halves["complete"], halves["clear"]) == (0.1, 0.4)
    assert main(["quality", "sample", "--count", "12", "--to", "review.csv"]) == 2
    assert "there already" in capsys.readouterr().err
    assert main(["quality", "sample", "--by", "topic"]) == 2
    assert main(["quality", "read", "nowhere.csv"]) == 1
    assert main(["quality", "judge"]) == 2


def test_a_trial_says_its_verdict_and_its_figures(
    data: str, tiny_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trial", "--base", str(tiny_base), "--steps", "2", "--set", "rows=8"]
    assert main([*words, "--set", "train.batch=4"]) == 0
    out = capsys.readouterr().out
    assert "held-out records" in out
    assert "to exchanged" in out
    assert "2 steps on 8 of data-1" in out
    found = document(capsys, *words)
    assert (found["data"], found["against"], found["steps"]) == ("data-1", "base", 2)
    assert document(capsys, *words, "--dry-run")["trial"]["steps"] == 2
    assert main([*words, "--against", "data-9"]) == 1
    assert main([*words, "--without", "topic"]) == 2
    assert main([*words, "--set", "row=8"]) == 2
    assert "rows" in capsys.readouterr().err


def test_advice_ends_the_report_and_the_statistics(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "statistics"]) == 0
    out = capsys.readouterr().out
    assert "* 40 records; at least 100 are wanted" in out
    assert "* The tag" not in out
