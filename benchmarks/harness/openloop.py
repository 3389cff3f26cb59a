"""Requests by an open loop: each has the instant at which it should begin, and its latency counts from there, however
long those before it took.

A connection sends one request after the other (HTTP/1.1, kept open), so a slow answer delays those behind it on its
connection, and that delay is counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """`at` seconds after the start; `name` groups results."""

    at: float
    name: str
    method: str
    path: str
    body: bytes = b""
    kind: str = "application/json"


@dataclass
class Result:
    """`latency` from the intended beginning to the last byte, `late` how much later it was sent, in seconds."""

    name: str
    status: int
    latency: float
    late: float
    body: bytes = field(repr=False, default=b"")


async def fire(host: str, port: int, key: str, calls: Sequence[Call], connections: int) -> list[Result]:
    """All calls, dealt to the connections in turn."""
    begin = time.perf_counter() + 0.2
    dealt = [list(calls[number::connections]) for number in range(connections)]
    found = await asyncio.gather(*(_one(host, port, key, some, begin) for some in dealt))
    return [result for some in found for result in some]


async def _one(host: str, port: int, key: str, calls: Sequence[Call], begin: float) -> list[Result]:
    reader, writer = await asyncio.open_connection(host, port)
    results = []
    for call in calls:
        due = begin + call.at
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        late = time.perf_counter() - due
        head = (
            f"{call.method} {call.path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {call.kind}\r\nContent-Length: {len(call.body)}\r\n\r\n"
        )
        writer.write(head.encode() + call.body)
        status, body = await _answer(reader)
        results.append(Result(call.name, status, time.perf_counter() - due, late, body))
    writer.close()
    return results


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split(" ", 2)[1])
    names = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]}
    if "content-length" in names:
        return status, await reader.readexactly(int(names["content-length"]))
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return status, body


def multipart(name: str, content: bytes, purpose: str) -> tuple[bytes, str]:
    """A file upload's body and its content type."""
    mark = "----benchmark"
    parts = (
        f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    )
    return parts.encode() + content + f"\r\n--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def load(body: bytes) -> Any:
    return json.loads(body)
