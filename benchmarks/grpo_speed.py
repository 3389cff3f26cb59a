"""Training speed of GRPO, ours and TRL's: the same model, questions, answers, tokens and starting adapter.

    python benchmarks/peers/setup.py --root FOLDER        # once: the peers' environments
    python benchmarks/train_speed.py --root FOLDER …      # once: the model m25 and its adapter
    python benchmarks/grpo_speed.py --root FOLDER

Sums of two numbers, `--questions` a step, `--samples` answers to each.  The model is untrained, so answers run to
the limit of tokens in both programs, and both do the same work.  LoRA of rank 8, no reference model, answers used once
(both defaults).  A round runs both, one after the other; ratios are taken inside a round, runs beside others dropped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

from harness import machine, measure, tables

import tuneloop

HERE = Path(__file__).parent
DROPPED = 1  # first steps, which allocate


def main() -> None:
    options = arguments()
    data, workspace = make(options.root)
    results, about = options.root / "grpo_speed.jsonl", machine.describe()
    for number in range(options.rounds):
        for program in ["ours", "trl"][:: 1 if number % 2 == 0 else -1]:
            if not options.smoke:
                measure.wait_for_quiet(0.12, options.wait)
            shutil.rmtree(options.root / "out", ignore_errors=True)
            measured = measure.run(
                program, command(program, data, workspace, options), threads=options.threads,
                log=options.root / "grpo_speed.log",
            )  # fmt: skip
            row = {"round": f"{options.name}-{number}", "program": program, "machine": about, **measured.as_dict()}
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(line(row), flush=True)
    rows = [json.loads(text) for text in results.read_text().splitlines()]
    text = report([row for row in rows if row["round"].startswith(f"{options.name}-")], options.smoke)
    (options.root / "grpo_speed.md").write_text(text, encoding="utf-8")
    print(text)


def make(root: Path) -> tuple[Path, Path]:
    """The questions as a file and as a workspace."""
    data, workspace = root / "data" / "sums.jsonl", root / "workspaces" / "sums"
    data.parent.mkdir(parents=True, exist_ok=True)
    if not workspace.is_dir():
        rows = [(a, b) for a in range(10, 26) for b in range(10, 26)]
        turns = [
            [
                {"role": "user", "content": f"What is {a} plus {b}?"},
                {"role": "assistant", "content": f"{a} + {b} = {a + b}"},
            ]
            for a, b in rows
        ]
        data.write_text("".join(json.dumps({"messages": one}) + "\n" for one in turns), encoding="utf-8")
        tuneloop.prepare(data, workspace=workspace, recipe={"steps": ["normalize"], "split": "train_only"})
    return data, workspace


def command(program: str, data: Path, workspace: Path, options: argparse.Namespace) -> list[str]:
    model = options.root / "models" / options.model
    shared = [
        f"--model={model}",
        f"--questions={options.questions}",
        f"--samples={options.samples}",
        f"--tokens={8 if options.smoke else options.tokens}",
        f"--steps={2 + DROPPED if options.smoke else options.steps}",
        f"--dtype={options.dtype}",
    ]
    if program == "ours":
        return [sys.executable, str(HERE / "harness" / "ours_grpo.py"), f"--workspace={workspace}", *shared]
    python = (options.peers or options.root) / "trl" / "bin" / "python"
    own = [f"--data={data}", f"--adapter={model}-adapter", f"--out={options.root / 'out'}"]
    return [str(python), str(HERE / "peers" / "run_trl_grpo.py"), *shared, *own]


def seconds(row: dict[str, Any]) -> float | None:
    """Of a step, after the first; None where the run failed."""
    ends = row["told"].get("ends", [])
    return None if row["returned"] or len(ends) <= DROPPED else (ends[-1] - ends[DROPPED - 1]) / (len(ends) - DROPPED)


def line(row: dict[str, Any]) -> str:
    took = seconds(row)
    told = (
        f"{took:.2f} s a step, {row['told']['tokens']:.1f} tokens an answer" if took else f"FAILED ({row['returned']})"
    )
    return f"{row['program']:5} {told}  {row['memory_mb']:.0f} MB  others {row['others']:.0%}"


def report(rows: list[dict[str, Any]], smoke: bool) -> str:
    quiet = [row for row in rows if seconds(row) and (smoke or row["others"] <= tables.LOUD)]
    times: dict[str, dict[str, float]] = {"ours": {}, "trl": {}}
    for row in quiet:
        times[row["program"]][row["round"]] = seconds(row) or 0.0
    ratios = [times["trl"][name] / times["ours"][name] for name in times["ours"] if name in times["trl"]]
    parts = [machine.sentence(rows[-1]["machine"]), "", f"{len(rows)} runs, {len(rows) - len(quiet)} dropped.", ""]
    for program, found in times.items():
        own = [row for row in quiet if row["program"] == program]
        if found:
            versions = own[-1]["told"]["versions"]
            memory = median(row["memory_mb"] for row in own)
            parts.append(f"{program}: {median(found.values()):.2f} s a step, {memory:.0f} MB, {versions}")
    if ratios:
        span = f"{min(ratios):.2f} to {max(ratios):.2f}"
        parts.append(f"TRL takes {median(ratios):.2f} times as long ({len(ratios)} rounds: {span})")
    return "\n".join(parts) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for models, data, results")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments (default: --root)")
    parser.add_argument("--model", default="m25")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64, help="of an answer")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet machine before each run")
    parser.add_argument("--name", default="round", help="name of these rounds in the results")
    parser.add_argument("--smoke", action="store_true", help="three short steps each, no waiting: does all of it run?")
    return parser.parse_args()


if __name__ == "__main__":
    main()
