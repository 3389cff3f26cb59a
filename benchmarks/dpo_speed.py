"""Training speed of DPO, ours and TRL's: the same model, pairs, batches, reference and starting adapter.

    python benchmarks/peers/setup.py --root FOLDER                 # once: the peers' environments
    python benchmarks/dpo_speed.py --root FOLDER --data dpo_en.json dpo_zh.json

`--data` takes preference files in any form that `tuneloop prepare` reads.  LoRA of rank 8, beta 0.1; rounds, ratios and
what is dropped are those of train_speed.py.  Ours scores the reference once before the first step, TRL in every step:
what that took is counted into our time, in proportion to the tokens that are timed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from harness import machine, pair_assets, tables
from harness.programs import Job
from train_speed import one_run, rotated


def main() -> None:
    options = arguments()
    results = options.root / "dpo_speed.jsonl"
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
    (options.root / "dpo_speed.md").write_text(table, encoding="utf-8")
    print(table)


def job_of(cell: str, options: argparse.Namespace) -> Job:
    """`m25-float32`; a step is 8 pairs, as 2 micro-batches for TRL."""
    model, dtype = cell.split("-")
    batch, accumulate = 4, 2
    made = pair_assets.make(options.root, options.data, model, options.pairs, batch * accumulate)
    return Job(
        assets=made,
        adapter=True,
        dtype=dtype,
        batch=batch,
        accumulate=accumulate,
        steps=3 if options.smoke else min(options.steps, made.examples // (batch * accumulate)),
        peers=options.peers or options.root,
        out=options.root / "out",
        objective="dpo",
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for models, data, results")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="preference files")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments (default: --root)")
    cells = ["m25-float32", "m25-bfloat16"]
    parser.add_argument("--cells", nargs="+", choices=cells, default=cells[:1], metavar="CELL")
    parser.add_argument("--programs", nargs="+", choices=["ours", "ours-torch", "trl"], default=["ours", "trl"])
    parser.add_argument("--pairs", type=int, default=80)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet machine before each run")
    parser.add_argument("--name", default="round", help="name of these rounds in the results")
    parser.add_argument("--smoke", action="store_true", help="three steps each, no waiting: to see that all of it runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
