"""Web pages: the article, or all that the page shows.

The encoding is found as a browser finds it.  Nothing that a page refers to is fetched, and no script runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tuneloop.config import setting
from tuneloop.errors import InputError, Where
from tuneloop.prepare.document.encoding import page_encoding
from tuneloop.prepare.document.html_tree import blocks_of, parse
from tuneloop.prepare.document.main_text import main_text
from tuneloop.prepare.document.reader import DocumentImporter, Part
from tuneloop.prepare.foreign import is_page
from tuneloop.prepare.importer import Head
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

LARGEST = 64 * 1024 * 1024
"""Bytes of a page; its tree takes about ten times as much memory."""


class Html(DocumentImporter):
    """The article's blocks, under the page's title."""

    title = Words("HTML", "HTML 网页")
    help = Words(
        "Web pages: the article with its headings, lists, tables and code; menus, advertisements and lists of other "
        "articles are left out. Nothing is fetched.",
        "网页：保留正文及其标题、列表、表格和代码，去掉导航、广告和推荐列表；不会访问网络。",
    )

    main_text: Literal["auto", "page"] = setting(
        "auto",
        en="what is read: the article (all of the page where none is found), or always all that the page shows",
        zh="读取什么：正文（找不到正文时读取整页），或始终读取整页显示的内容",
    )

    def recognize(self, head: Head) -> float:
        return 0.97 if head.encoding is not None and is_page(head.file) else 0.0

    def encoding(self, file: SourceFile, measured: str | None) -> str | None:
        return page_encoding(file, measured)

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        if file.size > LARGEST:
            raise InputError(
                f"is a page of {file.size:,} bytes",
                expected=f"at most {LARGEST:,}",
                where=Where(file=file.name),
                do="Split it, or save its text as .txt",
            )
        with file.open() as stream:
            text = stream.read().decode(encoding or "utf-8", "replace").lstrip("\ufeff")
        tree = parse(text)
        if tree is None:
            return
        found = main_text(text, tree) if self.main_text == "auto" else []
        if not found:
            body = tree.find(".//body")
            found = blocks_of(body if body is not None else tree)
        yield from found
