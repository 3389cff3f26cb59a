"""Progress: plain lines where nobody looks, with what a person wants to know in them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import tuneloop
from tuneloop.app.cli import progress as module
from tuneloop.app.cli.progress import PlainLines, duration, figure, parts_of, shown
from tuneloop.app.cli.screen import Screen, plain
from tuneloop.records import Origin, Progress
from tuneloop.records.progress import STAGES, UNITS
from tuneloop.wording import Words


def test_a_line_holds_count_figures_and_time_left() -> None:
    values = {"loss": 2.34567, "tokens_per_second": 12345.6, "gradient_norm": 1.0, "seconds_left": 65.0}
    parts = parts_of(Progress("train", 12, 96, "steps", values), seconds=10)
    assert parts == ["12/96 steps", "loss 2.346", "tokens/s 12,346", "1:05 min left"]


def test_time_left_is_estimated_where_the_work_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress("prepare", 25, 100, "rows")
    assert parts_of(progress, seconds=20) == ["25/100 rows", "1:00 min left"]
    monkeypatch.setenv("TUNELOOP_LANG", "zh")
    assert parts_of(progress, seconds=20) == ["25/100 行", "剩余 1:00 min"]
    assert parts_of(Progress("prepare", 25, None, "rows"), seconds=20) == ["25 行"]


def test_plain_lines_are_few(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    watch = PlainLines()
    for done in range(1, 1001):
        now += 0.01
        watch(Progress("prepare", done, 1000, "rows"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("prepare  1/1,000 rows")
    assert lines[-1] == "prepare  1,000/1,000 rows"
    assert len(lines) == 3  # the first, one after five seconds, the last


def test_off_a_terminal_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as watch:
        watch(Progress("train", 1, None, "steps", {}, Words("waiting", "等待")))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "train  1 steps  waiting\n")


@pytest.mark.parametrize(
    ("value", "text"), [(2.13742, "2.137"), (0.000212345, "0.0002123"), (1234.5, "1,234"), (float("nan"), "nan")]
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(7.6, "8 s"), (65, "1:05 min"), (7390, "2:03:10 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_results_become_plain_data() -> None:
    document = {"origin": Origin("s", "f", 0, "line 1"), "words": Words("cat", "猫"), "places": (1, {2})}
    told = plain(document)
    assert told["origin"]["locator"] == "line 1"
    assert told["words"] == {"en": "cat", "zh": "猫"}
    assert told["places"] == [1, [2]]


def test_with_json_standard_output_holds_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    screen.say("hello [bold]")
    screen.table([["a", "b"]], ["x", "y"])
    screen.result({"猫": 1}, "text")
    out, err = capsys.readouterr()
    assert json.loads(out) == {"猫": 1}
    assert "猫" in out
    assert err == "hello [bold]\n"


def test_tables_show_markup_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table([["[red]not obeyed[/]", "中文"]], ["x", "y"])
    assert "[red]not obeyed[/]" in capsys.readouterr().out


def test_all_stages_and_units_have_names_in_both_languages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every `Progress("stage", …)` of the source, and every unit that stands in one."""
    found, counted = set(), set()
    for file in Path(tuneloop.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Progress":
                texts = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
                found |= {texts[0]} - {None}
                counted |= {texts[3]} - {None} if len(texts) > 3 else set()
    assert {"prepare", "clean", "train", "evaluate"} <= found <= set(STAGES)
    assert {"records", "steps"} <= counted <= set(UNITS)
    monkeypatch.setenv("TUNELOOP_LANG", "zh")
    PlainLines()(Progress("clean", 3, 9, "records"))
    assert capsys.readouterr().err == "清洗  3/9 条记录\n"
