"""Decoding speed, ours and transformers' `generate`: the same model, prompts and number of tokens, greedy.

    python benchmarks/decode_speed.py --root FOLDER

The model is m25 (27 M parameters, random weights) saved in bfloat16.  Every run is a process of its own, warms up, and
takes the best of three; rounds alternate.  A ratio is the median over the rounds of ours to transformers' faster dtype
of the same round.  `ours` holds what `hosting` holds, `ours-torch` the same without compiled code, `ours-mixed` has
rows of five LoRA adapters (r 8, all linears) and the base in turn.  Prompts of 100 tokens, read within the time; what
reading them and one step take is told apart.

`--processor` counts processor seconds on one thread instead of time on the wall: for a machine that is not quiet, where
threads that wait for one another measure the others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from harness import machine
from harness.measure import run, wait_for_quiet

PROGRAMS = ("ours", "ours-mixed", "ours-torch", "transformers-float32", "transformers-bfloat16")
PROMPT, NEW, BEST = 100, 64, 3
COPIES = 64 << 20


def main() -> None:
    options = arguments()
    if options.one:
        print(
            json.dumps(speeds(options.one, options.root, time.process_time if options.processor else time.perf_counter))
        )
        return
    make(options.root)
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for program in PROGRAMS[number % 2 :] + PROGRAMS[: number % 2]:
            rows.append(one_run(program, options) | {"round": number})
            print(json.dumps(rows[-1]), flush=True)
    table = told(rows, options)
    (options.root / "decode_speed.md").write_text(table, encoding="utf-8")
    print(table)


def one_run(program: str, options: argparse.Namespace) -> dict[str, Any]:
    wait_for_quiet(0.1, options.wait)
    result = options.root / f"{program}.json"
    command = f"{sys.executable} {Path(__file__).resolve()} --root {options.root} --one {program}"
    command += f"{' --processor' if options.processor else ''} > {result}"
    environment = {"TUNELOOP_KERNELS": "off" if program == "ours-torch" else "on"}
    log = options.root / "decode_speed.log"
    threads = 1 if options.processor else options.threads
    measured = run(program, ["sh", "-c", command], threads=threads, log=log, environment=environment)
    if measured.returned:
        raise SystemExit(f"{program} ended with {measured.returned}: see {log}")
    found: dict[str, Any] = json.loads(result.read_text())
    return {"program": program, "others": round(measured.others, 2), **found}


def speeds(program: str, root: Path, clock: Callable[[], float]) -> dict[str, Any]:
    """Tokens a second at batch 1 and 16; milliseconds of the first token, and of one step more."""
    write, dtype = transformers(program, root) if "transformers" in program else ours(program, root)
    prompts = torch.randint(3, 8000, (16, PROMPT), generator=torch.Generator().manual_seed(0))

    def best(batch: int, new: int) -> float:
        seconds = []
        for _ in range(BEST):
            begun = clock()
            write(prompts[:batch], new)
            seconds.append(clock() - begun)
        return min(seconds)

    found: dict[str, Any] = {"dtype": dtype}
    for batch in (1, 16):
        write(prompts[:batch], 8)
        first, whole = best(batch, 1), best(batch, NEW)
        found[str(batch)] = round(batch * NEW / whole, 1)
        found[f"first {batch}"], found[f"step {batch}"] = first * 1e3, (whole - first) / (NEW - 1) * 1e3
    a, b = torch.zeros(COPIES), torch.zeros(COPIES)
    moved = []
    for _ in range(BEST):
        begun = clock()
        b.copy_(a)
        moved.append(2 * a.nbytes / (clock() - begun) / 1e9)
    found["copy_gb_s"] = round(max(moved), 1)
    return found


def transformers(program: str, root: Path) -> Any:
    from transformers import AutoModelForCausalLM

    dtype = program.partition("-")[2]
    model = AutoModelForCausalLM.from_pretrained(root / "m25", dtype=getattr(torch, dtype)).eval()

    def write(prompts: torch.Tensor, new: int) -> None:
        limits = {"min_new_tokens": new, "max_new_tokens": new, "do_sample": False, "pad_token_id": 0}
        made = model.generate(prompts, attention_mask=torch.ones_like(prompts), **limits)
        assert made.shape[1] == PROMPT + new

    return write, dtype


def ours(program: str, root: Path) -> Any:
    from tuneloop.models import load
    from tuneloop.models.engine import Request
    from tuneloop.models.sampling import Sampling

    lm = load(root / "m25")
    lm.lay_out()
    engine = lm.engine()
    names: list[str | None] = [None]
    if program == "ours-mixed":
        for number in range(5):
            engine.add_adapter(f"a{number}", root / f"adapter-{number}")
        names += engine.adapters

    def write(prompts: torch.Tensor, new: int) -> None:
        sampling = Sampling(max_tokens=new, min_tokens=new)
        rows = enumerate(prompts.tolist())
        handles = [engine.submit(Request(ids, sampling, names[row % len(names)], stream=False)) for row, ids in rows]
        assert all(len(engine.finish(handle).ids) == new for handle in handles)

    scoring = getattr(lm.module, "scoring", None)
    return write, f"{lm.dtype}, weights {lm.dtype if scoring is None else scoring.held.dtype}"


def make(root: Path) -> None:
    """The model and the adapters, where they are not there yet."""
    if (root / "m25").is_dir():
        return
    import transformers as library
    from harness.assets import SHAPES
    from tokenizers import Tokenizer, models

    from tuneloop.models import load
    from tuneloop.models.adapters.lora import LoraAdapter

    family, shape = SHAPES["m25"]
    torch.manual_seed(0)
    config = getattr(library, f"{family}Config")(
        **shape, max_position_embeddings=2048, bos_token_id=None, eos_token_id=2
    )
    model = getattr(library, f"{family}ForCausalLM")(config).to(torch.bfloat16)
    model.save_pretrained(root / "m25")
    Tokenizer(models.WordLevel({f"w{number}": number for number in range(16384)}, "w0")).save(
        str(root / "m25" / "tokenizer.json")
    )
    lm = load(root / "m25", "float32")
    for number in range(5):
        adapter = LoraAdapter.new(lm.sites(), r=8, alpha=16.0, seed=number)
        for site in adapter.sites.values():
            torch.nn.init.normal_(site.up, std=0.02)
        adapter.save(root / f"adapter-{number}")


def told(rows: list[dict[str, Any]], options: argparse.Namespace) -> str:
    clock = "processor seconds on one thread" if options.processor else f"{options.threads} threads, on the wall"
    lines = [
        machine.sentence(machine.describe()),
        "",
        f"Medians of {options.rounds} rounds; {clock}; a prompt is of {PROMPT} tokens, an answer of {NEW}.",
        "",
        "| program | held in | batch 1, tokens/s | first token, step, ms | batch 16 | first, step | others' load |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    by = {(row["round"], row["program"]): row for row in rows}
    rounds = sorted({row["round"] for row in rows})

    def middle(program: str, what: str) -> float:
        return float(statistics.median(by[one, program][what] for one in rounds))

    for program in PROGRAMS:
        cells = [program, by[rounds[0], program]["dtype"]]
        for batch in ("1", "16"):
            first, step = middle(program, f"first {batch}"), middle(program, f"step {batch}")
            cells += [f"{middle(program, batch):.0f}", f"{first:.0f}, {step:.1f}"]
        lines.append(f"| {' | '.join(cells)} | {middle(program, 'others'):.0%} |")
    lines += ["", "Medians of the rounds' ratios (least and most):", ""]

    def ratio(name: str, batch: str, program: str, *others: str) -> None:
        ratios = [by[one, program][batch] / max(by[one, other][batch] for other in others) for one in rounds]
        lines.append(f"- {name}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")

    for program in ("ours", "ours-torch"):
        for batch in ("1", "16"):
            name = f"{program} to transformers' faster dtype, batch {batch}"
            ratio(name, batch, program, "transformers-float32", "transformers-bfloat16")
    ratio("base and five adapters to the base alone, batch 16", "16", "ours-mixed", "ours")
    copies = statistics.median(row["copy_gb_s"] for row in rows)
    bound = copies * 1e9 / (options.root / "m25" / "model.safetensors").stat().st_size
    lines += [
        f"- bound of reading the bfloat16 weights once a token, at the {copies:.0f} GB/s that a copy moves: "
        f"{bound:.0f} tokens/s"
    ]
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for models and results")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet machine before each run")
    parser.add_argument("--processor", action="store_true", help="count processor seconds on one thread")
    parser.add_argument("--one", choices=PROGRAMS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
