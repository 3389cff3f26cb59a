"""One GRPO run by TRL's GRPOTrainer, at its defaults but for what makes the runs comparable.

Set for both alike: questions a step, answers to each, tokens, learning rate without schedule, precision, the starting
adapter.  All answers of a step go through the model at once: the fastest that TRL can do with them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer


class Clock(TrainerCallback):
    """The time at which each step ended, and the length of its answers."""

    def __init__(self) -> None:
        self.start, self.ends, self.tokens = float(os.environ["BENCHMARK_START"]), [], []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ends.append(time.time() - self.start)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "completions/mean_length" in logs:
            self.tokens.append(float(logs["completions/mean_length"]))


def reward(completions: list[Any], reference: list[str], **_: Any) -> list[float]:
    """1 where the answer's last number is the reference's."""
    numbers = [re.findall(r"\d+", completion[0]["content"]) for completion in completions]
    return [float(bool(found) and found[-1] == wanted) for found, wanted in zip(numbers, reference, strict=True)]


def main() -> None:
    options = arguments()
    clock = Clock()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, options.adapter, is_trainable=True)
    config = GRPOConfig(
        output_dir=options.out,
        per_device_train_batch_size=options.questions * options.samples,
        gradient_accumulation_steps=1,
        num_generations=options.samples,
        max_completion_length=options.tokens,
        max_steps=options.steps,
        learning_rate=1e-5,
        lr_scheduler_type="constant",
        bf16=options.dtype == "bfloat16",
        use_cpu=True,
        gradient_checkpointing=False,
        optim="adamw_torch_fused",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=0,
    )
    rows = [json.loads(text)["messages"] for text in Path(options.data).read_text(encoding="utf-8").splitlines()]
    data = Dataset.from_list([{"prompt": row[:1], "reference": row[1]["content"].split()[-1]} for row in rows])
    trainer = GRPOTrainer(
        model, reward_funcs=reward, args=config, train_dataset=data, processing_class=tokenizer, callbacks=[clock]
    )
    trainer.train()
    versions = {name: version(name) for name in ("trl", "transformers", "peft", "torch")}
    told = {"ends": clock.ends, "tokens": sum(clock.tokens) / max(1, len(clock.tokens)), "versions": versions}
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "data", "adapter", "out"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("questions", "samples", "tokens", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
