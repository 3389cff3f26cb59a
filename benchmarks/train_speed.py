"""Training speed, memory and start-up of ours and the peers: the same models, data, batches and starting adapter.

    python benchmarks/peers/setup.py --root FOLDER                 # once: the peers' environments
    python benchmarks/train_speed.py --root FOLDER --data alpaca_en.json alpaca_zh.json

A round runs every program once, one after the other, and each round begins with another program.  A ratio is taken
inside one round, and what is reported is the median over rounds.  A run during which other processes took more than
15 % of the processor is dropped, and said.  `--smoke` runs two steps of everything, to see that it works.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

from harness import assets, machine, measure, tables
from harness.programs import PROGRAMS, Job

CELLS = [
    f"{model}-{tuning}-{dtype}"
    for model in assets.SHAPES
    for tuning in ("lora", "full")
    for dtype in ("bfloat16", "float32")
]


def main() -> None:
    options = arguments()
    results = options.root / "train_speed.jsonl"
    about = machine.describe()
    for cell in options.cells:
        job = job_of(cell, options)
        for number in range(options.rounds):
            for program in rotated(options.programs, number):
                measured = one_run(program, job, options)
                row = {"cell": cell, "round": f"{options.name}-{number}", "program": program, "machine": about}
                row |= measured.as_dict()
                with results.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(tables.line(row), flush=True)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    chosen = [row for row in rows if row["round"].startswith(f"{options.name}-")]
    table = tables.train_speed(chosen, loud=1.0 if options.smoke else tables.LOUD)
    (options.root / "train_speed.md").write_text(table, encoding="utf-8")
    print(table)


def job_of(cell: str, options: argparse.Namespace) -> Job:
    """`m25-lora-bfloat16`; 16 examples a step, 8 for the larger model, as 2 micro-batches for the peers."""
    model, tuning, dtype = cell.split("-")
    batch = 4 if model == "m135" else 8
    made = assets.make(options.root, options.data, model, options.examples, 2 * batch)
    return Job(
        assets=made,
        adapter=tuning == "lora",
        dtype=dtype,
        batch=batch,
        accumulate=2,
        steps=2 if options.smoke else min(options.steps, made.examples // (2 * batch)),
        peers=options.peers or options.root,
        out=options.root / "out",
    )


def one_run(program: str, job: Job, options: argparse.Namespace) -> measure.Measured:
    if not options.smoke:
        measure.wait_for_quiet(0.12, options.wait)
    chosen = PROGRAMS[program]
    if chosen.packed:  # a packed row is full: 2 x 2 of them are about the tokens of 16 padded examples
        job = replace(job, batch=2, accumulate=2)
    shutil.rmtree(job.out, ignore_errors=True)  # a peer refuses a folder that holds an earlier run
    return measure.run(
        program,
        chosen.command(job),
        threads=options.threads,
        log=options.root / "train_speed.log",
        environment=chosen.environment,
    )


def rotated(programs: list[str], number: int) -> list[str]:
    start = number % len(programs)
    return [*programs[start:], *programs[:start]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for models, data, results")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="JSON lists: instruction, input, output")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments (default: --root)")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=["m25-lora-bfloat16"], metavar="CELL")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=["ours", "trl", "llamafactory"])
    parser.add_argument("--examples", type=int, default=160)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet machine before each run")
    parser.add_argument("--name", default="round", help="name of these rounds in the results")
    parser.add_argument("--smoke", action="store_true", help="two steps each, no waiting: to see that all of it runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
