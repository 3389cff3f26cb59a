"""E-books (EPUB 2 and 3): chapters in reading order.

The chapters are the files of the book's spine; a chapter without a heading gets the one that the table of contents has
for it.  The table of contents itself and files that the book names as notes of its making are not read as chapters.
A locked book (DRM) is refused; fonts that are merely obfuscated are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tuneloop.config import setting
from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import Limits, Skipped
from tuneloop.prepare.document.blocks import heading
from tuneloop.prepare.document.encoding import declared
from tuneloop.prepare.document.html_tree import blocks_of, parse
from tuneloop.prepare.document.package import Package, open_package, package_kind, resolve
from tuneloop.prepare.document.reader import DocumentImporter, Part
from tuneloop.prepare.document.xml import child, children, local, tree
from tuneloop.prepare.importer import Head
from tuneloop.prepare.source_file import SourceFile
from tuneloop.text import encoding as text_encoding
from tuneloop.wording import Words

if TYPE_CHECKING:
    from lxml.etree import _Element

_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_LOCKS = ("META-INF/rights.xml", "META-INF/sinf.xml", "META-INF/license.lcpl")
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
OUTSIDE = Words("stands outside of the reading order", "不在阅读顺序之内")
MISSING = Words("is named by the book and is not in it", "书中列出但文件缺失")


class Epub(DocumentImporter):
    """Chapters by the book's spine."""

    unit = "chapter"
    title = Words("EPUB", "EPUB 电子书")
    help = Words(
        "E-books: chapters in reading order with their headings, lists, tables and code. Locked books are refused.",
        "电子书：按阅读顺序读取各章及其标题、列表、表格和代码；加密的电子书会被拒绝。",
    )

    archives: Limits = setting(Limits(), en="how much the file may unpack to", zh="文件解压的上限")

    def recognize(self, head: Head) -> float:
        return 1.0 if package_kind(head.file) == "epub" else 0.0

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        with open_package(file, "epub", self.archives) as package:
            _refuse_locked(package, file)
            place = _package_document(package)
            root = tree(package, place)
            items = {str(one.get("id")): one for one in children(root, "manifest") if local(one) == "item"}
            contents = _contents(package, place, items.values())
            spine = child(root, "spine")
            number, seen = 0, set[str]()
            for one in spine if spine is not None else ():
                item = items.get(str(one.get("idref")))
                if item is None or (item.get("media-type") or _PAGES[0]) not in _PAGES or _is_contents(item):
                    continue
                part = resolve(place, unquote(str(item.get("href"))))
                if part in seen:
                    continue
                seen.add(part)
                if (one.get("linear") or "yes") == "no":
                    yield Skipped(part, OUTSIDE)
                elif part not in package.names:
                    yield Skipped(part, MISSING)
                else:
                    number += 1
                    yield from _chapter(package.read(part), number, contents.get(part, ""))


def _chapter(data: bytes, number: int, name: str) -> Iterator[Part]:
    codec = declared(data[:1024]) or text_encoding.detect(data)
    root = parse(data.decode(codec, "replace").lstrip("\ufeff"))
    body = root.find(".//body") if root is not None else None
    found = blocks_of(body, number) if body is not None else []
    if found and name and not any(block.kind == "heading" for block in found):
        yield heading(name, 1, number)
        found = found[1:] if found[0].text == name else found
    yield from (replace(block, page=number) for block in found)


def _refuse_locked(package: Package, file: SourceFile) -> None:
    locked = any(name in package.names for name in _LOCKS)
    if "META-INF/encryption.xml" in package.names:
        for one in tree(package, "META-INF/encryption.xml").iter():
            if local(one) == "EncryptionMethod":
                parent = one.getparent()
                key = parent is not None and local(parent) == "EncryptedKey"
                locked |= not key and (one.get("Algorithm") or "") not in _FONTS
    if locked:
        raise InputError(
            "is an EPUB book that is locked (DRM)",
            expected="one that opens without a key",
            where=Where(file=file.name),
            do="Ask its publisher for an open copy",
        )


def _package_document(package: Package) -> str:
    if "META-INF/container.xml" in package.names:
        for one in tree(package, "META-INF/container.xml").iter():
            if local(one) == "rootfile" and one.get("full-path"):
                return str(one.get("full-path"))
    found = sorted(name for name in package.names if name.endswith(".opf"))
    if not found:
        raise package.broken("it lacks the list of its parts (.opf)")
    return found[0]


def _is_contents(item: _Element) -> bool:
    return "nav" in (item.get("properties") or "").split()


def _contents(package: Package, place: str, items: Iterable[_Element]) -> dict[str, str]:
    """The title of each chapter's file, by the table of contents (EPUB 3, or else EPUB 2)."""
    found: dict[str, str] = {}
    for item in items:
        part = resolve(place, unquote(str(item.get("href"))))
        if part not in package.names:
            continue
        if _is_contents(item):
            for link in tree(package, part).iter():
                if local(link) == "a" and link.get("href"):
                    _add(found, part, str(link.get("href")), "".join(link.itertext()))
        elif item.get("media-type") == "application/x-dtbncx+xml":
            for point in tree(package, part).iter():
                if local(point) == "navPoint":
                    label, target = child(point, "navLabel", "text"), child(point, "content")
                    if label is not None and target is not None:
                        _add(found, part, str(target.get("src") or ""), label.text or "")
    return found


def _add(found: dict[str, str], part: str, target: str, name: str) -> None:
    path = resolve(part, unquote(re.split("#", target, maxsplit=1)[0]))
    if name.strip():
        found.setdefault(path, " ".join(name.split()))
