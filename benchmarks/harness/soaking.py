"""What a server is put through while its memory is watched: mixed requests, loading and unloading, clients that vanish.

Each driver looks at the processes now and then, and gives what it saw; `rows` compares the second tenth with the last.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from harness import openloop
from harness.served import Served

API, ENGINE, ALL = "API", "engine", "all"
TENTHS = 10


@dataclass(frozen=True)
class Sample:
    """Bytes (`own`: not shared with other processes), open file descriptors (sockets among them), threads."""

    resident: float
    own: float
    files: float
    threads: float


@dataclass
class Watch:
    """Samples by process; `engine` is there while a base is loaded."""

    served: Served
    seen: dict[str, list[Sample]] = field(default_factory=dict)

    def look(self) -> None:
        api = psutil.Process(self.served.process.pid)
        engines = [one for one in api.children() if _is_engine(one)]
        found = {API: [api], ENGINE: engines, ALL: [api, *engines]}
        for name, processes in found.items():
            if processes:
                self.seen.setdefault(name, []).append(_sum([_sample(one) for one in processes]))

    def rows(self) -> Iterator[tuple[str, Sample, Sample]]:
        """Name, the second tenth, the last tenth: medians over the samples of each."""
        for name, samples in self.seen.items():
            each = max(1, len(samples) // TENTHS)
            yield name, _median(samples[each : 2 * each] or samples), _median(samples[-each:])

    def growth(self) -> dict[str, float]:
        """By process: resident memory in the last tenth over that in the second."""
        return {name: last.resident / second.resident for name, second, last in self.rows()}


def _is_engine(process: psutil.Process) -> bool:
    try:
        return any("tuneloop.serve.hosting" in word for word in process.cmdline())
    except psutil.NoSuchProcess:  # a child that ended in this instant, perhaps not yet waited for
        return False


def _sample(process: psutil.Process) -> Sample:
    memory = process.memory_full_info()
    return Sample(memory.rss, memory.uss, process.num_fds(), process.num_threads())


def _sum(samples: Sequence[Sample]) -> Sample:
    return Sample(*(sum(getattr(one, name) for one in samples) for name in Sample.__dataclass_fields__))


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(*(statistics.median(getattr(one, name) for one in samples) for name in Sample.__dataclass_fields__))


def table(watch: Watch) -> str:
    lines = [
        "| process | resident MB, second tenth | last tenth | ratio | own MB | last | files | last | threads | last |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, second, last in watch.rows():
        ratio = last.resident / second.resident
        lines.append(
            f"| {name} | {second.resident / 1e6:.1f} | {last.resident / 1e6:.1f} | {ratio:.3f}"
            f" | {second.own / 1e6:.1f} | {last.own / 1e6:.1f} | {second.files:.0f} | {last.files:.0f}"
            f" | {second.threads:.0f} | {last.threads:.0f} |"
        )
    return "\n".join(lines)


def rows_of_training(count: int) -> bytes:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Which shelf holds box {number}?"},
                {"role": "assistant", "content": f"Box {number} stands on shelf {number % 17}."},
            ]
        }
        for number in range(count)
    ]
    return "\n".join(map(json.dumps, rows)).encode()


def prepare(served: Served) -> dict[str, str]:
    """What the mixed requests ask for, by name: a file, a job that is over and one that waits, a model (an adapter on
    the starter), an exchange, a run.  Nothing is trained: that would take longer than many a soak."""
    with served.client() as http:
        file = http.post(
            "/v1/files", data={"purpose": "fine-tune"}, files={"file": ("boxes.jsonl", rows_of_training(12))}
        ).json()["id"]
        jobs = {}
        for word, state in (("cancel", "cancelled"), ("pause", "paused")):
            job = http.post("/v1/fine_tuning/jobs", json={"model": "starter", "training_file": file}).json()["id"]
            http.post(f"/v1/fine_tuning/jobs/{job}/{word}").raise_for_status()
            until = time.monotonic() + 120
            while (found := http.get(f"/v1/fine_tuning/jobs/{job}").json()["status"]) != state:
                if time.monotonic() > until:
                    raise TimeoutError(f"the job is {found} and not {state}")
                time.sleep(0.2)
            jobs[state] = job
        said = http.post("/v1/chat/completions", json=chat("starter", "Hello", 4)).json()["id"]
        run = http.get("/api/runs").json()["data"][0]["id"]
    return {
        "file": file,
        "job": jobs["cancelled"],
        "open": jobs["paused"],
        "model": adapter(served),
        "exchange": said,
        "run": run,
    }


def adapter(served: Served) -> str:
    """The name of a version that lays an adapter on the starter: rank 8 on every linear layer, small random numbers."""
    import torch

    from tuneloop.models.adapters.lora import LoraAdapter
    from tuneloop.models.versions import load_named
    from tuneloop.store import Workspace, models

    with Workspace.find(served.folder, create=False) as ws:
        made = LoraAdapter.new(load_named(ws, "starter").sites(), r=8, alpha=16, seed=0)
        torch.manual_seed(0)
        for site in made.sites.values():
            torch.nn.init.normal_(site.up, std=0.02)
        folder = ws.folder / "models" / "soak"
        made.save(folder)
        version = models.add_model(
            ws, base="starter", form="adapter", folder=folder, objective="supervised", tuner="lora", recipe={}
        )
    return version.name


def chat(model: str, text: str, tokens: int, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": tokens, **more}


def _mixed(names: Mapping[str, str], draw: random.Random) -> tuple[str, str, Any]:
    """Method, path and body (JSON, or a form as bytes) of one request; one in ten is refused."""
    job, file, said, run = names["job"], names["file"], names["exchange"], names["run"]
    number = draw.randrange(10**6)
    model = draw.choice(["starter", names["model"]])
    text = f"What stands in room {number}, and who put it there?"
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    asked = [
        ("GET", "/v1/fine_tuning/jobs?limit=10", None),
        ("GET", f"/v1/fine_tuning/jobs/{job}", None),
        ("GET", f"/v1/fine_tuning/jobs/{job}/events?limit=20", None),
        ("GET", f"/v1/fine_tuning/jobs/{job}/events?stream=true", None),
        ("GET", f"/v1/files/{file}/content", None),
        ("GET", f"/api/files/{file}/preview", None),
        ("GET", "/v1/models", None),
        ("GET", "/api/models", None),
        ("GET", "/api/runs?limit=5", None),
        ("GET", f"/api/runs/{run}/metrics", None),
        ("GET", "/api/exchanges?limit=20", None),
        ("GET", "/api/members/objectives", None),
        ("GET", "/metrics", None),
        ("GET", "/readyz", None),
        ("POST", "/v1/files", rows_of_training(10 + number % 5)),
        ("POST", f"/api/exchanges/{said}/feedback", {"kind": "thumb", "value": draw.choice(["up", "down"])}),
        ("POST", "/v1/chat/completions", chat(model, text, 12)),
        ("POST", "/v1/chat/completions", chat(model, text, 12, stream=True)),
        ("POST", "/v1/chat/completions", chat(model, text, 8, logprobs=True, top_logprobs=3, n=2)),
        ("POST", "/v1/chat/completions", chat("starter", text, 12, response_format=form)),
        ("POST", "/v1/completions", {"model": model, "prompt": [text, "Once"], "max_tokens": 8, "echo": True}),
        ("POST", "/v1/embeddings", {"model": "starter", "input": [text, "a"]}),
    ]
    refused = [
        ("GET", f"/v1/files/file-{number}", None),
        ("GET", f"/nothing/{number}", None),
        ("GET", f"/v1/models/model-{number}", None),
        ("POST", "/v1/chat/completions", chat(f"nobody-{number}", text, 4)),
        ("POST", "/v1/chat/completions", chat("starter", "long " * 3000, 4)),
        ("POST", "/v1/chat/completions", {"model": "starter", "messages": [], f"field{number}": 1}),
        ("POST", "/v1/files", b"{not a row"),
    ]
    return draw.choice(refused if draw.random() < 0.1 else asked)


def requests(served: Served, count: int, looks: int = 200, together: int = 8) -> tuple[Watch, Counter[int]]:
    """Mixed requests, so many at a time, none before its turn; gives what was seen and the answers by status."""
    names, watch, draw, told = prepare(served), Watch(served), random.Random(0), Counter[int]()
    left = iter(range(count))

    async def ask(http: httpx2.AsyncClient) -> None:
        for number in left:
            method, path, body = _mixed(names, draw)
            if isinstance(body, bytes):
                form, kind = openloop.multipart(f"rows-{number}.jsonl", body, "fine-tune")
                answer = await http.request(method, path, content=form, headers={"content-type": kind})
            else:
                answer = await http.request(method, path, json=body)
            told[answer.status_code] += 1
            if number % max(1, count // looks) == 0:
                await asyncio.to_thread(watch.look)

    async def all_of_them() -> None:
        headers = {"authorization": f"Bearer {served.key}"}
        async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=300) as http:
            await asyncio.gather(*(ask(http) for _ in range(together)))

    asyncio.run(all_of_them())
    return watch, told


def rounds(served: Served, count: int) -> tuple[Watch, Watch]:
    """A base and an adapter on it are loaded by a request each, and unloaded; what was seen loaded, and after it."""
    names, loaded, empty = prepare(served), Watch(served), Watch(served)
    with served.client() as http:
        for _ in range(count):
            for model in ("starter", names["model"]):
                answer = http.post("/v1/chat/completions", json=chat(model, "Hello", 8))
                assert answer.status_code == 200, answer.text
            loaded.look()
            assert served.unload("starter")
            empty.look()
    return loaded, empty


@dataclass
class Aftermath:
    """After the clients have vanished: `busy` is the engine's share of a processor over two seconds, `in_flight` the
    requests that the server still counts, `noted` the exchanges by outcome, `asked` those that were cut."""

    busy: float
    in_flight: int
    noted: Counter[str]
    answers: int


def leavers(served: Served, count: int, looks: int = 100, together: int = 10) -> tuple[Watch, Aftermath]:
    """Clients that ask for as long an answer as there is room for, and vanish: before its first word, in the middle,
    by a reset or by closing, streamed and whole, and some in the middle of an upload.

    Before, as many as will ask at a time get whole answers, so that keys and values have the room that they need.
    """
    names, watch, draw = prepare(served), Watch(served), random.Random(0)
    left = iter(range(count))
    asyncio.run(_whole(served, names, together))

    async def ask() -> None:
        for number in left:
            await _vanish(served, names, draw)
            if number % max(1, count // looks) == 0:
                await asyncio.to_thread(watch.look)

    async def all_of_them() -> None:
        await asyncio.gather(*(ask() for _ in range(together)))

    asyncio.run(all_of_them())
    return watch, _aftermath(served, names)


async def _whole(served: Served, names: Mapping[str, str], together: int) -> None:
    headers = {"authorization": f"Bearer {served.key}"}
    asked = chat(names["model"], "Tell me of a house.", 100, min_tokens=100, n=3)
    async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=300) as http:
        answers = await asyncio.gather(*(http.post("/v1/chat/completions", json=asked) for _ in range(together)))
    assert all(one.status_code == 200 for one in answers)


async def _vanish(served: Served, names: Mapping[str, str], draw: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    model = draw.choice(["starter", names["model"]])
    more = {"min_tokens": 900, "n": draw.choice([1, 1, 3])}
    streamed = chat(model, f"Tell me of house {draw.randrange(10**6)}.", 900, stream=True, **more)
    way = draw.choice(["stream", "stream", "stream", "first", "whole", "text", "upload", "events"])
    path, body, kind = "/v1/chat/completions", json.dumps(streamed).encode(), "application/json"
    if way == "whole":
        body = json.dumps({**streamed, "stream": False}).encode()
    elif way == "text":
        path = "/v1/completions"
        body = json.dumps({"model": model, "prompt": "Once", "max_tokens": 900, "stream": True, **more}).encode()
    elif way == "upload":
        path = "/v1/files"
        body, kind = openloop.multipart("rows.jsonl", rows_of_training(200), "fine-tune")
    method = "GET" if way == "events" else "POST"
    if way == "events":
        path, body = f"/v1/fine_tuning/jobs/{names['open']}/events?stream=true", b""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {served.key}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + (body[: len(body) // 2] if way == "upload" else body))
    await writer.drain()
    if way in ("stream", "text", "events"):
        async with asyncio.timeout(120):
            for _ in range(draw.randrange(1, 12)):
                await reader.readline()
    elif way == "whole":
        await asyncio.sleep(draw.uniform(0.0, 0.3))
    elif way == "upload":
        await asyncio.sleep(0.02)
    if draw.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()


def _aftermath(served: Served, names: Mapping[str, str]) -> Aftermath:
    with served.client() as http:
        until = time.monotonic() + 30
        while (found := _metric(http, "tuneloop_http_in_flight")) > 1 and time.monotonic() < until:
            time.sleep(0.2)
        api = psutil.Process(served.process.pid)
        engines = [one for one in api.children() if _is_engine(one)]
        before = [sum(one.cpu_times()[:2]) for one in engines]
        time.sleep(2)
        busy = sum(sum(one.cpu_times()[:2]) - used for one, used in zip(engines, before, strict=True)) / 2
        noted = Counter[str]()
        for line in http.get("/metrics").text.splitlines():
            if line.startswith("tuneloop_answers_total"):
                noted[line.partition('outcome="')[2].partition('"')[0]] += int(float(line.rpartition(" ")[2]))
        asked = [http.post("/v1/chat/completions", json=chat(names["model"], "Hello", 4)) for _ in range(20)]
    return Aftermath(busy, int(found), noted, sum(one.status_code == 200 for one in asked))


def _metric(http: httpx2.Client, name: str) -> float:
    lines = http.get("/metrics").text.splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} ")))


Driver = Callable[[Served, int], Any]


def run(folder: Path, driver: Driver, count: int) -> Any:
    """A driver against a server of its own over a new workspace."""
    from harness.served import served

    with served(folder) as found:
        return driver(found, count)
