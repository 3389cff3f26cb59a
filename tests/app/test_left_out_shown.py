"""What a person sees on the terminal of what was left out: enough to decide by, and what was never looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuneloop.app.cli.main import main

ROWS = [
    ("拆封的商品能退吗？", "拆封的商品七天之内可以退。"),
    ("拆封的商品能退吗？", "拆封的商品七天之内不可以退。"),
    ("你们在哪？", "人民路三号。"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    rows = [json.dumps({"question": question, "answer": answer}) for question, answer in ROWS]
    (folder / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    for name in ("README.md", ".notes"):
        (folder / name).write_text("# about", encoding="utf-8")
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Without the line ends that a narrow terminal makes."""
    assert main([*words]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_what_waits_for_a_decision_is_shown_with_what_it_contradicts(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    said(capsys, "prepare", str(folder), "--set", "steps=[near_duplicates, contradictions]")
    shown = said(capsys, "restore", "--reason", "review")
    yes, no = (answer for _, answer in ROWS[:2])
    assert f"拆封的商品能退吗？ / {yes} “{yes}” ≠ “{no}” source-1:1" in shown.replace("│", " ")
    assert f"拆封的商品能退吗？ / {no} “{no}” ≠ “{yes}” source-1:0" in shown.replace("│", " ")


@pytest.mark.parametrize(
    ("tongue", "lines"),
    [
        ("en", ["skipped 1 in/README.md: describes the data", "in/.hidden2 and 2 more: hidden file"]),
        ("zh", ["跳过 1 in/README.md: 是数据的说明文件", "in/.hidden2，另有 2 项: 隐藏文件"]),
    ],
)
def test_what_was_not_looked_at_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tongue: str, lines: list[str]
) -> None:
    for number in range(4):
        (folder / f".hidden{number}").write_text("x", encoding="utf-8")
    monkeypatch.setenv("TUNELOOP_LANG", tongue)
    shown = said(capsys, "prepare", str(folder), "--dry-run")
    assert [line for line in lines if line not in shown] == [], shown
