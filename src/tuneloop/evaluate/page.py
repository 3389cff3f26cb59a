"""The report of a comparison as one HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from tuneloop import charts
from tuneloop.evaluate import measures, sentences
from tuneloop.evaluate.measures import ARMS
from tuneloop.pages import NARROW, WIDE, render
from tuneloop.records import ModelVersion, Report
from tuneloop.scores.metric import metrics as registry
from tuneloop.wording import Words

Curves = Mapping[str, Sequence[tuple[float, float]]]
"""A training run's points by the name of the metric, as (step, value)."""

SMOOTH = 0.9  # weight of the past in the line drawn over single, noisy steps
_TITLE = Words("Loss during training", "训练过程中的损失")
_STEP, _NATS = Words("step", "步数"), Words("nats per token", "奈特/词元")
_CURVES = {"loss": Words("training", "训练"), "validation_loss": Words("validation", "验证")}


@dataclass(frozen=True)
class Made:
    """One line of how the report was made."""

    what: Words
    value: str


def page(report: Report, model: ModelVersion, curves: Curves, made: Sequence[Made]) -> str:
    """The whole page as text."""
    from markupsafe import Markup

    return render(
        own_file("page.html"),
        title=f"{model.name} · {report.base}",
        report=report,
        model=model,
        measure=sentences.measure_words(report.measure),
        headline=sentences.headline(report.metrics),
        notes=list(sentences.notes(report.metrics)),
        cards=list(_cards(report)),
        metric_rows=list(_metric_rows(report)),
        loss_rows=list(_loss_rows(report)),
        metric_charts=[Markup(svg) for svg in _metric_charts(report)],
        curve_charts=[Markup(svg) for svg in curve_charts(curves, model)],
        answers=[_answer(row, report) for row in report.answers],
        made=made,
    )


def own_file(name: str) -> str:
    return files("tuneloop.evaluate").joinpath(name).read_text(encoding="utf-8")


def _cards(report: Report) -> Iterator[dict[str, Any]]:
    """The figures that a reader looks at first: the loss, then each metric; two numbers and which way is better."""
    before, after = (report.metrics[arm].get("loss") for arm in ARMS)
    if before is not None and after is not None:
        name = Words("Held-out loss", "留出数据损失") if report.measure == "generalization" else Words("Loss", "损失")
        yield {"name": name, "before": f"{before:.2f}", "after": f"{after:.2f}", "better": after < before}
    for metric in measures.names(report.metrics):
        base, tuned = (report.metrics[arm][metric] for arm in ARMS)
        sure = measures.interval_of(report.metrics, "difference", metric)
        better = None if sure is None or sure.low <= 0 <= sure.high else sure.mean > 0
        title = sentences.metric_words(metric)
        yield {"name": title, "before": f"{base:.0%}", "after": f"{tuned:.0%}", "better": better}


def _metric_rows(report: Report) -> Iterator[dict[str, Any]]:
    for metric in measures.names(report.metrics):
        help_ = registry.load(metric).help if metric in registry.names() else Words("", "")
        for group in ("", *measures.groups(report.metrics)):
            found = {arm: measures.interval_of(report.metrics, arm, metric, group) for arm in (*ARMS, "difference")}
            if found["difference"] is None:
                continue
            name = sentences.group_words(group) if group else sentences.metric_words(metric)
            yield {
                "name": name,
                "group": group,
                "help": help_,
                "certainty": sentences.certainty(found["difference"]),
            } | found


def _loss_rows(report: Report) -> Iterator[dict[str, Any]]:
    for name, words in sentences.LOSS_WORDS.items():
        before, after = (report.metrics[arm].get(name) for arm in ARMS)
        if before is not None and after is not None:
            yield {"name": words, "base": f"{before:.4g}", "tuned": f"{after:.4g}", "change": f"{after - before:+.4g}"}


def _metric_charts(report: Report) -> Iterator[str]:
    rows = []
    for metric in measures.names(report.metrics):
        found = [measures.interval_of(report.metrics, arm, metric) for arm in ARMS]
        estimates = [charts.Estimate(one.mean, one.low, one.high) for one in found if one]
        rows.append(charts.Row(sentences.metric_words(metric), estimates))
    if rows:
        title = Words("Before and after, with 95 % intervals", "微调前后对比（95% 区间）")
        names = [sentences.ARM_WORDS[arm] for arm in ARMS]
        for width, _ in (WIDE, NARROW):
            yield charts.interval_chart(rows, names=names, title=title, width=width)


def curve_charts(curves: Curves, model: ModelVersion) -> Iterator[str]:
    series = [
        charts.Series(words, curves[name], smooth=SMOOTH if name == "loss" else 0.0)
        for name, words in _CURVES.items()
        if curves.get(name)
    ]
    best = model.metrics.get("best_step")
    marks = [charts.Mark(best, Words("best checkpoint", "最佳检查点"))] if best else []
    if series:
        for width, height in (WIDE, NARROW):
            yield charts.line_chart(
                series, title=_TITLE, x_label=_STEP, y_label=_NATS, width=width, height=height, marks=marks
            )


def _answer(row: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """One question with its two answers; `outcome` compares the scores of the leading metric, then of the others."""
    scores = row["scores"]
    changes = [scores["tuned"][metric] - scores["base"][metric] for metric in measures.names(report.metrics)]
    change = next((one for one in changes if abs(one) > 1e-9), 0.0)
    outcome = "better" if change > 0 else "worse" if change < 0 else "same"
    shown = [(sentences.metric_words(metric), *(scores[arm][metric] for arm in ARMS)) for metric in scores["tuned"]]
    return {**row, "outcome": outcome, "shown": shown}
