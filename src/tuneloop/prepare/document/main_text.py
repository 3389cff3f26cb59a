"""The article of a web page → blocks, without menus, advertisements and lists of other articles.

trafilatura finds the article (Barbaresi, "Trafilatura", ACL 2021); it is given the decoded page and fetches nothing.
Its tree is read by the same walker as a whole page, its titles are kept, and `furniture` takes out what Chinese and
English news leave inside their articles.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from tuneloop.prepare.document.blocks import LONGEST_HEADING, Block, heading
from tuneloop.prepare.document.furniture import without_furniture
from tuneloop.prepare.document.html_tree import Set, blocks_of, set_blocks

if TYPE_CHECKING:
    from lxml.etree import _Element

_TAGS = {"list": "ul", "item": "li", "row": "tr", "cell": "td", "quote": "blockquote", "lb": "br", "hi": "span"}
_AROUND = frozenset({"nav", "aside", "footer", "form"})
PIECE, SURE, SIMILAR = 8, 12, 0.7
"""Characters of a piece; of a block that is told by its pieces; and how many of them must be found."""

ENOUGH, LINKED, CAPTION, CLOSE = 0.8, 0.5, 200, 3
"""Share of the article that must be found in the page; share of links from which a block is a list of them; characters
of what may stand between an article's blocks; blocks that lie close."""

_PARTS_OF_TITLE = re.compile(r"\s*[_|–—·»]+\s*|\s+-\s+")


def main_text(text: str, tree: _Element) -> list[Block]:
    """The article's blocks; empty when none is found.  `tree` is the whole page."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it tells each page without an article
    found = trafilatura.bare_extraction(
        text, include_comments=False, include_tables=True, include_images=False, include_links=False
    )
    body = getattr(found, "body", None)
    if body is None:
        return []
    _as_html(body)
    page = tree.find(".//body")
    blocks = without_furniture(
        _as_set(blocks_of(body), set_blocks(page if page is not None else tree, without=_AROUND))
    )
    name = title_of(tree)
    return [heading(name, 1), *blocks] if name and blocks and not _said(name, blocks) else blocks


def _as_set(found: list[Block], page: list[Set]) -> list[Block]:
    """What was found, as the page sets it: with its structure, and with the captions and steps between its paragraphs.

    `found` says which blocks of the page are of the article.  What stands between two of them belongs to it too, unless
    it is links; runs of links at its end do not.  Where `found` cannot be told in the page it is taken as it is.
    """
    article = "".join(_squeezed(block.text) for block in found)
    if len(found) == 1 and len(page) > 1 and sum(len(_squeezed(one.block.text)) for one in page) <= 1.2 * len(article):
        return [one.block for one in page]  # of a short page it gives all words in one line
    pieces = {article[place : place + PIECE] for place in range(max(len(article) - PIECE + 1, 0))}
    lines = {_squeezed(line) for block in found for line in block.text.split("\n")}
    texts = [_squeezed(one.block.text) for one in page]
    sure = [_is_in(text, pieces) for text in texts]
    if sum(len(text) for text, own in zip(texts, sure, strict=True) if own) < ENOUGH * len(article):
        return found
    small = [text in lines and one.linked < LINKED for text, one in zip(texts, page, strict=True)]
    own = _joined_on(sure, small)
    first, last = own.index(True), len(own) - 1 - own[::-1].index(True)
    between = [
        first < place < last
        and texts[place] != ""
        and (len(texts[place]) <= CAPTION or one.block.kind == "table")
        and one.linked < LINKED
        and any(own[max(place - CLOSE, 0) : place + CLOSE + 1])
        for place, one in enumerate(page)
    ]
    return [one.block for one, inside, beside in zip(page, own, between, strict=True) if inside or beside]


def _is_in(text: str, pieces: set[str]) -> bool:
    """Is a text of the article, but for marks such as those of footnotes?  By its pieces of eight characters."""
    if len(text) < SURE:
        return False
    own = [text[place : place + PIECE] for place in range(0, len(text) - PIECE + 1, PIECE // 2)]
    return sum(piece in pieces for piece in own) >= SIMILAR * len(own)


def _joined_on(sure: list[bool], small: list[bool]) -> list[bool]:
    """Short lines of the article count where one that surely is its own, or joins on to such a one, is close."""
    own = list(sure)
    for order in (range(len(own)), range(len(own) - 1, -1, -1)):
        since = CLOSE + 1
        for place in order:
            own[place] = own[place] or (small[place] and since <= CLOSE)
            since = 1 if own[place] else since + 1
    return own


def _as_html(body: _Element) -> None:
    """trafilatura's elements (those of TEI) renamed to HTML's."""
    for element in body.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag == "head":
            rend = element.get("rend") or "h2"
            element.tag = rend if re.fullmatch(r"h[1-6]", rend) else "h2"
        elif element.tag == "list":
            element.tag = "ol" if element.get("rend") == "ol" else "ul"
        elif element.tag == "code" and "\n" in "".join(element.itertext()):
            element.tag = "pre"
        else:
            element.tag = _TAGS.get(element.tag, element.tag)


def title_of(tree: _Element) -> str:
    """The page's headline: its first-rank heading where the page's title begins with it, else what the page says."""
    written = _text(tree.find(".//title"))
    shared = tree.xpath("//meta[@property='og:title' or @name='og:title']/@content")
    for element in tree.iter("h1"):
        text = _text(element)
        if 1 < len(text) <= LONGEST_HEADING and (_squeezed(text) in _squeezed(written) or not written):
            return text
    if shared and str(shared[0]).strip():
        return " ".join(str(shared[0]).split())
    return next((part for part in _PARTS_OF_TITLE.split(written) if part.strip()), "")


def _said(name: str, blocks: list[Block]) -> bool:
    """Is the title among the first of what is read anyway?"""
    return any(_squeezed(name) in _squeezed(block.text) for block in blocks[:5])


def _text(element: _Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
