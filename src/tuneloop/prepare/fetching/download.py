"""Asking a hub over HTTPS: short answers, and files that go on where they broke off (Range).

The proxies of the environment are used.  Tokens and cookies are not sent on to another host: hubs redirect to stores.
A file is checked against the size and the SHA-256 that the hub told.
"""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tuneloop.errors import InputError, StorageError, Where
from tuneloop.store.durable import flush_file, storage_errors

TIMEOUT = 30.0
PIECE = 1 << 20
TRIES = 5
MOST_ANSWER = 64 << 20
PAUSE = 1.0
"""Seconds before the second try; each further pause is twice as long."""


class Refusal(Exception):
    """A hub said no: `status`, and the `code` that it gave for it (Hugging Face: X-Error-Code)."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"status {status}{f' ({code})' if code else ''}")
        self.status, self.code = status, code


class Unreachable(Exception):
    """Nobody answered, whatever was tried."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: urllib.request.Request, *rest: Any) -> urllib.request.Request | None:
        made = super().redirect_request(req, *rest)
        if made is not None and urlsplit(made.full_url).netloc != urlsplit(req.full_url).netloc:
            for name in ("Authorization", "Cookie"):
                made.remove_header(name)
        return made


_opener = urllib.request.build_opener(_Redirects)


def ask(url: str, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """The whole of a short answer with its headers; raises `Refusal` and `Unreachable`."""
    failure = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        try:
            with _open(url, headers) as answer:
                return answer.read(MOST_ANSWER), answer.headers
        except Refusal as refusal:
            if refusal.status != 429 and refusal.status < 500:
                raise
            failure = str(refusal)
        except (OSError, http.client.HTTPException) as error:
            failure = _reason(error)
    raise Unreachable(failure)


def download(
    url: str,
    target: Path,
    headers: Mapping[str, str],
    *,
    size: int | None,
    digest: str | None,
    name: str,
    look: Callable[[int], None],
) -> None:
    """Bring a file to `target`, behind what is there of it; `look` is told its bytes so far.

    Raises `InputError` when the connection breaks off again and again (what came stays), `Refusal` where the hub says
    no, and `StorageError` for what came damaged.
    """
    failure = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        held = target.stat().st_size if target.exists() else 0
        if size is not None and held > size:
            target.unlink()
            held = 0
        if size is not None and held == size:
            break
        try:
            wanted = _copy(url, target, headers, held, look)
        except Refusal as refusal:
            if refusal.status == 416:  # what is here is not the beginning of what is there
                target.unlink(missing_ok=True)
            elif refusal.status != 429 and refusal.status < 500:
                raise
            failure = str(refusal)
            continue
        except (OSError, http.client.HTTPException) as error:
            failure = _reason(error)
            continue
        held = target.stat().st_size
        if held >= (size if size is not None else wanted or 0):
            break
        failure = "it ended too early"
    else:
        held = target.stat().st_size if target.exists() else 0
        of = f" of {size:,}" if size is not None else ""
        raise InputError(
            f"broke off {TRIES} times, at last after {held:,}{of} bytes ({failure})",
            where=Where(file=name),
            do="What came is kept. Run the command again: it goes on from there",
        )
    with storage_errors(target):
        flush_file(target)
    if (size is not None and target.stat().st_size != size) or (digest is not None and _sha256(target) != digest):
        target.unlink()
        raise StorageError(
            "came damaged from the network, or was changed there", where=Where(file=name), do="Try again"
        )


def _copy(url: str, target: Path, headers: Mapping[str, str], held: int, look: Callable[[int], None]) -> int | None:
    """Append the rest, or begin anew where the server gives all of it; returns how many bytes the whole must have."""
    ranged = {"Range": f"bytes={held}-"} if held else {}
    with _open(url, {**headers, **ranged}) as answer:
        going_on = answer.status == 206
        length = answer.headers.get("content-length", "")
        start = held if going_on else 0
        with storage_errors(target):
            out = target.open("ab" if going_on else "wb")
        with out:
            while piece := answer.read(PIECE):
                with storage_errors(target, needed=len(piece)):
                    out.write(piece)
                start += len(piece)
                look(start)
        return (held if going_on else 0) + int(length) if length.isdigit() else None


def _open(url: str, headers: Mapping[str, str]) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "tuneloop", **headers})
    try:
        return _opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            raise Refusal(error.code, error.headers.get("x-error-code", "")) from None


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None)
    return str(inner or error) or type(error).__name__


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
