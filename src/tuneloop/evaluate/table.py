"""The report on a terminal: rich tables, from the kept report alone, so that an old one can be shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.evaluate import classes, classes_shown, measures, sentences
from tuneloop.evaluate.measures import ARMS
from tuneloop.records import Report
from tuneloop.scores.interval import Interval
from tuneloop.wording import Words

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

EXAMPLES = 6


def table(report: Report, examples: int = EXAMPLES) -> Group:
    """Headline, what the questions prove, the figures, and the first answers; print it with a rich console."""
    from rich.console import Group
    from rich.text import Text

    if classes.is_classifier(report):
        return classes_shown.table(report, examples)
    parts: list[RenderableType] = [
        Text(str(sentences.headline(report.metrics)), style="bold"),
        Text(str(sentences.measure_words(report.measure)), style="yellow" if report.measure == "recall" else "green"),
        *(Text(f"· {note}", style="dim") for note in sentences.notes(report.metrics)),
        _figures(report),
    ]
    if report.answers and examples:
        parts.append(_answers(report, examples))
    return Group(*parts)


def _figures(report: Report) -> Table:
    found = _new_table(Words("", ""), *sentences.ARM_WORDS.values())
    for name, words in sentences.LOSS_WORDS.items():
        base, tuned = (report.metrics[arm].get(name) for arm in ARMS)
        if base is not None and tuned is not None:
            found.add_row(str(words), f"{base:.3f}", f"{tuned:.3f}", f"{tuned - base:+.3f}")
    for metric in measures.names(report.metrics):
        for group in ("", *measures.groups(report.metrics)):
            before, after = (measures.interval_of(report.metrics, arm, metric, group) for arm in ARMS)
            change = measures.interval_of(report.metrics, "difference", metric, group)
            if before and after and change:
                title = f"  {sentences.group_words(group)}" if group else str(sentences.metric_words(metric))
                found.add_row(title, _share(before), _share(after), str(sentences.certainty(change)))
    return found


def _share(interval: Interval) -> str:
    return f"{interval.mean:.0%} [dim]{interval.low * 100:.0f}-{interval.high * 100:.0f}[/]"


def _answers(report: Report, most: int) -> Table:
    from rich.text import Text

    found = _new_table(
        Words("question", "问题"), Words("reference", "参考答案"), Words("base", "基座模型"), Words("tuned", "微调后")
    )
    shown = report.answers[:most]
    for row in shown:
        # Text, not markup: an answer may hold square brackets.
        found.add_row(*(Text(_short(row[key])) for key in ("question", "reference", "base", "tuned")))
    if len(report.answers) > most:
        more = Words("{count} more answers are in the page.", "另有 {count} 个回答见网页报告。")
        found.caption = str(more.format(count=len(report.answers) - most))
    return found


def _short(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _new_table(*columns: Words) -> Table:
    from rich import box
    from rich.table import Table

    found = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        found.add_column(str(column), overflow="fold")
    return found
