"""What the service bears on this machine.

    python benchmarks/service_load.py manage  --root FOLDER [--rate 300] [--connections 50] [--seconds 30]
    python benchmarks/service_load.py streams --root FOLDER [--count 50]
    python benchmarks/service_load.py chat    --root FOLDER --peers FOLDER [--rounds 3] [--batch 16]

manage   90 % reads of jobs, events and models, 10 % small uploads and feedback, in an open loop: a request's latency
         counts from the instant at which it should have begun.  Meanwhile a job trains the starter; its steps a second
         are compared with those before the load.  The generator is a process of its own; its processor time is told.
         It begins when the rest of the machine is quiet, or after `--wait` seconds.
streams  Equal chat streams at once from the starter: when the last one ends, against the median.
chat     The starter's throughput with `--batch` chats at a time, each 64 tokens, greedy and streamed, beside
         `transformers serve` (from the environment `trl` of `--peers`) with the same weights; each in a process of its
         own, one after the other, the order changing by rounds.  First token: p50 of the same requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
from harness import machine, measure, openloop
from harness.openloop import Call

STARTER = Path(__file__).parents[1] / "src" / "tuneloop" / "models" / "starter"
TOKENS = 64


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, str, int]]:
    """Port, key and process of a server over a new workspace."""
    command = [sys.executable, "-m", "tuneloop", "serve", "--port", "0", "--json", "-w", str(folder / "w")]
    command += ["--set", "requests_per_minute=1000000"]
    with (folder / "server.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if line.startswith("}"):
                break
        about = json.loads(told)
        try:
            yield int(about["url"].rpartition(":")[2]), about["first"]["key"], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def examples(count: int) -> bytes:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Which shelf holds box {number}?"},
                {"role": "assistant", "content": f"Box {number} stands on shelf {number % 17}, behind the paint."},
            ]
        }
        for number in range(count)
    ]
    return "\n".join(map(json.dumps, rows)).encode()


def manage(args: argparse.Namespace) -> None:
    measure.wait_for_quiet(0.2, args.wait)
    with tempfile.TemporaryDirectory(dir=args.root) as place, server(Path(place)) as (port, key, pid):
        http = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {key}"}, timeout=300
        )
        file = http.post(
            "/v1/files", data={"purpose": "fine-tune"}, files={"file": ("boxes.jsonl", examples(400))}
        ).json()["id"]
        made = {"model": "starter", "training_file": file, "hyperparameters": {"n_epochs": 50, "batch_size": 4}}
        jobs = [
            http.post("/v1/fine_tuning/jobs", json={**made, "suffix": f"s{number}"}).json()["id"]
            for number in range(20)
        ]
        said = http.post(
            "/v1/chat/completions",
            json={"model": "starter", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4},
        ).json()["id"]
        run = _training(http)
        calls = mix(args, jobs, said)
        (Path(place) / "calls.json").write_text(
            json.dumps([[c.at, c.name, c.method, c.path, c.body.decode(), c.kind] for c in calls])
        )
        time.sleep(3)
        alone = _pace(http, run, lambda: time.sleep(args.seconds))
        used = _cpu(pid)
        child = []
        beside = _pace(http, run, lambda: child.append(_fire(args, place, port, key)))
        used = _cpu(pid) - used
        found = json.loads(child[0].stdout.splitlines()[-1])
        print(machine.sentence(machine.describe()))
        table(found)
        print(
            f"\nprocessor of {found['took']:.0f} s: generator {found['cpu']:.1f} s, server {used:.1f} s "
            f"({1000 * used / len(calls):.2f} ms a request); load average at the end {os.getloadavg()[0]:.1f}\n"
            f"training alone {alone:.2f} steps/s, beside the load {beside:.2f} ({beside / alone:.0%})"
        )
        for job in reversed(jobs):  # those that wait first, so that none of them begins
            http.post(f"/v1/fine_tuning/jobs/{job}/cancel")
        while http.get(f"/api/runs/{run}").json()["state"] == "cancelling":  # its process writes into the folder
            time.sleep(0.5)


def _fire(args: argparse.Namespace, place: str, port: int, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, __file__, "fire", "--root", place, "--port", str(port), "--key", key,
         "--connections", str(args.connections)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def table(found: dict[str, Any]) -> None:
    print("\n| request | count | p50 ms | p95 ms | p99 ms | largest ms | not 2xx |\n|---|---|---|---|---|---|---|")
    for name, row in found["rows"].items():
        cells = " | ".join(f"{1000 * row[one]:.1f}" for one in ("p50", "p95", "p99", "most"))
        print(f"| {name} | {row['count']} | {cells} | {row['failed']} |")


def mix(args: argparse.Namespace, jobs: Sequence[str], exchange: str) -> list[Call]:
    draw = random.Random(0)
    calls = []
    small, kind = openloop.multipart("small.jsonl", examples(12), "fine-tune")
    for number in range(int(args.rate * args.seconds)):
        at, job = number / args.rate, draw.choice(jobs)
        if draw.random() < 0.9:
            name, path = draw.choice(
                [
                    ("list jobs", "/v1/fine_tuning/jobs?limit=10"),
                    ("one job", f"/v1/fine_tuning/jobs/{job}"),
                    ("events", f"/v1/fine_tuning/jobs/{job}/events?limit=20"),
                    ("models", "/v1/models"),
                ]
            )
            calls.append(Call(at, name, "GET", path))
        elif draw.random() < 0.5:
            calls.append(Call(at, "upload", "POST", "/v1/files", small, kind))
        else:
            body = json.dumps({"kind": "thumb", "value": draw.choice(["up", "down"])}).encode()
            calls.append(Call(at, "feedback", "POST", f"/api/exchanges/{exchange}/feedback", body))
    return calls


def fire(args: argparse.Namespace) -> None:
    calls = [
        Call(at, name, method, path, body.encode(), kind)
        for at, name, method, path, body, kind in json.loads((args.root / "calls.json").read_text())
    ]
    began, used = time.perf_counter(), time.process_time()
    results = asyncio.run(openloop.fire("127.0.0.1", args.port, args.key, calls, args.connections))
    rows = {}
    for name in ("all", *sorted({one.name for one in results})):
        some = [one for one in results if name in ("all", one.name)]
        latencies = [one.latency for one in some]
        rows[name] = {
            "count": len(some),
            **{f"p{int(100 * share)}": openloop.quantile(latencies, share) for share in (0.5, 0.95, 0.99)},
            "most": max(latencies),
            "failed": sum(not 200 <= one.status < 300 for one in some),
        }
    print(json.dumps({"rows": rows, "cpu": time.process_time() - used, "took": time.perf_counter() - began}))


def _training(http: httpx2.Client) -> str:
    """The run of the job that trains, once it has begun its steps."""
    while True:
        for run in http.get("/api/runs", params={"kind": "tune", "state": "running"}).json()["data"]:
            if _step(http, run["id"]) >= 3:
                return str(run["id"])
        time.sleep(0.5)


def _step(http: httpx2.Client, run: str) -> int:
    """The newest step that the run has told."""
    points = http.get(f"/api/runs/{run}/metrics", params={"names": "loss"}).json()["data"]
    return int(points[-1]["step"]) if points else 0


def _pace(http: httpx2.Client, run: str, during: Callable[[], object]) -> float:
    """Steps a second while something goes on, by the clock."""
    before, began = _step(http, run), time.perf_counter()
    during()
    took, steps = time.perf_counter() - began, _step(http, run) - before
    assert http.get(f"/api/runs/{run}").json()["state"] == "running", "the job ended too soon: let it train longer"
    return steps / took


def streams(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=args.root) as place, server(Path(place)) as (port, key, _):
        url = f"http://127.0.0.1:{port}/v1"
        asyncio.run(_chats(url, key, "starter", 2, 4))
        ends = [took for took, _, _ in asyncio.run(_chats(url, key, "starter", args.count, TOKENS))]
        print(machine.sentence(machine.describe()))
        median, last = statistics.median(ends), max(ends)
        print(f"{args.count} streams: median {median:.2f} s, last {last:.2f} s, {last / median:.2f} times")


async def _chats(url: str, key: str, model: str, count: int, tokens: int) -> list[tuple[float, float, int]]:
    """Seconds to the end and to the first token, and the characters, of chats that begin at once."""
    async with httpx2.AsyncClient(timeout=600, limits=httpx2.Limits(max_connections=count)) as http:
        return await asyncio.gather(*(_chat(http, url, key, model, number, tokens) for number in range(count)))


async def _chat(
    http: httpx2.AsyncClient, url: str, key: str, model: str, number: int, tokens: int
) -> tuple[float, float, int]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"Tell me of room {number} of the house and of who lives in it."}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
    }
    began, first, letters = time.perf_counter(), 0.0, 0
    async with http.stream(
        "POST", f"{url}/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}
    ) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    letters += len(choices[0]["delta"]["content"])
                    first = first or time.perf_counter() - began
    return time.perf_counter() - began, first, letters


def chat(args: argparse.Namespace) -> None:
    print(machine.sentence(machine.describe()))
    print("\n| round | tuneloop characters/s | first token s | a chat | transformers serve | first | a chat | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    ratios = []
    for number in range(args.rounds):
        found = {}
        for who in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            found[who] = _throughput(who, args)
        ours, theirs = found["ours"], found["theirs"]
        ratios.append(ours[0] / theirs[0])
        cells = " | ".join(f"{side[0]:.0f} | {side[1]:.2f} | {side[2]:.0f}" for side in (ours, theirs))
        print(f"| {number} | {cells} | {ratios[-1]:.2f} |", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


def _throughput(who: str, args: argparse.Namespace) -> tuple[float, float, float]:
    """Characters a second with `batch` chats at a time, the median seconds to the first token, and the characters of a
    chat: both sides should write the same."""
    with tempfile.TemporaryDirectory(dir=args.root) as place:
        opened = server(Path(place)) if who == "ours" else _theirs(Path(place), args)
        with opened as (port, key, _):
            url, model = f"http://127.0.0.1:{port}/v1", "starter" if who == "ours" else str(STARTER)
            asyncio.run(_chats(url, key, model, 2, 4))
            began = time.perf_counter()
            found = [one for _ in range(2) for one in asyncio.run(_chats(url, key, model, args.batch, TOKENS))]
            took = time.perf_counter() - began
    written = sum(letters for _, _, letters in found)
    return written / took, statistics.median(first for _, first, _ in found), written / len(found)


@contextmanager
def _theirs(folder: Path, args: argparse.Namespace) -> Iterator[tuple[int, str, int]]:
    port = 8500 + os.getpid() % 400
    command = [str(args.peers / "trl" / "bin" / "transformers"), "serve", str(STARTER), "--port", str(port)]
    command += ["--continuous-batching", "--device", "cpu"] if args.continuous else ["--device", "cpu"]
    with (folder / "theirs.txt").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
        try:
            give_up = time.monotonic() + 120
            while time.monotonic() < give_up and process.poll() is None:
                try:
                    if httpx2.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200:
                        break
                except httpx2.HTTPError:
                    time.sleep(0.5)
            yield port, "none", process.pid
        finally:
            process.terminate()
            process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("manage", "streams", "chat", "fire"))
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait at most for a quiet machine")
    parser.add_argument("--continuous", action="store_true", help="transformers serve with continuous batching")
    parser.add_argument("--port", type=int)
    parser.add_argument("--key")
    args = parser.parse_args()
    args.root.mkdir(parents=True, exist_ok=True)
    {"manage": manage, "streams": streams, "chat": chat, "fire": fire}[args.what](args)


if __name__ == "__main__":
    main()
