"""How good is the memory estimate?  Each recipe trains in a process of its own; estimated and measured growth.

    python benchmarks/memory_estimate.py --root FOLDER --set frozen

Growth is the peak of resident memory (VmHWM) over what is resident after the import of torch and everything that a
worker imports before it knows its run.  Models have random weights, made on the spot; data is random letters, a token
each, so that every record has the length that the recipe says.  A run is a whole `tuneloop.train`: reading the model,
encoding, two optimizer steps, a checkpoint after each, saving.  The general text of `general` is not measured, as it
takes time and no memory to speak of.

On a GPU (`--device cuda`) the peak is what torch's allocator had in use at most.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from harness import machine

MB = 1024**2
SHAPES: dict[str, dict[str, Any]] = {
    # calibration: 20 to 60 million parameters
    "a25": {"model_type": "llama", "vocab": 8192, "hidden": 512, "layers": 6, "heads": 8, "kv": 4, "wide": 1536},
    "b40": {"model_type": "qwen3", "vocab": 32000, "hidden": 512, "layers": 8, "heads": 8, "kv": 8, "wide": 1408},
    "c60": {"model_type": "qwen2", "vocab": 100000, "hidden": 384, "layers": 12, "heads": 6, "kv": 2, "wide": 1536},
    # measured with the frozen formula: 100 million and more
    "llama100": {
        "model_type": "llama", "vocab": 8192, "hidden": 768, "layers": 14, "heads": 12, "kv": 12, "wide": 2048,
    },
    "llama135": {"model_type": "llama", "vocab": 49152, "hidden": 576, "layers": 30, "heads": 9, "kv": 3, "wide": 1536},
    "qwen3-150": {
        "model_type": "qwen3", "vocab": 65536, "hidden": 640, "layers": 20, "heads": 10, "kv": 5, "wide": 2304,
    },
    "wide190": {
        "model_type": "llama", "vocab": 128000, "hidden": 768, "layers": 12, "heads": 12, "kv": 4, "wide": 2560,
    },
    "untied220": {
        "model_type": "llama", "vocab": 32000, "hidden": 1024, "layers": 12, "heads": 16, "kv": 8, "wide": 2816,
        "tied": False,
    },
    "qwen2-340": {
        "model_type": "qwen2", "vocab": 150000, "hidden": 896, "layers": 14, "heads": 14, "kv": 2, "wide": 4864,
    },
    "qwen2-500": {
        "model_type": "qwen2", "vocab": 151936, "hidden": 896, "layers": 24, "heads": 14, "kv": 2, "wide": 4864,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """`rows` records of `length` tokens a step and forward pass; `stored`: dtype of the file."""

    name: str
    shape: str
    tuner: dict[str, Any]
    dtype: str = "float32"
    length: int = 512
    rows: int = 4
    checkpointing: bool = False
    optimizer: str = "adamw"
    objective: str = "cpt"
    stored: str = "float32"
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return self.length * self.rows

    @property
    def computed(self) -> int:
        """Tokens of a pass: of a pair's prompt, half of each of its two records, one copy is computed."""
        return self.tokens * 3 // 4 if self.objective == "dpo" else self.tokens

    @property
    def targets(self) -> float:
        """The share of computed tokens."""
        return {"cpt": 1.0, "dpo": 2 / 3}.get(self.objective, 0.5)


FULL = {"name": "full"}


def lora(rank: int, **settings: Any) -> dict[str, Any]:
    return {"name": "lora", "rank": rank, "alpha": 2.0 * rank, **settings}


CALIBRATION = [
    Recipe("full", "a25", FULL),
    Recipe("full-checkpointing", "a25", FULL, checkpointing=True, length=256),
    Recipe("lora-qv", "a25", lora(8, targets=["q_proj", "v_proj"]), length=256),
    Recipe("lora-bf16", "a25", lora(16), dtype="bfloat16", stored="bfloat16", length=256),
    Recipe("full-bf16", "a25", FULL, dtype="bfloat16", length=256),
    Recipe("full", "c60", FULL, length=256),
    Recipe("lora-sft", "c60", lora(16), objective="sft", length=256),
    Recipe("qlora", "b40", {"name": "qlora", "rank": 16, "alpha": 32}, length=256),
    Recipe("prompt", "a25", {"name": "prompt", "tokens": 20}, length=256),
    Recipe("prefix", "a25", {"name": "prefix", "tokens": 20}, length=256),
    Recipe("bottleneck", "b40", {"name": "bottleneck", "size": 64, "placement": "houlsby"}, length=256),
    Recipe("freeze", "b40", {"name": "freeze", "layers": "last-3"}, length=256),
    Recipe("dpo-lora", "a25", lora(16), objective="dpo", length=256),
    Recipe("full-muon", "b40", FULL, optimizer="muon", rows=1),
]
NF4 = {"name": "qlora", "rank": 16, "alpha": 32}
INT8 = {**NF4, "bits": "int8"}
FROZEN = [
    Recipe("full", "llama100", FULL, rows=2),
    Recipe("full, long", "llama100", FULL, length=1024, rows=4),
    Recipe("full, checkpointing", "llama100", FULL, length=1024, rows=4, checkpointing=True),
    Recipe("full, Muon", "llama100", FULL, length=256, rows=2, optimizer="muon"),
    Recipe("LoRA 16", "llama100", lora(16)),
    Recipe("LoRA 64, 8,192 tokens", "llama100", lora(64), length=2048, rows=4, checkpointing=True),
    Recipe("DPO, LoRA 16", "llama100", lora(16), objective="dpo"),
    Recipe("full", "llama135", FULL, rows=2),
    Recipe("LoRA 8 on q and v", "llama135", lora(8, targets=["q_proj", "v_proj"]), length=256),
    Recipe("LoRA 16, checkpointing", "llama135", lora(16), rows=8, checkpointing=True),
    Recipe("LoRA 16", "llama135", lora(16), dtype="bfloat16", rows=1),
    Recipe("bottleneck", "llama135", {"name": "bottleneck", "size": 64}, length=256),
    Recipe("prefix", "llama135", {"name": "prefix", "tokens": 20}, length=256),
    Recipe("prompt", "llama135", {"name": "prompt", "tokens": 20}, length=256),
    Recipe("full, dialogues", "qwen3-150", FULL, rows=1, objective="sft"),
    Recipe("LoRA 32, dialogues", "qwen3-150", lora(32), rows=2, objective="sft"),
    Recipe("full", "qwen3-150", FULL, dtype="bfloat16", length=256, rows=1),
    Recipe("QLoRA int8", "qwen3-150", INT8, length=1024, rows=2),
    Recipe("full", "wide190", FULL, rows=2),
    Recipe("LoRA 16", "wide190", lora(16), length=256, rows=8),
    Recipe("LoRA 16, dialogues", "wide190", lora(16), length=1024, rows=2, objective="sft"),
    Recipe("full", "untied220", FULL, rows=1),
    Recipe("full, Muon, checkpointing", "untied220", FULL, rows=4, optimizer="muon", checkpointing=True),
    Recipe("LoRA 8", "untied220", lora(8), length=1024, rows=2),
    Recipe("last 3 layers", "untied220", {"name": "freeze", "layers": "last-3"}, rows=8),
    Recipe("LoRA 16", "qwen2-340", lora(16), rows=2),
    Recipe("LoRA 16, bfloat16 files", "qwen2-340", lora(16), dtype="bfloat16", stored="bfloat16", length=256, rows=2),
    Recipe("LoRA 16", "qwen2-500", lora(16), rows=2),
    Recipe("QLoRA NF4, bfloat16 files", "qwen2-500", NF4, stored="bfloat16", rows=4),
]
SETS = {"calibration": CALIBRATION, "frozen": FROZEN}


def estimated(recipe: Recipe, threads: int, device: str) -> tuple[int, str, dict[str, int]]:
    """Bytes, the phase they are in, and the parts."""
    from tuneloop.models.memory import Work, estimate
    from tuneloop.models.shape_from import from_config
    from tuneloop.train.tuner import tuners

    shape = from_config(config(recipe.shape))
    work = Work(
        dtype=recipe.dtype,  # type: ignore[arg-type]
        optimizer=recipe.optimizer,
        tokens=recipe.computed,
        longest=recipe.length,
        targets=recipe.targets,
        checkpointing=recipe.checkpointing,
        file_dtype=recipe.stored,  # type: ignore[arg-type]
        threads=threads,
        device=device,  # type: ignore[arg-type]
    )
    tuning = tuners.create(recipe.tuner).footprint(shape)
    found = estimate(shape, tuning, work)
    return found.total, found.phase, dict(found.parts)


def config(name: str) -> dict[str, Any]:
    made = SHAPES[name]
    return {
        "model_type": made["model_type"],
        "vocab_size": made["vocab"],
        "hidden_size": made["hidden"],
        "num_hidden_layers": made["layers"],
        "num_attention_heads": made["heads"],
        "num_key_value_heads": made["kv"],
        "intermediate_size": made["wide"],
        "head_dim": 64,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": made.get("tied", True),
        "hidden_act": "silu",
    }


def make_model(folder: Path, name: str, dtype: str) -> None:
    """Random weights in `dtype`, and a tokenizer with a token for each byte."""
    import torch

    from tuneloop.models.decoder import Decoder
    from tuneloop.models.family import read_shape
    from tuneloop.models.fast import FastModel
    from tuneloop.wording import Words

    family, shape = read_shape(config(name))
    module = Decoder(shape, getattr(torch, dtype))
    torch.manual_seed(0)
    with torch.no_grad():
        for label, parameter in module.named_parameters():
            parameter.fill_(1.0) if "norm" in label else parameter.normal_(0.0, 0.02)
    lm = FastModel(family, module, settings=config(name), tokenizer=letters(), why=Words("", ""), reference="new")
    lm.save(folder)


def letters() -> Any:
    from harness.assets import CHATML, MARKS
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    from tuneloop.models.tokenizer import Tokenizer as Ours

    vocabulary = {token: number for number, token in enumerate([*MARKS, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    engine = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens(MARKS)
    return Ours(engine, {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, {}, {"default": CHATML})


def make_data(folder: Path, recipe: Recipe) -> None:
    """As many records as two steps take, each of `length` tokens: texts, or dialogues of which half is the answer."""
    import random

    from tuneloop import loop

    draw, rows = random.Random(0), []
    # a pair is two records
    for _ in range(recipe.rows if recipe.objective == "dpo" else 2 * recipe.rows):
        text = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=recipe.length))
        half = recipe.length // 2
        if recipe.objective == "cpt":
            rows.append({"text": text[:-1]})
        elif recipe.objective == "dpo":
            one, other = (
                text[half + 1 :],
                "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=recipe.length - half - 1)),
            )
            rows.append({"prompt": text[: half - 20], "chosen": one, "rejected": other})
        else:  # ChatML's marks and newlines around a question and an answer are 21 tokens
            rows.append({"instruction": text[: half - 20], "input": "", "output": text[half + 1 :]})
    raw = folder / "raw.json"
    raw.write_text(json.dumps(rows))
    loop.prepare(raw, workspace=folder / "workspace", recipe={"steps": [], "split": "train_only"})


def child(recipe: Recipe, folder: Path, device: str) -> None:
    """Import, look at the memory, train, look again; the result goes to standard output as one line."""
    from importlib import import_module

    from tuneloop.app.worker import NEEDED

    for module in NEEDED:
        import_module(module)
    before = status("VmRSS")
    from tuneloop import loop

    model = loop.train(
        workspace=folder / "workspace",
        recipe={
            "base": str(folder / "model"),
            "objective": recipe.objective,
            "tuner": recipe.tuner,
            "optimizer": recipe.optimizer,
            "precision": recipe.dtype,
            "gradient_checkpointing": recipe.checkpointing,
            "batch": recipe.rows // 2 if recipe.objective == "dpo" else recipe.rows,
            "micro_tokens": recipe.tokens,
            "max_length": recipe.length,
            "max_steps": 2,
            "epochs": 1,
            "learning_rate": 1e-5,
            "replay": 0,
            "general": "none",
            "checkpoint_seconds": 0,
            **recipe.more,
        },
    )
    peak = status("VmHWM") - before
    if device == "cuda":
        import torch

        peak = torch.cuda.max_memory_allocated()
    print(json.dumps({"growth": peak, "before": before, "tokens": model.metrics["tokens"]}))


def status(key: str) -> int:
    """Bytes of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"this system does not tell {key}")


def measure(recipe: Recipe, options: argparse.Namespace) -> dict[str, Any]:
    folder = options.root / "memory"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    own = {"OMP_NUM_THREADS": str(options.threads), "MKL_NUM_THREADS": str(options.threads)}
    environment = {**os.environ, **own}
    for doing in ("make", "run"):
        command = [sys.executable, __file__, "--root", str(folder), "--device", options.device]
        command += [f"--{doing}", json.dumps(asdict(recipe))]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{recipe.shape} {recipe.name}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if told["tokens"] != 2 * recipe.tokens:
        raise SystemExit(f"{recipe.shape} {recipe.name}: trained on {told['tokens']} tokens, not {2 * recipe.tokens}")
    total, phase, parts = estimated(recipe, options.threads, options.device)
    shutil.rmtree(folder)
    return {
        **asdict(recipe), "measured": told["growth"], "before": told["before"], "estimated": total, "phase": phase,
        "parts": parts, "error": total / told["growth"] - 1,
    }  # fmt: skip


def table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| shape | recipe | dtype | tokens (longest) | estimated MB | measured MB | error | largest moment |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in results:
        tokens = f"{one['length'] * one['rows']:,} ({one['length']:,})"
        lines.append(
            f"| {one['shape']} | {one['name']} | {one['dtype']} | {tokens} | {one['estimated'] / MB:,.0f} |"
            f" {one['measured'] / MB:,.0f} | {one['error']:+.1%} | {one['phase']} |"
        )
    errors = [abs(one["error"]) for one in results]
    lines.append(f"\n{len(errors)} recipes: error at most {max(errors):.1%}, median {median(errors):.1%}.")
    return "\n".join(lines)


def main() -> None:
    options = arguments()
    if options.make:
        recipe = Recipe(**json.loads(options.make))
        make_model(options.root / "model", recipe.shape, recipe.stored)
        make_data(options.root, recipe)
        return
    if options.run:
        child(Recipe(**json.loads(options.run)), options.root, options.device)
        return
    print(machine.sentence(machine.describe()), flush=True)
    chosen = [one for one in SETS[options.set] if not options.only or f"{one.shape}/{one.name}" in options.only]
    if options.dry:
        for recipe in chosen:
            total, phase, _ = estimated(recipe, options.threads, options.device)
            print(f"{recipe.shape}/{recipe.name}: {total / MB:,.0f} MB ({phase})")
        return
    results = []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("a", encoding="utf-8") as out:
        for recipe in [replace(one) for one in chosen for _ in range(options.rounds)]:
            found = measure(recipe, options)
            results.append(found)
            out.write(json.dumps(found) + "\n")
            out.flush()
            parts = {name: round(value / MB) for name, value in found["parts"].items()}
            print(
                f"{recipe.shape}/{recipe.name}: {found['estimated'] / MB:.0f} estimated,"
                f" {found['measured'] / MB:.0f} measured, {found['error']:+.1%} ({found['phase']}) {parts}",
                flush=True,
            )
    print(table(results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for models and data, made and removed here")
    parser.add_argument("--out", type=Path, help="JSON lines are added to this file")
    parser.add_argument("--set", choices=list(SETS), default="calibration")
    parser.add_argument("--only", nargs="+", metavar="SHAPE/RECIPE")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print the estimates alone")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--make", help=argparse.SUPPRESS)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out = options.out or options.root / "memory-estimate.jsonl"
    return options


if __name__ == "__main__":
    main()
