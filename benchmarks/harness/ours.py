"""One training run of ours through the library: the whole of `tuneloop.train`, checkpoints and curves included.

Writes the same result as the peers' runs (peers/clock.py).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from importlib.metadata import version
from pathlib import Path

import torch

from tuneloop import loop
from tuneloop.models.kernels import compiled
from tuneloop.records import Progress
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train.batches import Batches, Size
from tuneloop.train.examples import Examples


class Clock:
    """The time at which each step ended, and its loss."""

    def __init__(self) -> None:
        self.start = float(os.environ["BENCHMARK_START"])
        self.ends: list[float] = []
        self.losses: list[float] = []
        self.speeds: list[float] = []

    def __call__(self, progress: Progress) -> None:
        if progress.unit == "step" and progress.done > len(self.ends):
            self.ends.append(time.time() - self.start)
            self.losses.append(progress.values["loss"])
            self.speeds.append(progress.values["tokens_per_second"])


def main() -> None:
    options = arguments()
    clock = Clock()
    recipe = {
        "base": options.model,
        "objective": options.objective,
        "tuner": {"name": "lora", "rank": 8, "alpha": 16} if options.tuner == "lora" else "full",
        "optimizer": "adamw",
        "epochs": 1000,
        "max_steps": options.steps,
        "batch": options.batch,
        "max_length": 1024,
        "learning_rate": options.learning_rate,
        "schedule": "constant",
        "warmup": 0,
        "weight_decay": 0,
        "clip": 1.0,
        "precision": options.dtype,
        "seed": 0,
        "general": "none",  # the peers measure no such thing
        "gradient_checkpointing": options.checkpointing,
    }
    if options.micro_tokens:
        recipe["micro_tokens"] = options.micro_tokens
    with Workspace.find(options.workspace, create=False) as ws:
        model = loop.train(workspace=ws, recipe=recipe, progress=clock)
        run = str(model.run)
        events = {event.kind: event.data for event in queue.events(ws, run)}
        tokens = tokens_per_step(ws.path("runs", run), options.batch, options.steps)
    if sum(tokens) != model.metrics["tokens"]:
        raise SystemExit(f"counted {sum(tokens)} tokens, the run {model.metrics['tokens']}")
    result = {
        # A step's speed is its tokens by the time it took, so the first step's begin is known to the millisecond.
        "first_step": clock.ends[0] - tokens[0] / clock.speeds[0],
        "ends": clock.ends,
        "losses": clock.losses,
        "tokens": tokens,
        "padded": sum(tokens),
        "versions": {name: version(name) for name in ("tuneloop", "torch")},
        "path": events["model"]["path"],
        "references": events.get("references", {}),
        "kernels": str(compiled.status().text),
        "device_mb": torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0,
    }
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(result))


def tokens_per_step(folder: Path, batch: int, steps: int) -> list[int]:
    """The real tokens of each step, from the encoded examples and the order in which they come."""
    examples = Examples(folder / "encoded" / "train")
    batches = Batches(examples, Size(micro_tokens=1, examples=batch), seed=0, quotas=None)
    return [int(examples.lengths[batches.numbers(step)].sum()) for step in range(steps)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--objective", choices=["sft", "dpo"], default="sft")
    parser.add_argument("--tuner", choices=["lora", "full"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--micro-tokens", type=int)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
