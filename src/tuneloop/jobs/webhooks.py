"""Word to other programs when a job ends, signed as the official client checks it (Standard Webhooks).

    webhook-id          evt_…, the same on every try
    webhook-timestamp   seconds since 1970, of this try
    webhook-signature   v1, and base64 of HMAC-SHA256("{id}.{timestamp}.{body}") with the secret behind `whsec_`

What is to be told is written in the transaction that ends the job, so that nothing is forgotten by a crash; it is told
at least once, tried again with growing pauses for about a day.  Addresses inside the network are refused, as they are
asked from inside, unless `webhooks_private` of the server's settings allows them; each address is looked up once and
then used, so that a name cannot point elsewhere in between.  Redirects are not followed.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from tuneloop.errors import NotFoundError, UsageError, Where
from tuneloop.prepare.fetching.addresses import is_public
from tuneloop.store import Workspace
from tuneloop.store.database import clock, now
from tuneloop.store.files import new_id
from tuneloop.store.jobs_tables import webhook_deliveries, webhooks
from tuneloop.store.settings import get_setting
from tuneloop.store.tables import next_number

KINDS = ("fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled")
PAUSES = (5, 30, 120, 600, 3600, 4 * 3600, 10 * 3600)
"""Seconds before each further try."""

PRIVATE = "webhooks_private"
ALLOW = f"Who runs the server may allow it: tuneloop serve --set {PRIVATE}=true, or that key in its settings file"
SECONDS, MOST_AT_ONCE, MOST_BYTES = 10.0, 20, 2000
CLAIM_SECONDS = 60.0
WHOLE_SECONDS = 30.0
"""Of one try, whatever the other side does: one byte every few seconds must not hold up everybody's word."""


@dataclass(frozen=True)
class Webhook:
    id: str
    name: str
    url: str
    kinds: Sequence[str]
    created: float
    secret: str


def add(ws: Workspace, *, name: str, url: str, kinds: Sequence[str] = KINDS, owner: str = "") -> Webhook:
    """A new address with a new secret, which is told once; raises `UsageError` for one that must not be asked."""
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"found {kind!r}", expected=f"one of {', '.join(KINDS)}", where=Where(field="event_types"))
    if not kinds:
        raise UsageError("no kinds of event", expected=f"some of {', '.join(KINDS)}", where=Where(field="event_types"))
    _place(ws, url)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with ws.db.write(durable=True) as connection:
        row = {
            "id": new_id("we_"),
            "number": next_number(connection, "webhook"),
            "name": name,
            "url": url,
            "kinds": list(kinds),
            "secret": secret,
            "owner": owner,
            "created": clock(connection),
        }
        connection.execute(insert(webhooks).values(row))
    return _webhook(row)


def listed(ws: Workspace) -> list[Webhook]:
    with ws.db.read() as connection:
        return [_webhook(row) for row in connection.execute(select(webhooks).order_by(webhooks.c.number)).mappings()]


def remove(ws: Workspace, identity: str) -> None:
    with ws.db.write(durable=True) as connection:
        connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook == identity))
        if not connection.execute(delete(webhooks).where(webhooks.c.id == identity)).rowcount:
            raise NotFoundError(f"no webhook is called {identity!r}", where=Where(field="id"))


def enqueue(connection: Connection, kind: str, job: str) -> None:
    """Inside the transaction that ends the job: one delivery for each webhook that wants to know."""
    created = clock(connection)
    event = {"object": "event", "type": kind, "created_at": int(created), "data": {"id": job}}
    for row in connection.execute(select(webhooks.c.id, webhooks.c.kinds)).all():
        if kind in row.kinds:
            identity = new_id("evt_")
            delivery = {
                "id": identity,
                "webhook": row.id,
                "body": json.dumps({"id": identity, **event}),
                "attempts": 0,
                "due": created,
                "done": False,
                "created": created,
            }
            connection.execute(insert(webhook_deliveries).values(delivery))


def sign(secret: str, identity: str, timestamp: int, body: str) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mark = hmac.digest(key, f"{identity}.{timestamp}.{body}".encode(), "sha256")
    return "v1," + base64.b64encode(mark).decode()


Send = Callable[[Workspace, str, bytes, Mapping[str, str]], int]


def deliver_due(ws: Workspace, send: Send | None = None) -> int:
    """Try what is due, oldest first; returns how many arrived.  The server calls it every few seconds.

    Each try is claimed first, so that of several servers one makes it.
    """
    arrived = 0
    for row in _claimed(ws):
        timestamp = int(row["now"])
        headers = {
            "content-type": "application/json",
            "user-agent": "tuneloop",
            "webhook-id": row["id"],
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(row["secret"], row["id"], timestamp, row["body"]),
        }
        try:
            status = (send or post)(ws, row["url"], row["body"].encode(), headers)
            answer, good = f"status {status}", 200 <= status < 300
        except (OSError, http.client.HTTPException, UsageError) as error:
            answer, good = f"{type(error).__name__}: {error}", False
        arrived += good
        _noted(ws, row, answer, good)
    return arrived


def _claimed(ws: Workspace) -> list[dict[str, Any]]:
    columns = webhook_deliveries.c
    due = select(webhook_deliveries, webhooks.c.url, webhooks.c.secret).join(webhooks, webhooks.c.id == columns.webhook)
    with ws.db.read() as connection:
        ready = columns.done.is_(False) & (columns.due <= now())
        if connection.execute(select(columns.id).where(ready).limit(1)).first() is None:
            return []
    found = []
    with ws.db.write() as connection:
        time = clock(connection)
        query = due.where(columns.done.is_(False), columns.due <= time).order_by(columns.due).limit(MOST_AT_ONCE)
        for row in connection.execute(query.with_for_update(of=webhook_deliveries, skip_locked=True)).mappings():
            found.append({**row, "now": time})
            claim = update(webhook_deliveries).where(columns.id == row["id"], columns.webhook == row["webhook"])
            connection.execute(claim.values(due=time + CLAIM_SECONDS, attempts=row["attempts"] + 1))
    return found


def _noted(ws: Workspace, row: Mapping[str, Any], answer: str, good: bool) -> None:
    columns = webhook_deliveries.c
    tried = row["attempts"]
    with ws.db.write() as connection:
        over = good or tried >= len(PAUSES)
        due = clock(connection) + (0 if over else PAUSES[tried])
        mine = update(webhook_deliveries).where(columns.id == row["id"], columns.webhook == row["webhook"])
        connection.execute(mine.values(done=over, due=due, answer=answer[:500]))


def post(ws: Workspace, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send once to the address that the name has now; returns the status."""
    address, host, port, path, encrypted = _place(ws, url)
    connection: http.client.HTTPConnection
    plain = socket.create_connection((address, port), timeout=SECONDS)
    same = plain.dup()  # TLS takes the first one over
    deadline = threading.Timer(WHOLE_SECONDS, _cut, [same])
    deadline.start()
    try:
        if encrypted:
            connection = http.client.HTTPSConnection(host, port, timeout=SECONDS)
            connection.sock = plain = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
            connection.sock = plain
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        answer.read(MOST_BYTES)
        return answer.status
    finally:
        deadline.cancel()
        same.close()
        plain.close()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _place(ws: Workspace, url: str) -> tuple[str, str, int, str, bool]:
    """(address, host, port, path, encrypted) of a URL; `UsageError` for one inside the network, or of no web."""
    where = Where(field="url")
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise UsageError(f"found {url!r}", expected="other signs than ASCII as %XX, and no spaces", where=where)
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise UsageError(f"found {url!r}", expected="a web address", where=where) from None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
        raise UsageError(f"found {url!r}", expected="https://host/path", where=where)
    private = bool(get_setting(ws, PRIVATE, False))
    if parts.scheme == "http" and not private:
        raise UsageError(f"found {url!r}", expected="an address with https", where=where, do=ALLOW)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{parts.hostname!r} cannot be found ({error})", where=where) from None
    addresses = [str(one[4][0]) for one in found]
    if not private:
        for address in addresses:
            if not is_public(address):
                raise UsageError(
                    f"{parts.hostname!r} is {address}, inside the network",
                    expected="a public address",
                    where=where,
                    do=ALLOW,
                )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return addresses[0], parts.hostname, port, path, parts.scheme == "https"


def _webhook(row: Mapping[Any, Any]) -> Webhook:
    return Webhook(row["id"], row["name"], row["url"], row["kinds"], row["created"], row["secret"])
