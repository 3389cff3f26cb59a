"""What the command line says of addresses that are not read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuneloop.app.cli.main import main


def test_an_address_inside_the_network_is_named_once_with_a_hint_that_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("https://169.254.169.254/latest\n")
    row = {"question": "营业到几点？", "answer": "每天营业到晚上八点。"}
    Path("faq.jsonl").write_text(json.dumps(row, ensure_ascii=False))
    monkeypatch.setenv("COLUMNS", "240")
    assert main(["prepare", "web:list.txt", "faq.jsonl", "-w", "w"]) == 0
    shown = capsys.readouterr().out
    (line,) = [one for one in shown.splitlines() if "If it is yours" in one]
    assert line.count("/latest") == 1
    assert 'places.web.hosts=["HOST"]' in line
