"""The statistics of a dataset version as one HTML file with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from tuneloop import charts
from tuneloop.pages import NARROW, WIDE, render
from tuneloop.prepare.advising import ALIKE, LANGUAGES, REPEATS, UNEVEN
from tuneloop.prepare.statistics import Spectrum, Statistics
from tuneloop.records import DatasetVersion
from tuneloop.wording import Words

ROWS = 15
"""Rows of a bar chart; the rest is one row."""

SPLITS = {
    "train": Words("train", "训练集"),
    "validation": Words("validation", "验证集"),
    "test": Words("test", "测试集"),
}
KINDS = {
    "text": Words("raw text", "纯文本"),
    "chat": Words("dialogue", "对话"),
    "preference": Words("preference pair", "偏好对"),
    "rating": Words("rated answer", "带评价的回答"),
    "label": Words("classified text", "分类文本"),
}
REST = Words("others", "其他")


def page(found: Statistics, version: DatasetVersion) -> str:
    """The whole page as text."""
    report = version.report
    return render(
        files("tuneloop.prepare").joinpath("statistics.html").read_text(encoding="utf-8"),
        title=found.name,
        found=found,
        version_made=version.created,
        cards=list(_cards(found)),
        advice=[Words(**one["text"]) for one in report.get("advice", ())] + [one.text for one in found.advice],
        groups=[group for group in _groups(found, report) if group["charts"]],
        spectra=list(_spectra(found)),
    )


def _cards(found: Statistics) -> Iterator[dict[str, Any]]:
    yield _card(Words("Records", "记录数"), f"{found.records:,}", found.records < 100)
    yield _card(Words("Median tokens", "词元数中位数"), f"{found.tokens.percentiles.get(50, 0):,.0f}")
    yield _card(Words("Near-repeats", "近似重复"), f"{found.near_repeats:.1%}", found.near_repeats > REPEATS)
    yield _card(Words("Different pieces in answers", "回答多样性"), f"{found.distinct:.0%}", found.distinct < ALIKE)
    if found.balance is not None:
        title = Words("Rarest class, of the most frequent", "最少类别占最多类别")
        yield _card(title, f"{found.balance:.0%}", found.balance < UNEVEN)
    yield _card(Words("Synthetic", "合成数据占比"), f"{found.synthetic:.0%}")


def _card(name: Words, value: str, bad: bool = False) -> dict[str, Any]:
    return {"name": name, "value": value, "bad": bad}


def _groups(found: Statistics, report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield _group(
        Words("Lengths", "长度分布"),
        _histogram(found.tokens, Words("Tokens of a record", "每条记录的词元数"), Words("tokens", "词元数")),
        _histogram(found.answer_tokens, Words("Tokens of an answer", "每个回答的词元数"), Words("tokens", "词元数")),
        _bars(found.turns, Words("Messages of a dialogue", "每段对话的消息数")),
        note=Words("The last column holds the longest hundredth, however long.", "最后一列为最长的 1%，不论具体长度。"),
    )
    yield _group(
        Words("What it is made of", "数据构成"),
        _bars(found.splits, Words("Splits", "划分"), SPLITS),
        _bars(found.kinds, Words("Kinds of record", "记录类型"), KINDS),
        _bars(found.languages, Words("Languages", "语言"), LANGUAGES),
        _bars(found.sources, Words("Sources", "来源")),
    )
    yield _group(
        Words("Balance and variety", "均衡与多样性"),
        _bars(found.labels, Words("Classes", "类别")),
        _bars(found.tags, Words("Tags", "标签"), total=found.records),
        _bars(found.openings, Words("How questions begin", "问题的开头"), total=found.sampled),
    )
    left = {Words(**one["words"]): one["count"] for one in report.get("reasons", ())}
    chart = [
        _both(list(left.items())[:ROWS], Words("Why items are not records of their own", "条目未成为独立记录的原因"))
    ]
    yield {"title": Words("What was left out", "未收入的内容"), "charts": chart if left else [], "note": None}


def _group(title: Words, *found: tuple[str, str] | None, note: Words | None = None) -> dict[str, Any]:
    return {"title": title, "charts": [one for one in found if one is not None], "note": note}


def _bars(
    counts: Mapping[str, int], title: Words, names: Mapping[str, Words] | None = None, *, total: int | None = None
) -> tuple[str, str] | None:
    """None where there is nothing to compare; what is beyond the first rows is put together.

    `total` is what shares are of, where the counts are a choice.
    """
    rows = [((names or {}).get(name, Words(name, name)), count) for name, count in counts.items() if count]
    if len(rows) > ROWS:
        rows = [*rows[:ROWS], (REST, sum(count for _, count in rows[ROWS:]))]
    return _both(rows, title, total) if len(rows) > 1 else None


def _both(rows: Sequence[tuple[Words, float]], title: Words, total: int | None = None) -> tuple[str, str]:
    from markupsafe import Markup

    wide, narrow = (
        Markup(charts.bar_chart(rows, title=title, total=total, width=width)) for width, _ in (WIDE, NARROW)
    )
    return wide, narrow


def _histogram(spectrum: Spectrum, title: Words, label: Words) -> tuple[str, str] | None:
    from markupsafe import Markup

    if len(spectrum.counts) < 2:
        return None
    wide, narrow = (
        Markup(
            charts.histogram(spectrum.edges, spectrum.counts, title=title, x_label=label, width=width, height=height)
        )
        for width, height in (WIDE, NARROW)
    )
    return wide, narrow


def _spectra(found: Statistics) -> Iterator[dict[str, Any]]:
    for name, spectrum in (
        (Words("Characters", "字符数"), found.characters),
        (Words("Tokens", "词元数"), found.tokens),
        (Words("Tokens of an answer", "回答的词元数"), found.answer_tokens),
    ):
        if spectrum.count:
            yield {"name": name, "of": spectrum}
