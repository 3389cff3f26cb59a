"""What a file really is, whatever its name says."""

from __future__ import annotations

import io
import zipfile

import pytest

from tuneloop.errors import InputError, NotFoundError
from tuneloop.prepare.container import Limits
from tuneloop.prepare.importer import recognize
from tuneloop.prepare.places import files_in
from tuneloop.prepare.source_file import disk_file

READABLE = "expected JSONL, JSON, CSV, TSV, text, Markdown or Parquet, or an archive of such files"


def office(kind: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{kind}/document.xml", "<x/>")
    return made.getvalue()


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
            office("xl"),
            "is an Excel workbook, though its name ends in .csv; {}. Save it as CSV (UTF-8) in the program it comes "
            "from.",
        ),
        (
            "a.txt",
            office("word"),
            "is a Word document, though its name ends in .txt; {}. Save its text as .txt or .md.",
        ),
        (
            "a.txt",
            b"%PDF-1.7\n" + bytes(50),
            "is a PDF document, though its name ends in .txt; {}. Save its text as .txt or .md.",
        ),
        (
            "a.json",
            b"\x80\x04\x95" + bytes(50),
            "is a Python pickle, which can run programs when read, though its name ends in .json; {}. Save the rows "
            "as JSONL.",
        ),
        (
            "a.html",
            "<!DOCTYPE html><html><body>你好</body></html>",
            "is an HTML page, though its name ends in .html; {}. Save its text as .txt or .md.",
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


def test_missing_and_unreadable(tmp_path, monkeypatch, write):
    with pytest.raises(NotFoundError) as caught:
        list(files_in(tmp_path / "nothing.jsonl", Limits()))
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
