"""A spam classifier of one's own, from a CSV file to the step that uses it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tuneloop.errors import InputError, UsageError
from tuneloop.prepare import spam_model
from tuneloop.prepare.decision import KEEP, Drop
from tuneloop.prepare.spam_model import fit_spam_model, read_examples
from tuneloop.prepare.step import steps
from tuneloop.records import Record
from tuneloop.text.spam import training
from tuneloop.text.spam.rows import patterns


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the rows that ship, and fewer rounds."""
    monkeypatch.setattr(spam_model, "own_rows", lambda each: training.own_rows(patterns()[::10], 2))
    monkeypatch.setattr(training, "ROUNDS", 60)


def written(path: Path, rows: list[tuple[str, str]], encoding: str = "utf-8", head: str = "text,label") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(head + "\n")
        csv.writer(file).writerows(rows)
    return path


SPAM = [f"紫藤计划第{number}批船票开放，今夜上船" for number in range(30)]
HAM = [f"第{number}次会议改到三点，请带上合同" for number in range(30)]


def test_examples_make_a_model_that_the_step_takes(tmp_path: Path) -> None:
    file = written(tmp_path / "examples.csv", [*((text, "spam") for text in SPAM), *((text, "ham") for text in HAM)])
    made = fit_spam_model(file, tmp_path / "own.npz")
    assert (made.spam, made.ham, made.held_out) == (30, 30, 12)
    assert made.recall == 1
    assert made.false_positives == 0
    unseen = Record("text", text="紫藤计划最后一批船票，请尽快上船")
    assert steps.create("spam").decide_one(unseen) is KEEP
    own = steps.create({"name": "spam", "model": made.file})
    assert isinstance(own.decide_one(unseen), Drop)
    assert own.decide_one(Record("text", text="会议改到四点，请带上报表")) is KEEP
    assert isinstance(
        own.decide_one(Record("text", text="蓝湾商场店庆全场三折，买一送一，前百名送豪礼，欢迎光临选购")), Drop
    )
    first = (tmp_path / "own.npz").read_bytes()
    fit_spam_model(file, tmp_path / "own.npz")
    assert (tmp_path / "own.npz").read_bytes() == first
    assert not list(tmp_path.glob("*.new"))


def test_few_examples_and_other_encodings_and_words(tmp_path: Path) -> None:
    rows = [("代开发票，量大从优", "垃圾"), ("明天几点开会", "正常"), ("看看，逗号\n和换行", "0")]
    file = written(tmp_path / "zh.csv", rows, "gb18030", "TEXT,Label")
    assert read_examples(file) == [("代开发票，量大从优", True), ("明天几点开会", False), ("看看，逗号\n和换行", False)]
    made = fit_spam_model(file, tmp_path / "few.npz")
    assert (made.held_out, made.recall) == (0, None)


@pytest.mark.parametrize(
    ("rows", "head", "sentence"),
    [
        ([("a", "spam")], "content,label", "no column is called 'text'"),
        ([("a", "spam"), ("b", "maybe")], "text,label", "found the label 'maybe'"),
        ([("a", "spam"), (" ", "ham")], "text,label", "the text is empty"),
        ([("a", "spam"), ("b", "spam")], "text,label", "2 examples of spam and 0 of others"),
        ([], "text,label", "0 examples of spam"),
    ],
)
def test_mistakes_are_told_with_their_line(
    tmp_path: Path, rows: list[tuple[str, str]], head: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        fit_spam_model(written(tmp_path / "bad.csv", rows, head=head), tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


def test_places_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        fit_spam_model(tmp_path / "absent.csv", tmp_path / "x.npz")
    with pytest.raises(UsageError, match=r"\.npz"):
        fit_spam_model(tmp_path / "absent.csv", tmp_path / "x.bin")
    with pytest.raises(UsageError, match="a folder that is there"):
        fit_spam_model(tmp_path / "absent.csv", tmp_path / "no" / "x.npz")
