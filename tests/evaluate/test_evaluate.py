"""Evaluation: base and tuned model on the same questions, kept whole, and honest about what the questions prove."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.evaluate.world import FACTS, add_tuned, add_version, chat

from tuneloop.errors import SettingError, StoppedError, UsageError
from tuneloop.evaluate import EvaluateRecipe, evaluate, table
from tuneloop.evaluate.page import page
from tuneloop.records import DatasetVersion, Progress, Record, Report, Split
from tuneloop.runs import queue
from tuneloop.store import Workspace, evaluations

RECIPE = EvaluateRecipe(max_tokens=24)


def trained_on_all(ws: Workspace) -> DatasetVersion:
    return add_version(ws, [(record, "train") for record in FACTS])


def answers(report: Report, arm: str) -> list[str]:
    return [row[arm] for row in report.answers]


@pytest.mark.parametrize("form", ["adapter", "full"])
def test_a_tuned_model_is_told_from_its_base(
    ws: Workspace, base: Path, form: str, request: pytest.FixtureRequest
) -> None:
    model = add_tuned(ws, base, request.getfixturevalue(form), trained_on_all(ws))
    report = evaluate(model, workspace=ws, recipe=RECIPE)
    assert report.metrics["base"]["exact_match"] == 0
    assert report.metrics["tuned"]["exact_match"] == 1
    assert report.metrics["tuned"]["loss"] < 0.3 < report.metrics["base"]["loss"]
    assert {row["question"]: row["tuned"] for row in report.answers}["小猫叫什么？"] == "年糕"
    assert report.metrics["tuned"]["exact_match@zh"] == 1
    assert (report.base, report.model, report.dataset) == (str(base), model.name, "data-1")


def test_training_questions_are_called_recall_on_page_and_terminal(ws: Workspace, base: Path, adapter: Path) -> None:
    report = evaluate(add_tuned(ws, base, adapter, trained_on_all(ws)), workspace=ws, recipe=RECIPE)
    assert report.measure == "recall"
    assert "Recall, not generalization" in page_of(ws, report)
    assert "记忆，而非泛化" in page_of(ws, report)
    assert "Recall, not generalization" in printed(report)


def test_held_out_questions_are_asked_when_there_are_any(ws: Workspace, base: Path, adapter: Path) -> None:
    held_out = [chat("小猫多大？", "三岁"), chat("Is the dog old?", "no")]
    rows: list[tuple[Record, Split]] = [*((record, "train") for record in FACTS), *((one, "test") for one in held_out)]
    report = evaluate(add_tuned(ws, base, adapter, add_version(ws, rows)), workspace=ws, recipe=RECIPE)
    assert report.measure == "generalization"
    assert {row["reference"] for row in report.answers} == {"三岁", "no"}
    assert "held out" in page_of(ws, report)


def test_questions_of_another_version_are_asked(ws: Workspace, base: Path, adapter: Path) -> None:
    model = add_tuned(ws, base, adapter, trained_on_all(ws))
    unseen = add_version(ws, [(chat("小猫多大？", "三岁"), "train"), (chat("Is the dog old?", "no"), "train")])
    report = evaluate(model, workspace=ws, recipe=RECIPE.model_copy(update={"data": unseen.name}))
    assert (report.dataset, report.measure) == (unseen.name, "generalization")
    assert {row["reference"] for row in report.answers} == {"三岁", "no"}
    partly = add_version(ws, [(chat("小猫多大？", "三岁"), "test"), (FACTS[0], "test")])
    report = evaluate(model, workspace=ws, recipe=RECIPE.model_copy(update={"data": partly.name}))
    assert report.measure == "recall", "one of the questions was trained on"


def test_the_report_is_kept_with_its_run_and_can_be_shown_again(ws: Workspace, base: Path, adapter: Path) -> None:
    report = evaluate(add_tuned(ws, base, adapter, trained_on_all(ws)), workspace=ws, recipe=RECIPE)
    kept = evaluations.evaluation(ws)
    assert kept == report
    assert printed(kept) == printed(report)
    run = queue.show(ws, str(report.run))
    assert (run.state, run.result) == ("succeeded", {"report": report.name})


def test_the_same_seed_gives_the_same_report(ws: Workspace, base: Path, adapter: Path) -> None:
    model = add_tuned(ws, base, adapter, trained_on_all(ws))
    recipe = EvaluateRecipe(max_questions=2, max_tokens=8)
    first, second = (evaluate(model, workspace=ws, recipe=recipe) for _ in range(2))
    assert len(first.answers) == 2
    assert (first.metrics, first.answers) == (second.metrics, second.answers)
    assert "2 of 4 records were asked" in printed(first)


def test_plain_text_is_measured_by_its_loss_alone(ws: Workspace, base: Path, adapter: Path) -> None:
    texts = [Record("text", text="the cat sat on the mat"), Record("text", text="小猫坐在垫子上")]
    version = add_version(ws, [(text, "train") for text in texts])
    report = evaluate(add_tuned(ws, base, adapter, version), workspace=ws, recipe=RECIPE)
    assert report.answers == ()
    assert report.metrics["base"]["bits_per_byte"] > 0
    assert "only the loss was measured" in page_of(ws, report)


def test_a_question_longer_than_the_model_is_left_out_and_said(ws: Workspace, base: Path, adapter: Path) -> None:
    version = add_version(ws, [(record, "train") for record in [*FACTS, chat("long " * 50, "yes")]])
    report = evaluate(add_tuned(ws, base, adapter, version), workspace=ws, recipe=RECIPE)
    assert len(report.answers) == len(FACTS)
    assert "left out because they are longer than the model can read: 1" in printed(report)


def test_what_data_and_models_say_cannot_become_markup(ws: Workspace, base: Path, adapter: Path) -> None:
    evil = [chat("<script>alert(1)</script>", "<img src=x onerror=alert(2)>"), chat("[red]?[/red]", "[bold]")]
    version = add_version(ws, [(record, "train") for record in evil])
    model = add_tuned(ws, base, adapter, version)
    report = evaluate(model, workspace=ws, recipe=RECIPE)
    answers = tuple(
        {**row, "base": "</p><script>alert(3)</script>", "tuned": "<svg onload=x>"} for row in report.answers
    )
    text = page(replace(report, answers=answers), replace(model, name="</title><script>"), {}, [])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;img src=x onerror=alert(2)&gt;" in text
    assert text.count("<script") == 1
    assert not re.search(r"<(img|svg onload|iframe|link|object)", text)
    assert "[red]?[/red]" in printed(report)


def test_a_stopped_evaluation_keeps_nothing(ws: Workspace, base: Path, adapter: Path) -> None:
    model = add_tuned(ws, base, adapter, trained_on_all(ws))
    lease = queue.here(ws, "evaluate", {})

    def cancel(_: Progress) -> None:
        queue.cancel(ws, lease.run)

    with pytest.raises(StoppedError):
        evaluate(model, workspace=ws, recipe=RECIPE, lease=lease, progress=cancel)
    lease.cancel()
    assert evaluations.evaluations(ws) == []


def test_progress_is_told_for_both_models(ws: Workspace, base: Path, adapter: Path) -> None:
    seen: list[Progress] = []
    evaluate(add_tuned(ws, base, adapter, trained_on_all(ws)), workspace=ws, recipe=RECIPE, progress=seen.append)
    assert {str(one.note) for one in seen} == {"asking the base", "asking the tuned model"}
    assert all(one.total is not None and one.done <= one.total for one in seen)


def test_curves_of_the_training_run_are_drawn(ws: Workspace, base: Path, adapter: Path) -> None:
    with queue.here(ws, "train", {}) as lease:
        for step in range(1, 6):
            lease.metric(step, loss=5.0 / step)
    model = add_tuned(ws, base, adapter, trained_on_all(ws))
    bare = page_of(ws, evaluate(model, workspace=ws, recipe=RECIPE))
    drawn = page_of(ws, evaluate(replace(model, run=lease.run), workspace=ws, recipe=RECIPE))
    assert "Loss during training" not in bare
    assert "training: 5 points, first 5, lowest 1, last 1." in drawn


@pytest.mark.parametrize(
    ("recipe", "error", "says"),
    [
        ({"metrics": ("exact_mtach",)}, SettingError, "Did you mean 'exact_match'"),
        ({"split": "validation"}, UsageError, "one of train (4)"),
    ],
)
def test_mistakes_are_told(
    ws: Workspace, base: Path, adapter: Path, recipe: dict[str, Any], error: Any, says: str
) -> None:
    model = add_tuned(ws, base, adapter, trained_on_all(ws))
    with pytest.raises(error) as caught:
        evaluate(model, workspace=ws, recipe=EvaluateRecipe(**recipe))
    assert says in str(caught.value)


def test_a_model_from_nothing_has_no_base_to_beat(ws: Workspace, base: Path, full: Path) -> None:
    model = add_tuned(ws, base, full, trained_on_all(ws))
    with pytest.raises(UsageError, match="trained from nothing"):
        evaluate(replace(model, base="new"), workspace=ws, recipe=RECIPE)


def page_of(ws: Workspace, report: Report) -> str:
    assert report.page is not None
    return (ws.folder / report.page).read_text(encoding="utf-8")


def printed(report: Report) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table(report))
    return captured.get()


def test_the_page_asks_nobody_for_anything(ws: Workspace, base: Path, adapter: Path) -> None:
    report = evaluate(add_tuned(ws, base, adapter, trained_on_all(ws)), workspace=ws, recipe=RECIPE)
    text = html.unescape(page_of(ws, report))
    assert "default-src 'none'" in text
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+", text))
    assert addresses == {"http://www.w3.org"}  # the name of SVG's namespace, which is never fetched
    assert not re.search(r"\ssrc=|href=|@import|url\(", text)
