"""What a file really is when no importer reads it: the names of common formats by their first bytes."""

from __future__ import annotations

from dataclasses import dataclass

from tuneloop.prepare.document.ole import MAGIC as OLE
from tuneloop.prepare.document.ole import stream_names
from tuneloop.prepare.document.package import NAMES, package_kind
from tuneloop.prepare.source_file import SourceFile


@dataclass(frozen=True)
class Foreign:
    """`what` completes "is …"; `do` is the next step."""

    what: str
    do: str


_TEXT = "Save its text as .txt or .md"
_NEWER = "Save it as {} in the program it comes from"
_NOT_DATA = "Take it out of the input"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n", "a PNG picture", _NOT_DATA),
    (b"\xff\xd8\xff", "a JPEG picture", _NOT_DATA),
    (b"GIF8", "a GIF picture", _NOT_DATA),
    (b"RIFF", "a media file (RIFF)", _NOT_DATA),
    (b"ID3", "an MP3 sound", _NOT_DATA),
    (b"{\\rtf", "an RTF document", _TEXT),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first, or pack it as zip or tar.gz"),
    (b"Rar!", "a RAR archive", "Unpack it first, or pack it as zip or tar.gz"),
    (b"SQLite format 3\0", "an SQLite database", "Export the table as CSV"),
    (b"ARROW1", "an Arrow file", "Save it as Parquet"),
    (b"FEA1", "a Feather file", "Save it as Parquet"),
    (b"ORC", "an ORC file", "Save it as Parquet"),
    (b"\x89HDF", "an HDF5 file", "Save the table as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "Save the rows as JSONL"),
    (b"GGUF", "a model (GGUF)", _NOT_DATA),
    (b"From: <Saved by ", "a web page saved with its pictures (MHTML)", "Save it as HTML only"),
    (b"\x7fELF", "a program", _NOT_DATA),
    (b"MZ\x90", "a program", _NOT_DATA),
)
_HTML = (".html", ".htm", ".xhtml", ".shtml")
_OLD: tuple[tuple[str, str, str], ...] = (
    ("WordDocument", "an old Word document (.doc)", _NEWER.format(".docx")),
    ("PowerPoint Document", "an old PowerPoint presentation (.ppt)", _NEWER.format(".pptx")),
)
_UNREAD: dict[str, str] = {
    "xlsb": _NEWER.format(".xlsx"),
    "office": _TEXT,
    "opendocument": _NEWER.format(".docx, .pptx or .xlsx"),
}


def name_of_foreign(file: SourceFile) -> Foreign | None:
    """The format's name, or None for what may be readable."""
    head = file.head
    for magic, what, do in _MAGIC:
        if head.startswith(magic):
            return Foreign(what, do)
    if head.startswith(OLE[:4]):
        return _inside_ole(file)
    kind = package_kind(file)
    if kind is not None:
        return Foreign(NAMES[kind], _UNREAD[kind]) if kind in _UNREAD else None
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return Foreign("a Python pickle, which can run programs when read", "Save the rows as JSONL")
    if _start(file).startswith(b"<?xml") and not is_page(file):
        return Foreign("an XML document", "Save the rows as JSONL or CSV")
    return None


def is_page(file: SourceFile) -> bool:
    """Is it HTML?  By its first element; by its name only where that is some tag."""
    start = _start(file)
    if start.startswith(b"<?xml"):
        return b"<html" in start
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith(b"<") and file.suffix in _HTML
    )


def is_binary(file: SourceFile) -> bool:
    """Is it a format of its own bytes, so that no encoding is to be looked for?"""
    return file.head.startswith((b"PAR1", b"PK\x03\x04", OLE[:4])) or is_pdf(file)


def is_pdf(file: SourceFile) -> bool:
    """Readers of PDF look for its mark in the first kilobyte."""
    return b"%PDF-" in file.head[:1024]


def _start(file: SourceFile) -> bytes:
    """The beginning in small letters, without byte order marks and without the zeros of UTF-16."""
    head = file.head[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[2:].replace(b"\0", b"")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    while start.startswith(b"<!--") and b"-->" in start:
        start = start.partition(b"-->")[2].lstrip()
    return start[:1024]


def _inside_ole(file: SourceFile) -> Foreign | None:
    """Old Office documents, and new ones behind a password; an old workbook is readable."""
    names = stream_names(file)
    if "EncryptedPackage" in names:
        return Foreign(
            "an Office document locked with a password", "Open it, save it without a password, and give that file"
        )
    if names & {"Workbook", "Book"}:
        return None
    for name, what, do in _OLD:
        if name in names:
            return Foreign(what, do)
    return Foreign("an old Office file", "Save it as text or CSV in the program it comes from")
