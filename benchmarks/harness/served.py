"""A server in a process of its own over a new workspace, whose loaded bases can be told to leave.

    python -m harness.served FOLDER     prints url and key as JSON, then unloads each base named on standard input

It is what `tuneloop serve` starts, with one thread more, which reads standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

HERE = Path(__file__).parents[1]


@dataclass
class Served:
    folder: Path
    """Of the workspace."""
    url: str
    key: str
    process: subprocess.Popen[str] = field(repr=False)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=120)

    def unload(self, base: str) -> bool:
        """Have a base leave, and wait until it has; False where it was not loaded."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{base}\n")
        self.process.stdin.flush()
        return bool(json.loads(self.process.stdout.readline()))


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """A server over the workspace `folder/w`; what it writes goes to `folder/server.txt`."""
    with (folder / "server.txt").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.served", str(folder / "w")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=HERE,
            env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        )  # fmt: skip
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Served(folder / "w", told["url"], told["key"], process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def main(folder: str) -> None:
    from tuneloop.app.http import server
    from tuneloop.app.http.answers import Answers
    from tuneloop.app.http.settings import ServeSettings
    from tuneloop.store import Workspace

    def announce(started: server.Started) -> None:
        assert started.first is not None
        print(json.dumps({"url": started.url, "key": started.first.secret}), flush=True)

    server.log_to_stderr()
    with Workspace.find(folder) as ws:
        answers = Answers(ws)
        threading.Thread(target=_unload, args=(answers,), daemon=True).start()
        chosen = ServeSettings(requests_per_minute=1_000_000)
        server.serve(ws, announce, port=0, chosen=chosen, parts={"answers": answers})


def _unload(answers: Any) -> None:
    for line in sys.stdin:
        loaded = {host.key: host for host in answers.hosts.loaded}
        host = loaded.get(line.strip())
        done = False
        if host is not None and host.started is not None:
            work = answers.hosts.unload(host.key)
            done = asyncio.run_coroutine_threadsafe(work, host.started.get_loop()).result(60)
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
