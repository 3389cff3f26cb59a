"""What a peer's run tells: when it started, when each step ended, the losses, and how many tokens were real.

The file named by BENCHMARK_RESULT receives one JSON object; times are seconds since the command was started
(BENCHMARK_START, seconds since 1970).  `tokens` counts per optimizer step what is not padding.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback


def real_tokens(mask: Any) -> int:
    """Tokens that are not padding: [B, T] with 0 for padding, or [B, 1, T, T] to be added to the scores, where a token
    that is not padding sees itself (LLaMA-Factory's neat packing)."""
    if mask.dim() == 4:
        return int((mask[:, 0].diagonal(dim1=-2, dim2=-1) == 0).sum())
    return int((mask != 0).sum())


class Clock(TrainerCallback):
    def __init__(self, accumulation: int) -> None:
        self.accumulation = accumulation
        self.start = float(os.environ["BENCHMARK_START"])
        self.first_step: float | None = None
        self.ends: list[float] = []
        self.losses: list[float] = []
        self.real: list[int] = []
        self.padded = 0

    def now(self) -> float:
        return time.time() - self.start

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.first_step is None:
            self.first_step = self.now()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ends.append(self.now())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))

    def counting(self, collate: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
        """The collator, counting real and padded tokens of each micro-batch on the way."""

        def counted(rows: Any) -> dict[str, Any]:
            batch = collate(rows)
            mask = batch.get("attention_mask")
            size = batch["input_ids"].numel()
            self.real.append(size if mask is None else real_tokens(mask))
            self.padded += size
            return batch

        return counted

    def save(self, packages: list[str]) -> None:
        steps = len(self.ends)
        groups = range(0, self.accumulation * steps, self.accumulation)
        result = {
            "first_step": self.first_step,
            "ends": self.ends,
            "losses": self.losses,
            "tokens": [sum(self.real[group : group + self.accumulation]) for group in groups],
            "padded": self.padded,
            "device_mb": torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0,
            "versions": {package: version(package) for package in packages},
        }
        Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(result))
