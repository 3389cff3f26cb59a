"""What a file really is, whatever its name says."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from tuneloop.errors import InputError, NotFoundError
from tuneloop.prepare.container import Budget, Limits
from tuneloop.prepare.importer import recognize
from tuneloop.prepare.places.local import files_in
from tuneloop.prepare.source_file import disk_file

READABLE = (
    "expected JSONL, JSON, CSV, TSV, Parquet, Excel (.xlsx, .xls, .ods), text, Markdown, HTML, PDF, Word (.docx), "
    "PowerPoint (.pptx) or EPUB, or an archive of such files"
)


def package(*names: str, mimetype: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "<x/>")
    return made.getvalue()


def compound_file(*streams: str) -> bytes:
    """An OLE file with a directory and nothing else: header, allocation table, directory."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 1)
    struct.pack_into("<109I", header, 76, 0, *[0xFFFFFFFF] * 108)
    table = struct.pack("<128I", 0xFFFFFFFD, 2, 0xFFFFFFFE, *[0xFFFFFFFF] * 125)
    entries = b""
    for name in ("Root Entry", "One", "Two", "Three", *streams):
        entry = bytearray(128)
        written = name.encode("utf-16-le") + b"\0\0"
        entry[: len(written)] = written
        struct.pack_into("<H", entry, 64, len(written))
        entries += entry
    return bytes(header) + table + entries.ljust(1024, b"\0")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "a.jsonl",
            b"\x89PNG\r\n\x1a\n" + bytes(50),
            "is a PNG picture, though its name ends in .jsonl; {}. Take it out of the input.",
        ),
        (
            "a.csv",
            package("[Content_Types].xml", "xl/workbook.bin"),
            "is a binary Excel workbook (.xlsb), though its name ends in .csv; {}. Save it as .xlsx in the program it "
            "comes from.",
        ),
        (
            "a.txt",
            package(mimetype="application/vnd.oasis.opendocument.text"),
            "is an OpenDocument file, though its name ends in .txt; {}. Save it as .docx, .pptx or .xlsx in the "
            "program it comes from.",
        ),
        (
            "a.docx",
            compound_file("EncryptedPackage", "EncryptionInfo"),
            "is an Office document locked with a password, though its name ends in .docx; {}. Open it, save it without "
            "a password, and give that file.",
        ),
        (
            "a.doc",
            compound_file("WordDocument"),
            "is an old Word document (.doc), though its name ends in .doc; {}. Save it as .docx in the program it "
            "comes from.",
        ),
        (
            "a",
            "<?xml version='1.0'?><rows><row>1</row></rows>",
            "is an XML document; {}. Save the rows as JSONL or CSV.",
        ),
        (
            "a.json",
            b"\x80\x04\x95" + bytes(50),
            "is a Python pickle, which can run programs when read, though its name ends in .json; {}. Save the rows "
            "as JSONL.",
        ),
        ("a", bytes(range(256)) * 40, "is of no known format; {}. Save it as one of these, with the text in UTF-8."),
        ("a.jsonl", b"", "is empty; expected at least one record. Check that it was saved and copied whole."),
        (
            "a.csv",
            b" \n\n\t\r\n",
            "holds nothing but blanks; expected at least one record. Check that it was saved and copied whole.",
        ),
    ],
)
def test_refusals(write, name, content, sentence):
    path = write(name, content)
    with pytest.raises(InputError) as caught:
        recognize(disk_file(path, path.name))
    assert str(caught.value) == f"{name}: {sentence.format(READABLE)}"


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (package("[Content_Types].xml", "xl/workbook.xml"), "xlsx"),
        (compound_file("Workbook"), "xlsx"),
        (package(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "xlsx"),
        (package("[Content_Types].xml", "word/document.xml"), "docx"),
        (package("[Content_Types].xml", "ppt/presentation.xml"), "pptx"),
        (package(mimetype="application/epub+zip"), "epub"),
        (package("META-INF/container.xml", "book.opf"), "epub"),
        (b"%PDF-1.7\n" + bytes(50), "pdf"),
        ("<!DOCTYPE html><html><body>你好</body></html>".encode(), "html"),
        ("<!-- saved --><HTML><body>你好</body></HTML>".encode("utf-16"), "html"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"/>', "html"),
        ("# 一\n\n文字\n\n## 二\n\n文字\n".encode(), "markdown"),
        ("没有标题的一段文字。\n".encode(), "text"),
    ],
)
def test_documents_are_told_by_their_content(write, content, format):
    """The name has no ending, or one that lies."""
    path = write("a", content)
    assert recognize(disk_file(path, "a")).importer.name == format
    lying = write("b.csv" if format != "text" else "b", content)
    if format not in ("markdown", "text"):  # which any text may be
        assert recognize(disk_file(lying, lying.name)).importer.name == format


def test_documents_are_no_archives_and_archives_are_no_documents(write):
    document = package("[Content_Types].xml", "word/document.xml")
    [entry] = files_in(write("a.zip", document), Budget(Limits()))
    assert entry.name == "a.zip"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("one.docx", document)
        archive.writestr("word/two.txt", "text")
    assert [entry.name for entry in files_in(write("b.zip", made.getvalue()), Budget(Limits()))] == [
        "b.zip/one.docx",
        "b.zip/word/two.txt",
    ]


def test_missing_and_unreadable(tmp_path, monkeypatch, write):
    with pytest.raises(NotFoundError) as caught:
        list(files_in(tmp_path / "nothing.jsonl", Budget(Limits())))
    assert str(caught.value) == "nothing.jsonl: no such file or folder. Check the path."

    path = write("held.jsonl", "{}")

    def held(*_args, **_more):
        raise PermissionError(13, "held")

    monkeypatch.setattr(type(path), "open", held)
    with pytest.raises(InputError) as refused:
        recognize(disk_file(path, "held.jsonl"))
    assert str(refused.value) == (
        "held.jsonl: cannot be opened: no permission, or another program holds it. "
        "Close the program that uses it, or ask for the right to read it."
    )


def test_a_pipe_is_no_file(tmp_path):
    import os

    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        disk_file(tmp_path / "pipe", "pipe")
