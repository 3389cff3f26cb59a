"""Multipart bodies as they stream in: the one file goes to a part on the workspace's disk, fields into memory.

The framework's own parser keeps a file in the system's temporary folder, copies it from there, and would fill that disk
instead of refusing; here the bytes are written once, where they will stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from tuneloop.app.http.errors import HttpError
from tuneloop.store import Workspace
from tuneloop.store.durable import storage_errors

MOST_FIELDS, MOST_FIELD_BYTES, MOST_HEADER_BYTES = 100, 64 * 1024, 8 * 1024


@dataclass
class Upload:
    """`part` is the file's bytes on disk (None: the body had no file), to be removed by whoever does not keep it."""

    fields: dict[str, str] = field(default_factory=dict)
    part: Path | None = None
    filename: str = ""
    size: int = 0


class Reading:
    """One body, whose file is called `name`; `feed` it chunk by chunk, then `finish`."""

    def __init__(self, ws: Workspace, boundary: bytes, most: int, name: str = "file") -> None:
        self.ws, self.most, self.file, self.upload = ws, most, name, Upload()
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._name, self._text = "", bytearray()
        self._out: BinaryIO | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._over,
            },
        )

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise self.broken(str(error)) from None

    def finish(self) -> Upload:
        if not self._ended:
            raise self.broken("it ends before its last boundary; the connection was cut off")
        return self.upload

    def drop(self) -> None:
        """Remove what was written."""
        if self._out is not None:
            self._out.close()
        if self.upload.part is not None:
            self.upload.part.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._headers, self._name, self._text = {}, "", bytearray()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > MOST_HEADER_BYTES:
            raise self.broken("a header of a part is too long")

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            if len(self.upload.fields) >= MOST_FIELDS:
                raise self.broken(f"it has more than {MOST_FIELDS} fields")
            return
        if self._name != self.file or self.upload.part is not None:
            raise HttpError(
                400, f"Unexpected file part `{self._name}`; send one file, as `{self.file}`.", param=self._name
            )
        self.upload.filename = plain_name(options[b"filename"].decode("utf-8", "replace"))
        self.upload.part = self.ws.blobs.new_part()
        with storage_errors(self.upload.part):
            self._out = self.upload.part.open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._out is None:
            self._text += data[start:end]
            if len(self._text) > MOST_FIELD_BYTES:
                raise HttpError(400, f"The field `{self._name}` is too long.", param=self._name, code="invalid_value")
            return
        self.upload.size += end - start
        if self.upload.size > self.most:
            raise too_large(self.most, self.file)
        with storage_errors(self.ws.blobs.folder, needed=end - start):
            self._out.write(data[start:end])

    def _end(self) -> None:
        if self._out is None:
            self.upload.fields[self._name] = self._text.decode("utf-8", "replace")
            return
        with storage_errors(self.ws.blobs.folder):
            self._out.close()
        self._out = None

    def _over(self) -> None:
        self._ended = True

    def broken(self, why: str) -> HttpError:
        message = f"The multipart body cannot be read: {why}."
        return HttpError(400, message, param=self.file, code="invalid_multipart")


async def read_upload(request: Request, ws: Workspace, most: int, name: str = "file") -> Upload:
    """The fields and the file (the part `name`) of a request; whatever goes wrong, nothing stays on the disk."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise HttpError(400, f"Expected a multipart/form-data body with the part `{name}`.", param=name)
    reading = Reading(ws, options[b"boundary"], most, name)
    try:
        async for chunk in request.stream():
            reading.feed(chunk)
        return reading.finish()
    except ClientDisconnect:
        reading.drop()
        raise reading.broken("it was cut off") from None  # nobody hears it, and it is no bug for the log
    except BaseException:
        reading.drop()
        raise


def plain_name(name: str) -> str:
    """The last part of a file's name, without what no file system or terminal should see."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:255] or "upload"


def too_large(most: int, name: str = "file") -> HttpError:
    return HttpError(
        413, f"The file is larger than {most // 2**20} MB, the most that is taken.", param=name, code="file_too_large"
    )
