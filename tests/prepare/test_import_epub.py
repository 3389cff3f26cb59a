"""E-books: chapters in reading order; locked and damaged ones."""

from __future__ import annotations

import io
import zipfile

import pytest

from tuneloop.errors import InputError
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.importer import Row
from tuneloop.prepare.importers.epub import Epub
from tuneloop.prepare.source_file import disk_file

CONTAINER = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'


def page(body: str, before: str = "") -> str:
    return f'{before}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body>{body}</body></html>'


def book(chapters: dict[str, str], parts: dict[str, str] | None = None, spine: str = "", manifest: str = "") -> bytes:
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in chapters)
    order = spine or "".join(f'<itemref idref="{name}"/>' for name in chapters)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr(
            "OEBPS/book.opf", f"<package><manifest>{items}{manifest}</manifest><spine>{order}</spine></package>"
        )
        for name, content in {**{f"OEBPS/{key}": value for key, value in chapters.items()}, **(parts or {})}.items():
            archive.writestr(name, content)
    return made.getvalue()


def test_chapters_in_the_order_of_the_spine(read):
    chapters = {
        "b.xhtml": page("<h1>第二章</h1><p>后面的文字。</p>"),
        "a.xhtml": page("<h1>第一章</h1><p>前面的<b>文字</b>。</p><ul><li>一</li><li>二</li></ul>"),
    }
    spine = '<itemref idref="a.xhtml"/><itemref idref="b.xhtml"/>'
    found = read("a.epub", book(chapters, spine=spine))
    assert found.format == "epub"
    assert found.data == [{"text": "# 第一章\n\n前面的文字。\n\n- 一\n- 二\n\n# 第二章\n\n后面的文字。"}]
    assert found.rows[0].locator == "chapters 1-2, § 第一章"


def test_pieces_name_chapter_and_headings(write):
    chapters = {f"{n}.xhtml": page(f"<h1>第{n}章</h1><h2>节</h2><p>{'字' * 150}</p>") for n in (1, 2)}
    file = disk_file(write("a.epub", book(chapters)), "a.epub")
    rows = [item for item in Epub(max_chars=200).items(file, None) if isinstance(item, Row)]
    assert [row.locator for row in rows] == ["chapter 1, § 第1章 › 节", "chapter 2, § 第2章 › 节"]


@pytest.mark.parametrize("version", [2, 3])
def test_a_chapter_without_a_heading_gets_that_of_the_contents(read, version):
    contents = {
        2: '<ncx><navMap><navPoint><navLabel><text>开篇</text></navLabel><content src="a%20b.xhtml#x"/></navPoint>'
        "</navMap></ncx>",
        3: page('<nav><ol><li><a href="a%20b.xhtml">开篇</a></li></ol></nav>'),
    }[version]
    item = {
        2: '<item id="c" href="c.ncx" media-type="application/x-dtbncx+xml"/>',
        3: '<item id="c" href="c.ncx" media-type="application/xhtml+xml" properties="nav"/>',
    }[version]
    data = book({"a b.xhtml": page("<p>没有标题的文字。</p>")}, {"OEBPS/c.ncx": contents}, manifest=item)
    assert read("a.epub", data).data == [{"text": "# 开篇\n\n没有标题的文字。"}]


def test_what_stands_outside_or_is_missing_is_named(read):
    chapters = {"a.xhtml": page("<p>文字。</p>"), "note.xhtml": page("<p>旁注。</p>")}
    spine = '<itemref idref="a.xhtml"/><itemref idref="note.xhtml" linear="no"/><itemref idref="gone"/>'
    gone = '<item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>'
    found = read("a.epub", book(chapters, spine=spine, manifest=gone))
    assert found.data == [{"text": "文字。"}]
    assert [(one.name, one.why.en) for one in found.items if isinstance(one, Skipped)] == [
        ("OEBPS/note.xhtml", "stands outside of the reading order"),
        ("OEBPS/gone.xhtml", "is named by the book and is not in it"),
    ]


def test_encodings_and_entities_of_pages(read):
    before = '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html [<!ENTITY evil "x">]>'
    found = read("a.epub", book({"a.xhtml": page("<p>一&nbsp;二&#8212;三</p>", before)}))
    assert found.data == [{"text": "一 二—三"}]


def refused(write, data: bytes) -> str:
    file = disk_file(write("a.epub", data), "a.epub")
    with pytest.raises(InputError) as caught:
        list(Epub().items(file, None))
    return str(caught.value)


def encryption(method: str) -> str:
    return (
        '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:EncryptionMethod '
        f'Algorithm="{method}"/></e:EncryptedData></encryption>'
    )


def test_a_locked_book_is_refused(write):
    chapter = {"a.xhtml": page("<p>文字。</p>")}
    locked = {"META-INF/encryption.xml": encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}
    assert refused(write, book(chapter, locked)) == (
        "a.epub: is an EPUB book that is locked (DRM); expected one that opens without a key. Ask its publisher for an "
        "open copy."
    )
    assert "locked" in refused(write, book(chapter, {"META-INF/rights.xml": "<rights/>"}))


def test_obfuscated_fonts_lock_nothing(read):
    fonts = {"META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding")}
    assert read("a.epub", book({"a.xhtml": page("<p>文字。</p>")}, fonts)).data == [{"text": "文字。"}]


def test_bombs_and_damage(write):
    assert "unpacks to more than" in refused(write, book({"a.xhtml": page(" " * 80_000_000)}))
    whole = book({"a.xhtml": page("<p>文字。</p>")})
    assert "is an EPUB book that cannot be read" in refused(write, whole[:-80])
    assert "holds no text" in refused(write, book({"a.xhtml": page("<p/>")}))


def test_entities_are_refused(write, monkeypatch):
    monkeypatch.setitem(globals(), "CONTAINER", "<!DOCTYPE x [<!ENTITY a 'b'>]>" + CONTAINER)
    assert "declares entities" in refused(write, book({"a.xhtml": page("<p>文字。</p>")}))
