"""Training on a graphics card: tokens/s, peak memory and model-FLOPs utilization, ours and TRL at several settings.

    python benchmarks/gpu_speed.py --root FOLDER --peers FOLDER --data alpaca_en.json alpaca_zh.json \\
        --cells q06-lora q06-full q7-lora --rounds 2

`--peers` holds `trl/bin/python` (peers/setup.py makes it; on a machine without a network carry the wheels there).  A
cell is a shape and a tuning, in bfloat16.  TRL runs at its defaults, packed, and both with recomputed activations; its
best one counts.  The floor of a step is what its matrix products take at the rate that this card reaches on large ones,
measured before each round; utilization is that of the card's own figure (`--peak`, dense bfloat16, in TFLOP/s).

    FLOPs of a token = 4 P (LoRA: forward, and back to the inputs) or 6 P (full: to the weights as well)
                       + 6 (LoRA: 4) · 2 · layers · heads · head size · mean length / 2 for the attention

with P the weights of the layers' matrices and of the vocabulary's.  `--device cpu --cells m25-lora` tries the script
out where there is no card.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from harness import assets as made
from harness import machine, measure, tables
from harness.programs import PROGRAMS, Job

BATCH, ACCUMULATE = 8, 2
PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "4090": 165.0}
"""TFLOP/s of dense bfloat16 with float32 sums, from the makers' data sheets."""
TRL_SETTINGS = {
    "trl": [],
    "trl-recomputed": ["--checkpointing"],
    "trl-packed": ["--pack"],
    "trl-packed-recomputed": ["--pack", "--checkpointing"],
}
OURS_SETTINGS = {"ours": ["--micro-tokens=16384"], "ours-recomputed": ["--micro-tokens=16384", "--checkpointing"]}


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    card = about_card(options)
    place = options.root / f"{options.name}.jsonl"
    rows: list[dict[str, Any]] = []
    with place.open("a") as kept:
        for number in range(options.rounds):
            rate = products(options.device)
            for cell in options.cells:
                for name, command in programs(options, cell):
                    found = measure.run(
                        name,
                        command,
                        threads=options.threads,
                        log=options.root / "log.txt",
                        environment=None if options.device == "cpu" else {"CUDA_VISIBLE_DEVICES": "0"},
                    )
                    row = {
                        "cell": cell,
                        "program": name,
                        "round": number,
                        "products": rate,
                        "card": card,
                        "machine": machine.describe(),
                        **found.as_dict(),
                    }
                    row["tokens_per_second"] = tables.speed(row)
                    kept.write(json.dumps(row) + "\n")
                    kept.flush()
                    rows.append(row)
                    print(tables.line(row), flush=True)
    (options.root / f"{options.name}.md").write_text(report(rows, options), encoding="utf-8")
    print(report(rows, options))


def programs(options: argparse.Namespace, cell: str) -> list[tuple[str, list[str]]]:
    """Every program's command for a cell."""
    shape, _, tuning = cell.partition("-")
    found = made.make(options.root, options.data, shape, options.steps * BATCH * ACCUMULATE, BATCH * ACCUMULATE)
    job = Job(
        found, tuning == "lora", "bfloat16", BATCH, ACCUMULATE, options.steps, options.peers, options.root / "out"
    )
    ours, trl = PROGRAMS["ours"].command(job), PROGRAMS["trl"].command(job)
    commands = [(name, [*ours, *extra]) for name, extra in OURS_SETTINGS.items()]
    if (options.peers / "trl").is_dir():
        device = f"--device={options.device}"
        commands += [(name, [*trl, device, *extra]) for name, extra in TRL_SETTINGS.items()]
    return commands


def products(device: str, size: int = 8192) -> float:
    """TFLOP/s of a large square product in bfloat16 on this device: the best of ten."""
    import torch

    size = size if device == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        if device == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    del a, b
    if device == "cuda":
        torch.cuda.empty_cache()
    return 2 * size**3 / best / 1e12


def about_card(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    if options.device == "cpu":
        return {"name": "no card", "peak": options.peak}
    name = torch.cuda.get_device_name()
    known = next((peak for part, peak in PEAKS.items() if part in name), None)
    return {"name": name, "peak": options.peak or known, "cuda": torch.version.cuda}


def flops(cell: str, length: float) -> float:
    """Of one token, by the formula above; `length` is the mean of an example."""
    shape, _, tuning = cell.partition("-")
    config = made.SHAPES[shape][1]
    hidden, wide, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    heads, keys = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    size = config.get("head_dim", hidden // heads)
    weights = layers * (hidden * size * (2 * heads + 2 * keys) + 3 * hidden * wide) + config["vocab_size"] * hidden
    passes = 4 if tuning == "lora" else 6
    return passes * (weights + 2 * layers * heads * size * length / 2)


def report(rows: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """One row a cell and program, medians over the rounds."""
    if not rows:
        return "No runs.\n"
    card = rows[-1]["card"]
    parts = [machine.sentence(rows[-1]["machine"]), f"{card['name']}, peak {card['peak']} TFLOP/s\n"]
    head = [
        "cell",
        "program",
        "runs",
        "tok/s",
        "of TRL's best",
        "of the floor",
        "utilization",
        "card MB",
        "first step s",
    ]
    parts.append("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for cell in dict.fromkeys(row["cell"] for row in rows):
        good = [row for row in rows if row["cell"] == cell and row["tokens_per_second"]]
        by_name = {name: [row for row in good if row["program"] == name] for name in (*OURS_SETTINGS, *TRL_SETTINGS)}
        speeds = {name: median(row["tokens_per_second"] for row in found) for name, found in by_name.items() if found}
        best = max((rate for name, rate in speeds.items() if name.startswith("trl")), default=None)
        for name, rate in speeds.items():
            found = by_name[name]
            told = found[-1]["told"]
            cost = flops(cell, sum(told["tokens"]) / (len(told["tokens"]) * BATCH * ACCUMULATE))
            floor = rate * cost / (median(row["products"] for row in found) * 1e12)
            used = f"{rate * cost / card['peak'] / 1e12:.0%}" if card["peak"] else "-"
            memory = max(row["told"].get("device_mb", 0.0) for row in found)
            ratio = f"{rate / best:.2f}" if best else "-"
            cells = [cell, name, len(found), f"{rate:,.0f}", ratio, f"{floor:.0%}", used, f"{memory:,.0f}"]
            parts.append("| " + " | ".join(map(str, [*cells, f"{told['first_step']:.1f}"])) + " |")
        for name in [row["program"] for row in rows if row["cell"] == cell and row["returned"]]:
            parts.append(f"| {cell} | {name} | failed |" + " - |" * (len(head) - 3))
    return "\n".join(parts) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--cells", nargs="+", default=["q06-lora", "q06-full", "q7-lora"])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--peak", type=float, help="TFLOP/s of the card, where its name is not known")
    parser.add_argument("--name", default="gpu")
    return parser.parse_args()


if __name__ == "__main__":
    main()
