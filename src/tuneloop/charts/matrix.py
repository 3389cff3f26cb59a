"""A square of counts, each cell as dark as its share of the row: what was right against what was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tuneloop.charts.svg import FONT, element, picture, text_width, words
from tuneloop.wording import Language, Words

_CELL, _TOP = 44.0, 72.0
_LONGEST = 14  # characters of a name beside or above its row and column
_MOST = 40  # classes drawn; a larger square has cells that no one can read
TOO_MANY = Words(
    "{count} classes are too many to draw; the figures are in the JSON file",
    "共 {count} 个类别，图中无法显示，数值见 JSON 文件",
)
SIDES = Words("{rows} ↓  {columns} →", "{rows} ↓  {columns} →")
TOLD = Words("{name}: {right} of {all} right", "{name}：{all} 个中对了 {right} 个")


def matrix_chart(
    table: Sequence[Sequence[int]],
    names: Sequence[str],
    *,
    title: Words,
    row_label: Words,
    column_label: Words,
    language: Language | None = None,
) -> str:
    """The chart as SVG text; `table[i][j]` counts what is `names[i]` and was taken for `names[j]`."""
    if len(names) > _MOST:
        note = TOO_MANY.format(count=len(names))
        head = [words(16.0, 24.0, title, class_="title"), words(16.0, 48.0, note)]
        return picture(480, 72, title, note, *head, language=language)
    short = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
    left = 24.0 + max(text_width(name) for name in short)
    upright = all(text_width(name) <= _CELL for name in short)
    head_height = FONT + 4 if upright else 8 + max(text_width(name) for name in short)
    top, size = _TOP + head_height, _CELL * len(names)
    body = [
        words(16.0, 24.0, title, class_="title"),
        words(16.0, 46.0, SIDES.format(rows=row_label, columns=column_label)),
        *_names(short, left, top, upright=upright),
        *(cell for row, counts in enumerate(table) for cell in _row(row, counts, left, top)),
    ]
    width = max(left + size + 20.0, 32 + text_width(title.en, 14), 32 + text_width(title.zh, 14))
    told = [(name, counts[place], sum(counts)) for place, (name, counts) in enumerate(zip(names, table, strict=True))]
    parts = [TOLD.format(name=name, right=right, all=every) for name, right, every in told]
    description = Words("; ".join(part.en for part in parts), "；".join(part.zh for part in parts))
    return picture(int(width), int(top + size + 16), title, description, *body, language=language)


def _names(names: Sequence[str], left: float, top: float, *, upright: bool) -> Iterator[str]:
    for place, name in enumerate(names):
        middle = _CELL * (place + 0.5)
        yield element("text", text=name, x=left - 8, y=top + middle + FONT / 3, text_anchor="end")
        x, y = left + middle, top - 8
        if upright:
            yield element("text", text=name, x=x, y=y, text_anchor="middle")
        else:
            turn = f"rotate(-90 {x + FONT / 3:.1f} {y:.1f})"
            yield element("text", text=name, x=x + FONT / 3, y=y, transform=turn)


def _row(row: int, counts: Sequence[int], left: float, top: float) -> Iterator[str]:
    total = max(1, sum(counts))
    for column, count in enumerate(counts):
        x, y, share = left + _CELL * column, top + _CELL * row, count / total
        colour = f"fill:var(--chart-{0 if row == column else 1});fill-opacity:{0.75 * share:.2f}"
        yield element("rect", class_="grid", x=x, y=y, width=_CELL, height=_CELL, style=colour)
        if count:
            place = {"x": x + _CELL / 2, "y": y + _CELL / 2 + FONT / 3, "text_anchor": "middle"}
            yield element("text", text=f"{count}", style="fill:var(--chart-ink)", **place)
