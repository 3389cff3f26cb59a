"""What a file really is when no importer reads it: the names of common formats by their first bytes."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass

from tuneloop.prepare.source_file import SourceFile


@dataclass(frozen=True)
class Foreign:
    """`what` completes "is …"; `do` is the next step."""

    what: str
    do: str


_TABLE = "Save it as CSV (UTF-8) in the program it comes from"
_TEXT = "Save its text as .txt or .md"
_NOT_DATA = "Take it out of the input"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n", "a PNG picture", _NOT_DATA),
    (b"\xff\xd8\xff", "a JPEG picture", _NOT_DATA),
    (b"GIF8", "a GIF picture", _NOT_DATA),
    (b"RIFF", "a media file (RIFF)", _NOT_DATA),
    (b"ID3", "an MP3 sound", _NOT_DATA),
    (b"%PDF", "a PDF document", _TEXT),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.doc, .xls)", "Save it as CSV or text in the program it comes from"),
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
    (b"\x7fELF", "a program", _NOT_DATA),
    (b"MZ\x90", "a program", _NOT_DATA),
)
_HTML = (".html", ".htm", ".xhtml", ".shtml")
_OFFICE = (
    ("xl/", "an Excel workbook", _TABLE),
    ("word/", "a Word document", _TEXT),
    ("ppt/", "a PowerPoint presentation", _TEXT),
)


def name_of_foreign(file: SourceFile) -> Foreign | None:
    """The format's name, or None for what may be readable."""
    head = file.head
    for magic, what, do in _MAGIC:
        if head.startswith(magic):
            return Foreign(what, do)
    if head.startswith(b"PK\x03\x04"):
        return _inside_zip(file)
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return Foreign("a Python pickle, which can run programs when read", "Save the rows as JSONL")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:256].lower()
    if start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<") and file.suffix in _HTML):
        return Foreign("an HTML page", _TEXT)
    if start.startswith(b"<?xml"):
        return Foreign("an XML document", "Save the rows as JSONL or CSV")
    return None


def _inside_zip(file: SourceFile) -> Foreign | None:
    """Office documents and e-books are zips; a true archive is None."""
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                kind = archive.read("mimetype").strip()
                if kind == b"application/epub+zip":
                    return Foreign("an EPUB book", _TEXT)
                if kind.startswith(b"application/vnd.oasis.opendocument"):
                    return Foreign("an OpenDocument file", "Save it as CSV or text in the program it comes from")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
        return None  # the archive's own reader says what is wrong
    if "[Content_Types].xml" not in names:
        return None
    for folder, what, do in _OFFICE:
        if any(name.startswith(folder) for name in names):
            return Foreign(what, do)
    return Foreign("an Office document", _TEXT)
