"""One page of the web, fetched politely and never from inside the network.

Each hop of a redirect is followed by hand: its address is checked, its site's robots.txt asked, its turn waited for.
A page ends after so many bytes and so many seconds, whatever its server does.  429, 503 and broken connections are
tried again with growing pauses, after `Retry-After` where it is named.

Not covered: proxies of the environment (an address behind one could not be checked), cookies, signing in, scripts.
"""

from __future__ import annotations

import email.utils
import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tuneloop.prepare.fetching import robots
from tuneloop.prepare.fetching.addresses import AddressError, Target, checked, target
from tuneloop.prepare.fetching.pace import Pace
from tuneloop.prepare.fetching.robots import Robots
from tuneloop.store.durable import storage_errors

MOST_HOPS = 5
BLOCK = 1 << 16
REDIRECTS = (301, 302, 303, 307, 308)
AGAIN = (429, 500, 502, 503, 504)
LONGEST_WAIT = 120.0
"""Seconds that a site may ask us to wait; beyond it the page is given up for this time."""

SAYS = {
    401: "not signed in", 403: "forbidden", 404: "not found", 410: "gone", 429: "too many requests",
    451: "not for legal reasons", 500: "its own error", 502: "bad gateway", 503: "busy", 504: "gateway too slow",
}  # fmt: skip


class PageError(Exception):
    """A page that was not fetched: `reason` is a code, the text a sentence without its subject."""

    def __init__(self, reason: str, message: str, *, again: bool = False, wait: float | None = None) -> None:
        super().__init__(message)
        self.reason, self.again, self.wait = reason, again, wait


@dataclass(frozen=True)
class Page:
    """`url` is where it lay in the end; `type` and `charset` are what the server said, None where it did not."""

    url: str
    type: str | None
    charset: str | None
    size: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class WebClient:
    """`agent` names us (its first word is our name in robots.txt); `seconds` and `most_bytes` are of one page."""

    agent: str
    pace: Pace
    inner: frozenset[str] = frozenset()
    timeout: float = 30.0
    seconds: float = 60.0
    most_bytes: int = 32 << 20
    tries: int = 4
    _robots: dict[str, Robots] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, url: str, into: Path) -> Page:
        """Write a page's bytes to `into`; raises `PageError`, and `Stopped` when the work was told to end."""
        for number in range(1, self.tries + 1):
            try:
                return self._follow(url, into, asking_robots=True)
            except PageError as error:
                wait = error.wait if error.wait is not None else 2.0 ** (number - 1)
                if not error.again or number == self.tries:
                    raise
                if wait > LONGEST_WAIT:
                    raise PageError(
                        error.reason, f"{error} Its server asks to wait {wait:.0f} seconds; run the command again then."
                    ) from None
                self.pace.pause(wait)
        raise AssertionError("unreachable")

    def _follow(self, url: str, into: Path, asking_robots: bool) -> Page:
        for _ in range(MOST_HOPS + 1):
            try:
                one = target(url)
                delay = self._allowed(one) if asking_robots else 0.0
                with self._asked(one, delay) as answer:
                    location = answer.getheader("location")
                    if answer.status in REDIRECTS and location:
                        url = urljoin(one.url, location)
                        continue
                    if answer.status != 200:
                        raise _status(answer)
                    return self._taken(one, answer, into)
            except AddressError as error:
                raise PageError(error.reason, str(error), again=error.reason == "unreachable") from None
        raise PageError("redirects", f"redirects more than {MOST_HOPS} times; the last was to {url}.")

    def _allowed(self, one: Target) -> float:
        """Seconds between two requests that the site asks for; raises `PageError` where it keeps us out."""
        rules = self._robots_of(one)
        if not rules.allows(one.path):
            raise PageError("robots", f"may not be fetched: robots.txt of {one.host} keeps crawlers from it.")
        if rules.delay > LONGEST_WAIT:
            raise PageError(
                "robots", f"was not fetched: robots.txt of {one.host} asks for {rules.delay:.0f} seconds between pages."
            )
        return rules.delay

    def _robots_of(self, one: Target) -> Robots:
        with self._lock:
            if one.site in self._robots:
                return self._robots[one.site]
        found = self._ask_robots(one)
        with self._lock:
            return self._robots.setdefault(one.site, found)

    def _ask_robots(self, one: Target) -> Robots:
        """RFC 9309: without a robots.txt all is allowed; where it cannot be had for now, nothing is."""
        url = urljoin(one.url, "/robots.txt")
        for _ in range(MOST_HOPS + 1):
            place = target(url)
            with self._asked(place, 0.0) as answer:
                location = answer.getheader("location")
                if answer.status in REDIRECTS and location:
                    url = urljoin(place.url, location)
                    continue
                if answer.status >= 500 or answer.status == 429:
                    raise _status(answer, of="its robots.txt ")
                if answer.status != 200:
                    return robots.ALL
                text = answer.read(robots.MOST_BYTES).decode("utf-8", "replace")
                return robots.parse(text.lstrip("\ufeff"), self.agent.partition("/")[0])
        return robots.ALL

    @contextmanager
    def _asked(self, one: Target, delay: float) -> Iterator[http.client.HTTPResponse]:
        """The answer to one request, its connection made to an address that was checked and cut when time is up."""
        self.pace.turn(one.site, delay)
        address = checked(one, self.inner)
        timer: threading.Timer | None = None
        plain: socket.socket | None = None
        same: socket.socket | None = None
        over = threading.Event()
        try:
            plain = socket.create_connection((address, one.port), timeout=self.timeout)
            same = plain.dup()  # TLS takes the first one over
            timer = threading.Timer(self.seconds, _cut, [same, over])
            timer.daemon = True
            timer.start()
            if one.scheme == "https":
                plain = ssl.create_default_context().wrap_socket(plain, server_hostname=one.host)
            connection = http.client.HTTPConnection(one.host, one.port, timeout=self.timeout)
            connection.default_port = 443 if one.scheme == "https" else 80
            connection.sock = plain
            headers = {"User-Agent": self.agent, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", one.path, headers=headers)
            with connection.getresponse() as answer:
                yield answer
            if over.is_set():  # a body without a length ends like a whole one when it is cut
                raise _too_slow(self.seconds)
        except ssl.SSLError as error:
            raise PageError("unreachable", f"its server cannot be trusted or spoken to ({error.reason}).") from None
        except (OSError, http.client.HTTPException, zlib.error) as error:
            if over.is_set():
                raise _too_slow(self.seconds) from None
            what = str(error) or type(error).__name__
            raise PageError(
                "unreachable", f"its server could not be reached or broke off ({what}).", again=True
            ) from None
        finally:
            if timer is not None:
                timer.cancel()
            for one_socket in (plain, same):
                if one_socket is not None:
                    one_socket.close()

    def _taken(self, one: Target, answer: http.client.HTTPResponse, into: Path) -> Page:
        length = answer.getheader("content-length", "")
        if length.isdigit() and int(length) > self.most_bytes:
            raise _too_large(self.most_bytes)
        size = 0
        with into.open("wb") as out:
            for block in _decoded(answer):
                size += len(block)
                if size > self.most_bytes:
                    raise _too_large(self.most_bytes)
                with storage_errors(into, needed=len(block)):  # else a full disk would be the server's fault
                    out.write(block)
        headers = {name: value for name in ("etag", "last-modified") if (value := answer.getheader(name))}
        kind = answer.headers.get_content_type() if answer.getheader("content-type") else None
        return Page(one.url, kind, answer.headers.get_content_charset(), size, headers)


def _decoded(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body in blocks; some servers pack it although they were asked not to."""
    packing = (answer.getheader("content-encoding") or "identity").strip().lower()
    unpacker: Any = None
    if packing in ("gzip", "x-gzip", "deflate"):
        unpacker = zlib.decompressobj(47)
    elif packing not in ("identity", ""):
        raise PageError("http_status", f"came packed as {packing!r}, although it was asked for plain.")
    while block := answer.read(BLOCK):
        if unpacker is None:
            yield block
            continue
        yield unpacker.decompress(block, BLOCK * 16)
        while unpacker.unconsumed_tail:
            yield unpacker.decompress(unpacker.unconsumed_tail, BLOCK * 16)
    if unpacker is not None and not unpacker.eof:
        raise http.client.IncompleteRead(b"")
    if answer.length:  # `read(n)` does not say when a body ends too early
        raise http.client.IncompleteRead(b"", answer.length)


def _status(answer: http.client.HTTPResponse, of: str = "") -> PageError:
    says = SAYS.get(answer.status, answer.reason or "no reason told")
    message = f"its server answered {of and f'for {of}'}with status {answer.status} ({says})."
    again = answer.status in AGAIN
    return PageError("http_status", message, again=again, wait=_retry_after(answer.getheader("retry-after")))


def _retry_after(value: str | None) -> float | None:
    """Seconds, told as a number or as a date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _too_large(most: int) -> PageError:
    return PageError(
        "too_large", f"is larger than {most >> 20} MiB. If it is honest, raise places.web.max_megabytes in the recipe."
    )


def _too_slow(seconds: float) -> PageError:
    return PageError(
        "too_slow", f"did not end within {seconds:.0f} seconds. If it is honest, raise places.web.page_seconds."
    )


def _cut(connection: socket.socket, over: threading.Event) -> None:
    over.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
