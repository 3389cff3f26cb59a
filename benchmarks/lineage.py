"""Following, extending and forgetting in a large workspace: 1M records in 50 versions, each of which extends the one
before it by 1,000.

    python benchmarks/lineage.py --root FOLDER [--rows 100000] [--only trace,extend,forget]

The workspace is built through the store: what is measured is its use.  Measured, each in a process of its own:

    trace      a random record back to its sources and forward to versions, models and results: a process that has just
               started (imports apart), then 20 others in the same process
    index      making the index of the first version's records, as `prepare` does at its end
    extend     `prepare` of 1,000 new rows on top of the newest version, with the default recipe and with near
               duplicates: the first time, when the small versions' indexes are made, and again with other rows
    forget     a person with rows in each split, and a source of 1,000 rows, in every version that holds them

`memory` is the largest resident memory of the process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
STEP = 1000
SIGNS = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成"
    "会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
)
CUSTOMERS = 20_000


def main() -> None:
    options = arguments()
    if options.task:
        print(json.dumps(TASKS[options.task](options)))
        return
    base = options.root / f"base-{options.rows}"
    if not base.is_dir():
        started = time.perf_counter()
        build(base, options.rows, options.versions)
        print(f"built in {time.perf_counter() - started:.0f} s", flush=True)
    lines = [
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    ]
    for task in options.only.split(","):
        work = base
        if task != "trace":
            work = options.root / "work"
            shutil.rmtree(work, ignore_errors=True)
            copy(base, work)
        for _ in range(options.rounds if task == "trace" else 1):
            load = os.getloadavg()[0]
            found = one(task, work, options)
            lines.append(f"{task:7} load {load:.1f}  {json.dumps(found)}")
            print(lines[-1], flush=True)
    (options.root / f"lineage-{options.rows}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def copy(base: Path, work: Path) -> None:
    """Blobs are never changed, so links to them do; what stands beside them is copied."""
    shutil.copytree(base, work, copy_function=lambda one, two: link(one, two))


def link(one: str, two: str) -> None:
    (os.link if "/blobs/" in one else shutil.copy2)(one, two)


def one(task: str, work: Path, options: argparse.Namespace) -> dict[str, object]:
    command = [sys.executable, __file__, "--root", str(work), "--rows", str(options.rows), "--task", task]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(made.stdout.splitlines()[-1]))


def text(number: int, length: int) -> str:
    raw = hashlib.blake2b(str(number).encode(), digest_size=64).digest()
    return "".join(SIGNS[byte % len(SIGNS)] for byte in raw[:length])


def payload(number: int) -> bytes:
    """The canonical JSON of a question and its answer, 70 characters, unlike all others."""
    question, answer = text(2 * number, 24), text(2 * number + 1, 46)
    turns = [{"content": question, "role": "user"}, {"content": answer, "role": "assistant"}]
    data = {"kind": "chat", "messages": turns}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def build(root: Path, rows: int, versions: int) -> None:
    import pyarrow as pa

    from tuneloop.prepare.batches import to_record
    from tuneloop.records import Record
    from tuneloop.store import Workspace, datasets, evaluations, sources
    from tuneloop.store.ledgers import schema
    from tuneloop.store.models import add_model

    assert Record.from_payload(json.loads(payload(1))).canonical == payload(1) == to_record(payload(1)).canonical
    ws = Workspace.find(root)
    pipeline = {"steps": [], "split": {"name": "clustered"}, "weights": "one"}
    shared: dict[str, list[str]] = {kind: [] for kind in ("records", "origins", "fates", "changes")}
    members: list[tuple[str, str]] = []
    parent, done = None, 0
    for version in range(versions):
        end = rows - STEP * (versions - 1 - version)
        source = sources.add_source(ws, f"part-{version}", kind="own", digest=str(version), size=end - done).id
        fresh = sorted(("r1:" + hashlib.sha256(payload(number)).hexdigest(), number) for number in range(done, end))
        with ws.ledgers.writer("records") as writer:
            for part in chunks(fresh):
                columns = [
                    [one for one, _ in part],
                    ["chat"] * len(part),
                    ["zh"] * len(part),
                    [71] * len(part),
                    [payload(number) for _, number in part],
                ]
                writer.write_batch(
                    pa.RecordBatch.from_arrays(
                        [pa.array(one, field.type) for one, field in zip(columns, schema("records"), strict=True)],
                        schema=schema("records"),
                    )
                )
            shared["records"].append(writer.commit())
        with ws.ledgers.writer("origins") as origins, ws.ledgers.writer("fates") as fates:
            for part in chunks(fresh):
                where = [
                    {"record": one, "source": source, "item": number - done, "locator": f"line {number - done + 1}"}
                    for one, number in part
                ]
                origins.write(
                    [
                        row | {"file": "rows.jsonl", "subject": f"customer-{(row['item'] + done) % CUSTOMERS}"}
                        for row in where
                    ]
                )
                ended = {"outcome": "kept", "reason": "", "step": "", "message": "", "excerpt": ""}
                fates.write([row | ended | {"imported": row["record"]} for row in where])
            shared["origins"].append(origins.commit())
            shared["fates"].append(fates.commit())
        with ws.ledgers.writer("changes") as changes:
            raw = payload(rows + version)
            changes.write(
                [
                    {
                        "record": fresh[0][0],
                        "parent": "r1:" + hashlib.sha256(raw).hexdigest(),
                        "step": "normalize",
                        "reason": "spaces 1",
                        "sealed": False,
                        "before": raw,
                    }
                ]
            )
            shared["changes"].append(changes.commit())
        members = sorted([*members, *((one, split_of(one)) for one, _ in fresh)])
        with ws.ledgers.writer("members") as writer:
            for part in chunks(members):
                writer.write_batch(
                    pa.RecordBatch.from_arrays(
                        [
                            pa.array([one for one, _ in part]),
                            pa.array([split for _, split in part]),
                            pa.array([1.0] * len(part)),
                        ],
                        schema=schema("members"),
                    )
                )
            address = writer.commit()
        counts = {name: sum(split == name for _, split in members) for name in ("train", "validation", "test")}
        made = datasets.add_version(
            ws,
            id=f"d1:{version:064x}",
            splits=counts,
            kinds={"chat": len(members)},
            pipeline=pipeline,
            report={"records": len(members)},
            ledgers=shared | {"members": [address]},
            parent=parent,
        )
        parent, done = made.name, end
        folder = ws.path("models", f"m{version}")
        (folder / "weights").write_text(str(version))
        model = add_model(
            ws,
            base="starter",
            form="adapter",
            folder=folder,
            objective="sft",
            tuner="lora",
            recipe={},
            dataset=made.name,
        ).name
        evaluations.add_evaluation(
            ws,
            model=model,
            base="starter",
            measure="generalization",
            metrics={"tuned": {"exact": 0.5}},
            dataset=made.name,
        )
        print(made.name, len(members), flush=True)
    ws.close()


def split_of(record: str) -> str:
    return {0: "test", 1: "validation"}.get(int(record[3:7], 16) % 10, "train")


def chunks(rows: list, size: int = 16_384) -> Iterator[list]:  # type: ignore[type-arg]
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def trace(options: argparse.Namespace) -> dict[str, object]:
    import duckdb  # noqa: F401 - imports are not what is measured
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    from tuneloop.prepare.passport import passport
    from tuneloop.store import Workspace

    drawn = random.Random(time.time_ns())
    ws = Workspace.find(options.root)
    taken = []
    for _ in range(21):
        number = drawn.randrange(options.rows)
        started = time.perf_counter()
        found = passport(ws, "r1:" + hashlib.sha256(payload(number)).hexdigest())
        taken.append(time.perf_counter() - started)
        assert found.versions
        assert found.origins
    return {
        "cold_s": round(taken[0], 3),
        "median_s": round(median(taken[1:]), 3),
        "worst_s": round(max(taken[1:]), 3),
        "memory_mb": memory(),
    }


def extend(options: argparse.Namespace) -> dict[str, object]:
    from tuneloop.prepare import PrepareRecipe, near_index, prepare
    from tuneloop.prepare.recipe import DEFAULT_STEPS
    from tuneloop.store import Workspace, datasets

    ws = Workspace.find(options.root)
    started = time.perf_counter()
    near_index.make(ws, datasets.addresses(ws, "data-1", "records")[0])
    found: dict[str, object] = {"index_s": round(time.perf_counter() - started, 2)}
    at = 10 * options.rows
    near = (*DEFAULT_STEPS[:-1], "near_duplicates", DEFAULT_STEPS[-1])
    for name, steps in (("default", DEFAULT_STEPS), ("near", near)):
        for time_of in ("first", "again"):
            rows = [json.loads(payload(number))["messages"] for number in range(at, at + STEP)]
            told = [{"question": one["content"], "answer": two["content"]} for one, two in rows]
            old = at // STEP
            told[0] = {
                key: value[:-1] + "好" for key, value in said(json.loads(payload(old))).items()
            }  # nearly an old one
            told[1] = said(json.loads(payload(old + 500)))  # an old one
            file = options.root / f"new-{at}.jsonl"
            file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told), encoding="utf-8")
            before = datasets.version(ws).records
            started = time.perf_counter()
            made = prepare(file, workspace=ws, recipe=PrepareRecipe(extend="newest", steps=steps))
            found[f"{name}_{time_of}_s"] = round(time.perf_counter() - started, 2)
            assert made.records - before == STEP - (2 if name == "near" else 1), made.report
            at += STEP
    return found | {"memory_mb": memory()}


def said(data: dict) -> dict[str, str]:  # type: ignore[type-arg]
    return dict(zip(("question", "answer"), (turn["content"] for turn in data["messages"]), strict=True))


def forget(options: argparse.Namespace) -> dict[str, object]:
    from tuneloop.prepare import forgetting
    from tuneloop.store import Workspace

    ws = Workspace.find(options.root)
    found: dict[str, object] = {}
    for name, whom in (("source", {"source": "source-49"}), ("person", {"subject": "customer-77"})):
        started = time.perf_counter()
        touched = forgetting.touched(ws, **whom)
        found[f"{name}_touched_s"] = round(time.perf_counter() - started, 2)
        started = time.perf_counter()
        forgetting.forget(ws, touched, person="mei", rebuild=False)
        found[f"{name}_s"] = round(time.perf_counter() - started, 2)
        found[f"{name}_versions"], found[f"{name}_records"] = len(touched.versions), len(touched.records)
        found[f"{name}_memory_mb"] = memory()
    return found


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


TASKS = {"trace": trace, "extend": extend, "forget": forget}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3, help="new processes for trace")
    parser.add_argument("--only", default="trace,extend,forget")
    parser.add_argument("--task", choices=("trace", "extend", "forget"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
