"""One GRPO run of ours through the library, checkpoints and curves included; writes what peers/run_trl_grpo.py does."""

from __future__ import annotations

import argparse
import json
import os
import time
from importlib.metadata import version
from pathlib import Path
from statistics import mean

from tuneloop import loop
from tuneloop.records import Progress
from tuneloop.runs import queue
from tuneloop.store import Workspace


def main() -> None:
    options = arguments()
    start, ends = float(os.environ["BENCHMARK_START"]), []

    def clock(progress: Progress) -> None:
        if progress.unit == "step" and progress.done > len(ends):
            ends.append(time.time() - start)

    objective = {
        "name": "grpo",
        "rewards": ["number"],
        "samples": options.samples,
        "max_tokens": options.tokens,
    }
    recipe = {
        "base": options.model,
        "objective": objective,
        "tuner": {"name": "lora", "rank": 8, "alpha": 16},
        "optimizer": "adamw",
        "epochs": 1000,
        "max_steps": options.steps,
        "batch": options.questions,
        "learning_rate": 1e-5,
        "schedule": "constant",
        "warmup": 0,
        "precision": options.dtype,
        "general": "none",  # the peer measures no such thing
        "seed": 0,
    }
    with Workspace.find(options.workspace, create=False) as ws:
        model = loop.train(workspace=ws, recipe=recipe, progress=clock)
        tokens = mean(point.value for point in queue.metrics(ws, str(model.run), ["answer_tokens"]))
    versions = {name: version(name) for name in ("tuneloop", "torch")}
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps({"ends": ends, "tokens": tokens, "versions": versions}))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--model", required=True)
    for name in ("questions", "samples", "tokens", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
