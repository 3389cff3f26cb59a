"""A line chart: loss over steps, and the like."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuneloop.charts import ticks
from tuneloop.charts.svg import COLOURS, FONT, Frame, element, picture, text_width, words
from tuneloop.wording import Language, Words

NO_POINTS = Words("No points yet", "暂无数据点")
TOLD = Words(
    "{name}: {count} points, first {first:.4g}, lowest {low:.4g}, last {last:.4g}",
    "{name}：{count} 个点，起始 {first:.4g}，最低 {low:.4g}，最终 {last:.4g}",
)
STRETCHES = 40
DASHES = (None, "7 4", "2 4", "9 3 2 3")  # told apart without colour, too


@dataclass(frozen=True)
class Series:
    """`points` are (x, y) in rising x; a y that is not finite leaves a gap in the line.

    `smooth` in [0, 1) draws an exponential moving average with this weight on the past over the faint raw points; less
    with few points, as an average over more than about 1/`STRETCHES` of a curve shows a fall long after it came.
    """

    name: Words
    points: Sequence[tuple[float, float]]
    smooth: float = 0.0


@dataclass(frozen=True)
class Mark:
    """A dashed vertical line at `x`, such as the best checkpoint."""

    x: float
    label: Words


def line_chart(
    series: Sequence[Series],
    *,
    title: Words,
    x_label: Words,
    y_label: Words,
    width: int = 720,
    height: int = 320,
    log: bool = False,
    marks: Sequence[Mark] = (),
    language: Language | None = None,
) -> str:
    """The chart as SVG text of `width` x `height` units.

    `log` draws y logarithmically; values not above 0 are then gaps.  `language` None writes both languages and leaves
    the choice to the page around (see `charts.svg`); give one for a picture that is a file of its own.
    """
    drawable = [[(x, y) for x, y in one.points if _drawable(x, y, log)] for one in series]
    points = [point for one in drawable for point in one]
    head = [words(16.0, 24.0, title, class_="title")]
    if not points:
        note = words(width / 2, height / 2, NO_POINTS, text_anchor="middle")
        return picture(width, height, title, NO_POINTS, *head, note, language=language)
    y_ticks = (ticks.logarithmic if log else ticks.linear)(*_range(y for _, y in points), max(3, height // 56))
    x_ticks = ticks.linear(*_range(x for x, _ in points), max(3, width // 110))
    left = 24.0 + max(text_width(ticks.written(tick, y_ticks)) for tick in y_ticks)
    frame = Frame(left, 84.0, width - 20.0, height - 46.0)
    across = _Axis(*_range(x for x, _ in points), frame.left, frame.right)
    up = _Axis(*_range([*y_ticks, *(y for _, y in points)]), frame.bottom, frame.top, log)
    body = [
        *head,
        *_grid(frame, across, up, x_ticks, y_ticks),
        words(frame.left, frame.top - 12.0, y_label),
        words((frame.left + frame.right) / 2, height - 10.0, x_label, text_anchor="middle"),
        *(part for mark in marks for part in _mark(mark, frame, across)),
        *(part for index, one in enumerate(series) for part in _line(index, one, across, up, log)),
        *_legend(series, width),
    ]
    return picture(width, height, title, _description(series, drawable), *body, language=language)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def _drawable(x: float, y: float, log: bool) -> bool:
    return math.isfinite(x) and math.isfinite(y) and (y > 0 or not log)


def _range(values: Sequence[float] | Iterator[float]) -> tuple[float, float]:
    found = list(values)
    return min(found), max(found)


def _grid(frame: Frame, across: _Axis, up: _Axis, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Iterator[str]:
    for tick in y_ticks:
        y = up.at(tick)
        yield element("line", class_="grid", x1=frame.left, x2=frame.right, y1=y, y2=y)
        yield element("text", text=ticks.written(tick, y_ticks), x=frame.left - 8, y=y + 4, text_anchor="end")
    for tick in x_ticks:
        if across.low <= tick <= across.high:
            text = ticks.written(tick, x_ticks)
            yield element("text", text=text, x=across.at(tick), y=frame.bottom + 18, text_anchor="middle")
    yield element("line", class_="axis", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom)


def _mark(mark: Mark, frame: Frame, across: _Axis) -> Iterator[str]:
    if not across.low <= mark.x <= across.high:
        return
    x = across.at(mark.x)
    yield element("line", class_="mark", x1=x, x2=x, y1=frame.top, y2=frame.bottom)
    side = "end" if x > (frame.left + frame.right) / 2 else "start"
    yield words(x + (-6 if side == "end" else 6), frame.top + 12.0, mark.label, text_anchor=side)


def _line(index: int, series: Series, across: _Axis, up: _Axis, log: bool) -> Iterator[str]:
    colour = f"stroke:var(--chart-{index % len(COLOURS)})"
    dash = DASHES[index % len(DASHES)]
    pieces = list(_pieces(series.points, log))
    smooth = min(series.smooth, 1 - STRETCHES / max(1, len(series.points)))
    if smooth > 0:
        for piece in pieces:
            yield _path(piece, across, up, class_="line raw", style=colour)
        pieces = list(_smoothed(pieces, smooth))
    for piece in pieces:
        if len(piece) == 1:
            x, y = piece[0]
            fill = f"fill:var(--chart-{index % len(COLOURS)})"
            yield element("circle", cx=across.at(x), cy=up.at(y), r=3, style=fill)
        else:
            yield _path(piece, across, up, class_="line", style=colour, stroke_dasharray=dash)


def _pieces(points: Sequence[tuple[float, float]], log: bool) -> Iterator[list[tuple[float, float]]]:
    """The runs of drawable points between gaps."""
    piece: list[tuple[float, float]] = []
    for x, y in points:
        if _drawable(x, y, log):
            piece.append((x, y))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _smoothed(pieces: Sequence[list[tuple[float, float]]], weight: float) -> Iterator[list[tuple[float, float]]]:
    """Exponential moving average, divided by the sum of its weights so that the start is not drawn towards 0."""
    total = share = 0.0
    for piece in pieces:
        smooth = []
        for x, y in piece:
            total, share = weight * total + (1 - weight) * y, weight * share + (1 - weight)
            smooth.append((x, total / share))
        yield smooth


def _path(piece: Sequence[tuple[float, float]], across: _Axis, up: _Axis, **attributes: str | None) -> str:
    places = [(across.at(x), up.at(y)) for x, y in _thinned(piece, 2 * int(abs(across.end - across.start)))]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return element("path", d=line, text="", **attributes)


def _thinned(piece: Sequence[tuple[float, float]], most: int) -> Sequence[tuple[float, float]]:
    """At most about `most` points: of each stretch its lowest and highest, so that no spike is lost."""
    if len(piece) <= most:
        return piece
    stretch = math.ceil(2 * len(piece) / most)
    kept = [piece[0]]
    for start in range(0, len(piece), stretch):
        part = piece[start : start + stretch]
        kept += sorted({min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])})
    return [*kept, piece[-1]]


def _legend(series: Sequence[Series], width: int) -> Iterator[str]:
    """One row of keys under the title, laid out for each language by itself."""
    for language in ("en", "zh"):
        x, parts = 16.0, []
        for index, one in enumerate(series):
            name, colour = one.name.to(language), f"stroke:var(--chart-{index % len(COLOURS)})"
            dash = DASHES[index % len(DASHES)]
            parts += [
                element("path", d=f"M{x:.0f} 45h22", class_="line", style=colour, stroke_dasharray=dash),
                element("text", text=name, x=x + 28, y=45 + FONT / 3),
            ]
            x += 28 + text_width(name) + 20
        yield element("g", *parts, class_=language)


def _description(series: Sequence[Series], drawable: Sequence[Sequence[tuple[float, float]]]) -> Words:
    parts = [
        TOLD.format(
            name=one.name,
            count=len(points),
            first=points[0][1],
            low=min(y for _, y in points),
            last=points[-1][1],
        )
        for one, points in zip(series, drawable, strict=True)
        if points
    ]
    return Words("; ".join(part.en for part in parts) + ".", "；".join(part.zh for part in parts) + "。")
