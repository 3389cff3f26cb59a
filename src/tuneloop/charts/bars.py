"""Bars: how much there is of each thing, one row each, or a histogram with one column for each class of numbers."""

from __future__ import annotations

from collections.abc import Sequence

from tuneloop.charts.svg import FONT, element, picture, text_width, words
from tuneloop.charts.ticks import linear, written
from tuneloop.wording import Language, Words

_ROW = 26.0
_COLOUR = "fill:var(--chart-0)"
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def bar_chart(
    counts: Sequence[tuple[Words, float]],
    *,
    title: Words,
    total: float | None = None,
    width: int = 720,
    language: Language | None = None,
) -> str:
    """A row for each (name, count), in the order given, with its count and its share of `total` behind the bar.

    Without `total` the shares are of the sum.
    """
    total = total or sum(count for _, count in counts) or 1.0
    most = max((count for _, count in counts), default=0.0) or 1.0
    left = min(24.0 + max((text_width(text) for name, _ in counts for text in name), default=0.0), width * 0.4)
    right = width - 110.0
    body = [words(16.0, 24.0, title, class_="title")]
    for index, (name, count) in enumerate(counts):
        top = 40.0 + _ROW * index
        bar = max((right - left) * count / most, 1.0 if count else 0.0)
        body.append(words(16.0, top + _ROW / 2 + FONT / 3, _short(name, left - 20)))
        body.append(element("rect", x=left, y=top + 4, width=bar, height=_ROW - 8, rx=2, style=_COLOUR))
        told = f"{count:,.0f} · {count / total:.0%}"
        body.append(element("text", text=told, x=left + bar + 8, y=top + _ROW / 2 + FONT / 3))
    listed = Words(*("; ".join(f"{name.to(one)}: {count:,.0f}" for name, count in counts) for one in LANGUAGES))
    return picture(width, int(48 + _ROW * len(counts)), title, listed, *body, language=language)


def histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    title: Words,
    x_label: Words,
    width: int = 720,
    height: int = 260,
    language: Language | None = None,
) -> str:
    """Columns of equal width: `counts[i]` values lie between `edges[i]` and `edges[i + 1]`, which need not be even."""
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, found {len(edges)}")
    most = max(counts, default=0) or 1
    ticks = [tick for tick in linear(0, most) if tick == int(tick)]
    left, right, top, bottom = 24.0 + text_width(f"{most:,}"), width - 16.0, 44.0, height - 48.0
    step = (right - left) / max(len(counts), 1)
    body = [words(16.0, 24.0, title, class_="title")]
    for tick in ticks:
        y = bottom - (bottom - top) * tick / most
        if y >= top - 1:
            body.append(element("line", class_="grid", x1=left, x2=right, y1=y, y2=y))
            body.append(element("text", text=f"{int(tick):,}", x=left - 8, y=y + FONT / 3, text_anchor="end"))
    for index, count in enumerate(counts):
        tall = (bottom - top) * count / most
        x, breadth = left + step * index + 1, max(step - 2, 1.0)
        body.append(element("rect", style=_COLOUR, x=x, y=bottom - tall, width=breadth, height=tall))
    every = max(1, round(60 / step)) if step else 1
    for index in range(0, len(edges), every):
        text = written(edges[index], edges)
        body.append(element("text", text=text, x=left + step * index, y=bottom + 18, text_anchor="middle"))
    body.append(words((left + right) / 2, height - 10.0, x_label, text_anchor="middle"))
    ends = [written(edge, edges) for edge in edges]
    pairs = [f"{ends[at]}-{ends[at + 1]}: {count:,}" for at, count in enumerate(counts)]
    told = Words(*(f"{x_label.to(one)}: " + "; ".join(pairs) for one in LANGUAGES))
    return picture(width, height, title, told, *body, language=language)


def _short(name: Words, room: float) -> Words:
    """Names that fit; the description holds them whole."""
    return Words(*(_cut(text, room) for text in name))


def _cut(text: str, room: float) -> str:
    if text_width(text) <= room:
        return text
    while text and text_width(text + "…") > room:
        text = text[:-1]
    return text + "…"
