"""The report of a classifier, as one HTML file and as a table on a terminal; both from the kept report alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tuneloop import charts
from tuneloop.evaluate import classes, measures, sentences
from tuneloop.pages import render
from tuneloop.records import ModelVersion, Report
from tuneloop.scores.interval import Interval
from tuneloop.wording import Words

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from tuneloop.evaluate.page import Curves, Made

FIGURES = {
    "macro_f1": Words("Macro F1 (every class counts the same)", "宏平均 F1（各类别同等计算）"),
    "accuracy": Words("Accuracy", "准确率"),
    "weighted_f1": Words("Weighted F1 (by the classes' size)", "加权 F1（按类别样本数）"),
    "auroc": Words("AUROC", "AUROC"),
    "auprc": Words("AUPRC (average precision)", "AUPRC（平均精确率）"),
}
BASELINE = Words("always the commonest class", "总答最常见的类别")
TUNED = sentences.ARM_WORDS["tuned"]
HEADLINE = Words(
    "Macro F1 {after:.1%} (95 %: {low:.1%} to {high:.1%}); always answering the commonest class gives {before:.1%}.",
    "宏平均 F1 为 {after:.1%}（95% 区间 {low:.1%} 至 {high:.1%}）；总答最常见的类别只有 {before:.1%}。",
)
GENERALIZATION = Words("Held-out records: the model was not trained on them.", "留出数据：模型训练时没有见过这些记录。")
RECALL = Words(
    "Records that the model was trained on: the figures show what it remembers, not how it does on others.",
    "这些是训练时用过的记录，数字只说明模型记住了多少，不代表在新数据上的表现。",
)
MATRIX = Words("Right class and predicted class", "正确类别与预测类别")
RIGHT, SAID = Words("right", "正确"), Words("predicted", "预测")
LEFT_OUT = {
    "unlabelled": Words("Records without a label or a text: {count}.", "没有标签或文本的记录：{count} 条。"),
    "outside": Words(
        "Records with a label that the model does not know: {count}.", "标签不在模型类别内的记录：{count} 条。"
    ),
}


def headline(report: Report) -> Words:
    found = _interval(report, "tuned", "macro_f1")
    return HEADLINE.format(before=report.metrics["base"]["macro_f1"], after=found.mean, low=found.low, high=found.high)


def measure_words(report: Report) -> Words:
    return RECALL if report.measure == "recall" else GENERALIZATION


def notes(report: Report) -> Iterator[Words]:
    counts = {name: int(value) for name, value in report.metrics["counts"].items()}
    if "validation" in counts:
        yield sentences.CHOSE_CHECKPOINT
    if counts["available"] > counts["questions"]:
        yield Words("{asked} of {available} records were measured.", "{available} 条记录中测了 {asked} 条。").format(
            asked=counts["questions"], available=counts["available"]
        )
    for name, words in LEFT_OUT.items():
        if counts.get(name):
            yield words.format(count=counts[name])


def table(report: Report, examples: int) -> Group:
    """Headline, figures, and the most certain mistakes; print it with a rich console."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    style = "yellow" if report.measure == "recall" else "green"
    figures = Table("", str(BASELINE), str(TUNED), box=box.SIMPLE_HEAD)
    for figure in _rows(report):
        figures.add_row(str(figure["name"]), figure["before"], figure["after"])
    parts: list[RenderableType] = [
        Text(str(headline(report)), style="bold"),
        Text(str(measure_words(report)), style=style),
        *(Text(f"· {note}", style="dim") for note in notes(report)),
        figures,
    ]
    wrong = [row for row in report.answers if row["tuned"] != row["reference"]][:examples]
    if wrong:
        mistakes = Table(
            str(Words("text", "文本")), str(RIGHT), str(SAID), box=box.SIMPLE_HEAD, title_justify="left",
            title=str(Words("The mistakes it was surest of", "最有把握的错误")),
        )  # fmt: skip
        for row in wrong:
            shown = " ".join(row["question"].split())
            text = shown if len(shown) <= 120 else f"{shown[:119]}…"
            # Text, not markup: a record may hold square brackets.
            mistakes.add_row(Text(text), Text(row["reference"]), Text(f"{row['tuned']} {row['probability']:.0%}"))
        parts.append(mistakes)
    return Group(*parts)


def page(report: Report, model: ModelVersion, curves: Curves, made: Sequence[Made]) -> str:
    """The whole page as text."""
    from markupsafe import Markup

    from tuneloop.evaluate.page import curve_charts, own_file

    names, counts = classes.matrix(report)
    square = charts.matrix_chart(counts, names, title=MATRIX, row_label=RIGHT, column_label=SAID)
    return render(
        own_file("classes.html"),
        title=f"{model.name} · {report.dataset or ''}",
        report=report,
        model=model,
        baseline=BASELINE,
        tuned=TUNED,
        measure=measure_words(report),
        headline=headline(report),
        notes=list(notes(report)),
        rows=list(_rows(report)),
        square=Markup(square),
        curve_charts=[Markup(svg) for svg in curve_charts(curves, model)],
        answers=report.answers,
        made=made,
    )


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    for name, words in FIGURES.items():
        before, after = (_shown(report, arm, name) for arm in measures.ARMS)
        if after:
            yield {"name": words, "before": before, "after": after}


def _shown(report: Report, arm: str, name: str) -> str:
    """`87.1 % (85.0-89.2)`, the interval where there is one."""
    value = report.metrics[arm].get(name)
    if value is None:
        return ""
    if f"{name}.low" not in report.metrics[arm]:
        return f"{value:.1%}"
    one = _interval(report, arm, name)
    return f"{value:.1%} ({one.low * 100:.1f}-{one.high * 100:.1f})"


def _interval(report: Report, arm: str, name: str) -> Interval:
    found = measures.interval_of(report.metrics, arm, name)
    if found is None:
        raise ValueError(f"the report {report.name} has no {name} of {arm}")
    return found
