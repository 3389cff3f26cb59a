"""An interval chart: one row per measure, one dot per candidate, a bar for how sure the value is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuneloop.charts.svg import COLOURS, FONT, element, picture, text_width, words
from tuneloop.wording import Language, Words

_ROW = 44.0


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its interval, as shares from 0 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    label: Words
    estimates: Sequence[Estimate]


def interval_chart(
    rows: Sequence[Row], *, names: Sequence[Words], title: Words, width: int = 720, language: Language | None = None
) -> str:
    """Shares between 0 and 100 %, one row each; `names` are the candidates, in the order of each row's estimates."""
    left = 24.0 + max((text_width(text) for row in rows for text in row.label), default=0.0)
    left, right = min(left, width * 0.42), width - 56.0
    bottom = 72.0 + _ROW * len(rows)
    body = [words(16.0, 24.0, title, class_="title"), *_keys(names)]
    for percent in (0, 25, 50, 75, 100):
        x = left + (right - left) * percent / 100
        body.append(element("line", class_="grid", x1=x, x2=x, y1=64.0, y2=bottom))
        body.append(element("text", text=f"{percent}%", x=x, y=bottom + 18, text_anchor="middle"))
    for index, row in enumerate(rows):
        middle = 72.0 + _ROW * (index + 0.5)
        body.append(words(16.0, middle + FONT / 3, row.label))
        body += _estimates(row.estimates, middle, left, right)
    return picture(width, int(bottom) + 30, title, _description(rows, names), *body, language=language)


def _keys(names: Sequence[Words]) -> Iterator[str]:
    for language in ("en", "zh"):
        x, parts = 20.0, []
        for index, name in enumerate(names):
            parts.append(_dot(index, x, 45.0))
            parts.append(element("text", text=name.to(language), x=x + 12, y=45 + FONT / 3))
            x += 12 + text_width(name.to(language)) + 24
        yield element("g", *parts, class_=language)


def _estimates(estimates: Sequence[Estimate], middle: float, left: float, right: float) -> Iterator[str]:
    height = _ROW * 0.36
    for index, one in enumerate(estimates):
        y = middle + (index - (len(estimates) - 1) / 2) * height
        low, value, high = (left + (right - left) * share for share in (one.low, one.value, one.high))
        colour = f"stroke:var(--chart-{index % len(COLOURS)})"
        yield element("line", x1=low, x2=high, y1=y, y2=y, style=f"{colour};stroke-width:3;opacity:.45")
        yield _dot(index, value, y)
        yield element("text", text=f"{one.value:.0%}", x=max(high, value) + 10, y=y + FONT / 3)


def _dot(index: int, x: float, y: float) -> str:
    """Filled for the first candidate's successors, hollow for the first, so that colour is not the only sign."""
    colour = f"var(--chart-{index % len(COLOURS)})"
    style = f"fill:{colour}" if index else f"fill:none;stroke:{colour};stroke-width:2"
    return element("circle", cx=x, cy=y, r=5, style=style)


def _description(rows: Sequence[Row], names: Sequence[Words]) -> Words:
    def told(language: Language) -> str:
        return "; ".join(
            f"{row.label.to(language)}: "
            + ", ".join(
                f"{name.to(language)} {one.value:.1%} ({one.low:.1%}-{one.high:.1%})"
                for name, one in zip(names, row.estimates, strict=True)
            )
            for row in rows
        )

    return Words(told("en"), told("zh"))
