"""A process that holds one base: `python -m tuneloop.serve.hosting WORKSPACE BASE SOCKET SETTINGS`.

It loads the base, then answers what comes over the socket (a file descriptor) until that closes.  A thread reads
orders; the main one works: orders join between steps, and what a step brings goes out as one message.  A mistake of
somebody is told; anything else (no memory left, a bug) ends the process, and with it whatever it held.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import sys
import threading
import time
from typing import Any

from tuneloop.errors import TuneloopError
from tuneloop.serve.asking import LENGTH, Ask, Batch, Cancel, Failed, Order, Ready, decode_order, frame


def main(workspace: str, base: str, descriptor: str, settings: str) -> int:
    begun = time.monotonic()
    connection = socket.socket(fileno=int(descriptor))
    try:
        answering, ready = _loaded(workspace, base, json.loads(settings))
    except TuneloopError as error:
        told = error.as_dict()
        connection.sendall(frame([(0, Failed(500, told["code"], told["message"]))]))
        sys.stderr.write(f"Error: {error}\n")
        return 1
    ready.seconds = time.monotonic() - begun
    connection.sendall(frame([(0, ready)]))
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, orders), daemon=True).start()
    while True:
        told_now: Batch = []
        while not orders.empty() or not answering.busy:
            order = orders.get()
            if order is None:
                return 0
            if isinstance(order, Ask):
                told_now += answering.begin(order)
            elif isinstance(order, Cancel):
                answering.cancel(order.id)
            else:
                answering.drop(order.adapter)
            if told_now and orders.empty():
                break
        told_now += answering.step()
        if told_now:
            connection.sendall(frame(told_now))


def _loaded(workspace: str, base: str, settings: dict[str, Any]) -> tuple[Any, Ready]:
    """The base behind an engine, tried out once so that the first request finds everything made."""
    from tuneloop.models.engine import Request
    from tuneloop.models.sampling import Sampling
    from tuneloop.models.versions import load_named
    from tuneloop.serve.answering import Answering
    from tuneloop.store import Workspace

    with Workspace.find(workspace, create=False) as ws:
        lm = load_named(ws, base, **settings.get("load", {}))
    lm.lay_out()
    engine = lm.engine()
    engine.finish(engine.submit(Request([0, 0], Sampling(max_tokens=2))))
    dtype = str(lm.dtype).removeprefix("torch.")
    ready = Ready(lm.config.max_positions, dtype, engine.title.en, 0.0)
    return Answering(lm, engine, settings.get("adapters", 32)), ready


def _read(connection: socket.socket, orders: queue.SimpleQueue[Order | None]) -> None:
    """Put what comes into the queue; None when the other side is gone."""
    stream = connection.makefile("rb")
    try:
        while head := stream.read(LENGTH):
            orders.put(decode_order(stream.read(int.from_bytes(head, "big"))))
    except OSError:
        pass
    finally:
        orders.put(None)


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # taking the interpreter apart would hold the memory a second longer
