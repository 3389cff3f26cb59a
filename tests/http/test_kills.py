"""Kills (-9) of server, worker and engine under load: nothing that was acknowledged is lost or doubled, and streams
that broke go on without gap or repeat.  Ten kills in the default run, a hundred with the mark `soak`."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai
import psutil
import pytest

from tuneloop.serve import feedback
from tuneloop.serve.exchanges import exchanges
from tuneloop.store import Workspace, files, jobs

pytestmark = pytest.mark.slow
JOBS, CHATS = 3, 5


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


ROWS = [row(f"Whose key is number {n}?", f"Key {n} is Ann's.") for n in range(12)]
LOST = (openai.APIConnectionError, openai.InternalServerError, httpx2.HTTPError)
"""What a client sees while a process that was killed is not back yet."""


class Served:
    """A server process on one port, started again whenever it is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = self._start()
        assert self.process.stdout is not None
        told = ""
        for line in self.process.stdout:
            told += line
            if line.startswith("}"):
                break
        self.key = json.loads(told)["first"]["key"]
        self.url = f"http://127.0.0.1:{self.port}"

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tuneloop", "serve", "--port", str(self.port), "--json"]
        return subprocess.Popen(
            [*command, "-w", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def ready(self) -> None:
        """Start it again if it is gone, and wait until it answers."""
        if self.process.poll() is not None:
            self.process = self._start()
        give_up = time.monotonic() + 90
        while time.monotonic() < give_up:
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx2.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the server did not come back")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The server, its engines, and the workers of runs: all that belong to this workspace."""
        server = psutil.Process(self.process.pid)
        found: dict[str, list[psutil.Process]] = {"server": [server], "worker": [], "engine": []}
        for one in psutil.process_iter():
            try:
                words = one.cmdline()
            except psutil.Error:
                continue
            if str(self.folder) in words and "tuneloop.app.worker" in words:
                found["worker"].append(one)
            if any(word.startswith("tuneloop.serve.hosting") for word in words) and _parent(one) == self.process.pid:
                found["engine"].append(one)
        return found

    def client(self, **more: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.key, timeout=60, **more)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        for one in self.processes_left():
            one.kill()

    def processes_left(self) -> list[psutil.Process]:
        return self.processes()["worker"] if psutil.pid_exists(self.process.pid) else []


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


class Load:
    """Clients that go on until they are told to stop, and remember what they were told is done."""

    def __init__(self, served: Served) -> None:
        self.served, self.calm, self.over = served, threading.Event(), threading.Event()
        self.files: set[str] = set()
        self.jobs: dict[str, str] = {}
        self.exchanges: set[str] = set()
        self.feedback: Counter[str] = Counter()
        self.streamed: dict[str, list[str]] = {}
        self.broken: list[BaseException] = []
        work = [self._upload, self._create, self._chat, self._follow]
        self.threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in work]
        for thread in self.threads:
            thread.start()

    def _run(self, work: Callable[[openai.OpenAI, int], None]) -> None:
        number, until = 0, self.over if work == self._follow else self.calm
        client = self.served.client(max_retries=4)
        while not until.is_set():
            number += 1
            try:
                work(client, number)
            except LOST:
                time.sleep(0.3)
            except BaseException as error:
                self.broken.append(error)
                raise

    def _upload(self, client: openai.OpenAI, number: int) -> None:
        content = "\n".join(map(json.dumps, [row(f"upload {number}", "yes"), *ROWS])).encode()
        once = client.with_options(max_retries=0)
        self.files.add(once.files.create(file=("u.jsonl", content), purpose="fine-tune").id)
        time.sleep(0.2)

    def _create(self, client: openai.OpenAI, number: int) -> None:
        if len(self.jobs) >= JOBS:
            time.sleep(0.5)
            return
        content = "\n".join(map(json.dumps, ROWS)).encode()
        file = client.files.create(file=("rows.jsonl", content), purpose="fine-tune").id
        suffix = f"kill{number}"
        job = client.fine_tuning.jobs.create(
            model="starter", training_file=file, suffix=suffix, hyperparameters={"n_epochs": 6, "batch_size": 4}
        )
        self.jobs[suffix] = job.id

    def _chat(self, client: openai.OpenAI, number: int) -> None:
        once = client.with_options(max_retries=0)
        said = once.chat.completions.create(
            model="starter", messages=[{"role": "user", "content": f"Hello {number}"}], max_tokens=8
        )
        self.exchanges.add(said.id)
        note = f"note {number}"
        answer = httpx2.post(
            f"{self.served.url}/api/exchanges/{said.id}/feedback",
            json={"kind": "thumb", "value": "up", "note": note},
            headers={"authorization": f"Bearer {self.served.key}"},
            timeout=30,
        )
        if answer.status_code == 201:
            self.feedback[note] += 1
        time.sleep(0.1)

    def _follow(self, client: openai.OpenAI, number: int) -> None:
        """Reads each job's events as a stream, going on behind the last one after every break."""
        for job in list(self.jobs.values()):
            seen = self.streamed.setdefault(job, [])
            if seen and seen[-1] == "done":
                continue
            headers = {"authorization": f"Bearer {self.served.key}", "last-event-id": seen[-1] if seen else ""}
            address = f"{self.served.url}/v1/fine_tuning/jobs/{job}/events?stream=true"
            with httpx2.stream("GET", address, headers={k: v for k, v in headers.items() if v}, timeout=20) as answer:
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        seen.append(line[4:])
                    if line == "data: [DONE]":
                        seen.append("done")
                    if self.over.is_set():
                        return
        time.sleep(0.2)


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_nothing_acknowledged_is_lost(tmp_path: Path, kills: int) -> None:
    served = Served(tmp_path / "w")
    draw = random.Random(kills)
    hit: Counter[str] = Counter()
    try:
        served.ready()
        load = Load(served)
        while sum(hit.values()) < kills:
            time.sleep(draw.uniform(0.1, 3.0))
            found = served.processes()
            chosen = draw.choice(["server", "worker", "engine", "all"])
            victims = [one for kind, some in found.items() for one in some if chosen in (kind, "all")]
            if not victims:
                continue
            for victim in victims:
                victim.kill()
            hit[chosen] += 1
            if chosen in ("server", "all"):
                served.process.wait(20)
            served.ready()
        assert not load.broken, load.broken
        _wait_for_chats(load)
        _wait_for_jobs(served, load)
        load.over.set()
        for thread in load.threads:
            thread.join(90)
        assert not load.broken, load.broken
        _check(served, load)
    finally:
        load.over.set()
        served.stop()


def _wait_for_chats(load: Load) -> None:
    """Where kills come as fast as bases load, no chat is answered between them."""
    give_up = time.monotonic() + 120
    while len(load.exchanges) < CHATS and time.monotonic() < give_up:
        time.sleep(0.2)


def _wait_for_jobs(served: Served, load: Load) -> None:
    """Until every job has ended and its stream was read to the end; the other clients rest."""
    load.calm.set()
    give_up = time.monotonic() + 400
    while time.monotonic() < give_up:
        with Workspace.find(served.folder, create=False) as ws:
            open_jobs = [job.id for job in jobs.unfinished(ws)]
        read = all(load.streamed.get(job, [""])[-1:] == ["done"] for job in load.jobs.values())
        if load.jobs and not open_jobs and read:
            return
        time.sleep(1)
    raise AssertionError(f"jobs did not end: {open_jobs}; streams { ({k: len(v) for k, v in load.streamed.items()}) }")


def _check(served: Served, load: Load) -> None:
    with Workspace.find(served.folder, create=False) as ws:
        kept = Counter(one.id for one in files.files(ws, limit=100_000)[0])
        assert not load.files - kept.keys()
        assert len(load.files) > 3
        every, _ = jobs.jobs(ws, limit=1000)
        suffixes = Counter(job.suffix for job in every)
        assert max(suffixes.values()) == 1, suffixes
        assert {job.suffix: job.id for job in every if job.suffix in load.jobs} == load.jobs
        assert {job.status for job in every} == {"succeeded"}
        rows = Counter(one.id for one in exchanges(ws, limit=100_000))
        assert not load.exchanges - rows.keys()
        assert max(rows.values()) == 1
        assert len(load.exchanges) >= CHATS
        notes = Counter(one.note for one in feedback.feedback(ws, limit=100_000))
        for note, count in load.feedback.items():
            assert notes[note] == count == 1
        for job, seen in load.streamed.items():
            named = jobs.job(ws, job)
            told = [named.event_id(event.number) for event in jobs.events_since(ws, job, 0, limit=10_000)]
            assert seen[:-1] == told
            assert len(set(told)) == len(told)
