"""HTML that has strayed into plain text: tags and entities out, the words stay.

Only elements that HTML has are taken for tags, so `a < b`, `List<String>` and a model's own `<think>` stay, and code
between ``` fences or backticks is left alone.  Not covered: whole pages, whose menus and advertisements need a parser
that knows them.
"""

from __future__ import annotations

import html
import re
from collections import Counter

from tuneloop.text.code import outside

_INLINE = "a abbr b bdi big center cite em font i img ins mark s small span strike strong sub sup tt u wbr"
_BLOCK = (
    "address article aside blockquote body br dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 head"
    " header hr html li main nav ol p pre section table tbody td tfoot th thead title tr ul"
)
_HIDDEN = re.compile(r"<!--|<(script|style)\b[^<>]*>", re.IGNORECASE)
_ATTRIBUTES = r"""(?:\s+[\w:-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))?)*\s*/?"""
_TAG = re.compile(rf"</?({'|'.join((_INLINE + ' ' + _BLOCK).split())}){_ATTRIBUTES}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_BLOCKS = frozenset(_BLOCK.split())


def strip(text: str) -> tuple[str, Counter[str]]:
    """The text without HTML, and how many `tags` and `entities` went; the same text when there were none."""
    edits: Counter[str] = Counter()
    if "<" not in text and "&" not in text:
        return text, edits
    text = outside(text, lambda piece: _strip(piece, edits))
    return (_tidy(text) if edits["tags"] else text), edits


def _strip(text: str, edits: Counter[str]) -> str:
    text, hidden = _visible(text)
    text, tags = _TAG.subn(lambda tag: "\n" if tag[1].lower() in _BLOCKS else "", text)
    text, entities = _ENTITY.subn(_character, text)
    edits.update({name: count for name, count in (("tags", hidden + tags), ("entities", entities)) if count})
    return text


def _visible(text: str) -> tuple[str, int]:
    """Without comments, scripts and styles; one that nothing closes stays. Linear, however many are open."""
    parts, at, searched = list[str](), 0, 0
    unclosed: set[str] = set()
    while found := _HIDDEN.search(text, searched):
        closing = f"</{found[1].lower()}>" if found[1] else "-->"
        closed = None if closing in unclosed else re.compile(closing, re.IGNORECASE).search(text, found.end())
        if closed is None:
            unclosed.add(closing)
            searched = found.end()
            continue
        parts.append(text[at : found.start()])
        at = searched = closed.end()
    return "".join([*parts, text[at:]]), len(parts)


def _character(entity: re.Match[str]) -> str:
    found = html.unescape(entity[0])
    return " " if found == "\xa0" else found


def _tidy(text: str) -> str:
    """Where tags stood: no spaces at line ends, and one empty line at most."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*\n[ \t]*", "\n", text)).strip()
