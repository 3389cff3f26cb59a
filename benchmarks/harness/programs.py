"""The programs that are compared, as commands: ours, ours without what is compiled, and the peers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.assets import Assets

HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Job:
    """What every program does alike; `batch` x `accumulate` examples (pairs, for dpo) make a step.  `adapter` False
    tunes all weights."""

    assets: Assets
    adapter: bool
    dtype: str
    batch: int
    accumulate: int
    steps: int
    peers: Path
    out: Path
    objective: str = "sft"

    @property
    def learning_rate(self) -> float:
        if self.objective == "dpo":
            return 1e-4
        return 1e-3 if self.adapter else 3e-4


@dataclass(frozen=True)
class Program:
    """`packed`: it packs examples, so that its steps hold other examples and its losses can't be compared."""

    title: str
    command: Callable[[Job], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    packed: bool = False


def _ours(job: Job) -> list[str]:
    return [
        sys.executable,
        str(HERE / "harness" / "ours.py"),
        f"--workspace={job.assets.workspace}",
        f"--model={job.assets.model}",
        f"--objective={job.objective}",
        f"--tuner={'lora' if job.adapter else 'full'}",
        f"--batch={job.batch * job.accumulate}",
        f"--steps={job.steps}",
        f"--learning-rate={job.learning_rate}",
        f"--dtype={job.dtype}",
    ]


def _ours_command(job: Job) -> list[str]:
    tuner = "{name: lora, rank: 8, alpha: 16}" if job.adapter else "full"
    settings = {
        "base": job.assets.model,
        "tuner": tuner,
        "optimizer": "adamw",
        "epochs": 1000,
        "max_steps": job.steps,
        "batch": job.batch * job.accumulate,
        "max_length": 1024,
        "learning_rate": job.learning_rate,
        "schedule": "constant",
        "warmup": 0,
        "weight_decay": 0,
        "clip": 1.0,
        "precision": job.dtype,
    }
    script = str(HERE / "harness" / "ours_command.py")
    return [sys.executable, script, str(job.assets.workspace), *(f"{key}={value}" for key, value in settings.items())]


def _peer(name: str, data: Callable[[Assets], Path], pack: bool) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        script = f"run_{name}.py" if job.objective == "sft" else f"run_{name}_{job.objective}.py"
        return [
            str(job.peers / name / "bin" / "python"),
            str(HERE / "peers" / script),
            f"--model={job.assets.model}",
            f"--data={data(job.assets)}",
            f"--out={job.out / name / 'model'}",
            f"--batch={job.batch}",
            f"--accumulate={job.accumulate}",
            f"--steps={job.steps}",
            f"--learning-rate={job.learning_rate}",
            f"--dtype={job.dtype}",
            *([f"--adapter={job.assets.adapter}"] if job.adapter else []),
            *(["--pack"] if pack else []),
        ]

    return command


def _prompts(assets: Assets) -> Path:
    return assets.prompts


def _alpaca(assets: Assets) -> Path:
    return assets.alpaca


PROGRAMS = {
    "ours": Program("tuneloop", _ours),
    "ours-torch": Program("tuneloop, plain torch", _ours, {"TUNELOOP_KERNELS": "off"}),
    "ours-command": Program("tuneloop train, as a command", _ours_command),
    "trl": Program("TRL, defaults", _peer("trl", _prompts, pack=False)),
    "llamafactory": Program("LLaMA-Factory, defaults", _peer("llamafactory", _alpaca, pack=False)),
    "trl-packed": Program("TRL, packing", _peer("trl", _prompts, pack=True), packed=True),
    "llamafactory-packed": Program(
        "LLaMA-Factory, neat packing", _peer("llamafactory", _alpaca, pack=True), packed=True
    ),
}
