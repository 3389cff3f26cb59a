"""Writing SVG: escaped elements, sentences in two languages, colours for light and dark.

A picture carries both languages when it stands in a page: the page's `<html lang>` decides which is shown.  A picture
that is a file of its own names its language (`language=`), as it has no page to ask.  Colours are CSS variables with a
light and a dark value, chosen by the reader's system, or by `data-theme="light|dark"` on the page's root.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from html import escape

from tuneloop.wording import Language, Words

FONT = 12
"""Text size in the picture's own units."""

COLOURS = (("#2f6fed", "#6ea0ff"), ("#c2620a", "#f0a35c"), ("#0f8a5f", "#4ecb9a"), ("#8a3ffc", "#b98cff"))
"""Series colours, light and dark; each has a contrast of at least 3:1 with its background (WCAG 2.2, 1.4.11)."""

_LIGHT = {"ink": "#1d2330", "soft": "#5a6478", "grid": "#e3e7ee", "paper": "#ffffff"}
_DARK = {"ink": "#e8ebf2", "soft": "#a3adc0", "grid": "#333b4b", "paper": "#14171f"}


def _variables(index: int) -> str:
    base = (_LIGHT, _DARK)[index]
    return "".join(f"--chart-{name}:{value};" for name, value in base.items()) + "".join(
        f"--chart-{number}:{pair[index]};" for number, pair in enumerate(COLOURS)
    )


STYLE = (
    f".chart{{{_variables(0)}font:{FONT}px system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}}"
    f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]) .chart,.chart:root{{{_variables(1)}}}}}"
    f":root[data-theme=dark] .chart{{{_variables(1)}}}"
    ".chart text{fill:var(--chart-soft)}.chart .title{fill:var(--chart-ink);font-weight:600;font-size:14px}"
    ".chart .grid{stroke:var(--chart-grid);stroke-width:1}.chart .axis{stroke:var(--chart-soft);stroke-width:1}"
    ".chart .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".chart .raw{stroke-width:1;opacity:.35}.chart .mark{stroke:var(--chart-soft);stroke-dasharray:3 3}"
    ".only-zh,.only-en{background:var(--chart-paper)}"
    ".only-zh .en,.only-en .zh,.both:lang(zh) .en,.both:not(:lang(zh)) .zh{display:none}"
)


def element(name: str, *inner: str, text: str = "", **attributes: object) -> str:
    """One element; `inner` is SVG already, `text` is escaped; `_` in an attribute's name stands for `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = "".join(inner) + escape(text, quote=False)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def words(x: float, y: float, sentence: Words, **attributes: object) -> str:
    """A text in both languages at one place, of which one is shown."""
    style = str(attributes.pop("class_", ""))
    if sentence.en == sentence.zh:
        return element("text", text=sentence.en, x=x, y=y, class_=style or None, **attributes)
    return "".join(
        element("text", text=text, x=x, y=y, class_=f"{style} {language}".strip(), lang=language, **attributes)
        for language, text in (("en", sentence.en), ("zh", sentence.zh))
    )


def text_width(text: str, size: float = FONT) -> float:
    """The width to leave for a text: an estimate, as no font is loaded; wide characters count as one em."""
    ems = sum(1.0 if unicodedata.east_asian_width(character) in "WF" else 0.58 for character in text)
    return ems * size


@dataclass(frozen=True)
class Frame:
    """The rectangle that data is drawn in."""

    left: float
    top: float
    right: float
    bottom: float


def picture(width: int, height: int, title: Words, description: Words, *body: str, language: Language | None) -> str:
    """The whole SVG, with a title and a description for those who cannot see it."""
    both = title.to(language) if language else (title.en if title.en == title.zh else f"{title.en} / {title.zh}")
    told = description.to(language) if language else f"{description.en} / {description.zh}"
    return element(
        "svg",
        element("title", text=both),
        element("desc", text=told),
        element("style", STYLE),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        class_=f"chart only-{language}" if language else "chart both",
        lang=language,
    )
