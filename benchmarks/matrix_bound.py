"""How fast could training be if matrix multiplications were all there is, and what share of that do we reach?

    python benchmarks/matrix_bound.py --root FOLDER [--reached TOKENS_PER_SECOND --cell m25-lora-bfloat16]

Measures this machine's rate at each shape that the model multiplies (median of several), and adds up the time that one
token costs: forward and input gradient of every linear layer, its weight gradient where all weights move, and the
vocabulary's three products at the tokens that have a target.  Left out, so that the bound is not reachable: attention,
norms, the optimizer, everything between two multiplications, and LoRA's own small products.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import machine

ROWS = 2048  # tokens multiplied at once
MODELS, TUNINGS, DTYPES = ("m25", "m135"), ("lora", "full"), ("bfloat16", "float32")
CELLS = ["-".join(cell) for cell in itertools.product(MODELS, TUNINGS, DTYPES)]


@dataclass(frozen=True)
class Product:
    """`count` products a token with a matrix of `inputs` x `outputs`; `share` of the tokens take part."""

    name: str
    inputs: int
    outputs: int
    count: int = 1
    share: float = 1.0


def products(config: dict[str, int], targets: float) -> list[Product]:
    """The linear layers of a Llama-like model, with projections of one input fused, as we run them."""
    hidden, layers, inner = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim") or hidden // heads
    return [
        Product("query, key, value", hidden, (heads + 2 * key_heads) * size, layers),
        Product("attention output", heads * size, hidden, layers),
        Product("gate and up", hidden, 2 * inner, layers),
        Product("down", inner, hidden, layers),
        Product("vocabulary", hidden, config["vocab_size"], 1, targets),
    ]


def rate(inputs: int, outputs: int, rows: int, dtype: str, seconds: float) -> float:
    """FLOP/s of [rows, inputs] x [inputs, outputs]: the median of repeated products within `seconds`."""
    import torch

    kind = getattr(torch, dtype)
    left, right = torch.randn(rows, inputs).to(kind), torch.randn(outputs, inputs).to(kind)
    times, until = [], time.perf_counter() + seconds
    torch.nn.functional.linear(left, right)
    while time.perf_counter() < until or len(times) < 3:
        began = time.perf_counter()
        torch.nn.functional.linear(left, right)
        times.append(time.perf_counter() - began)
    return 2 * rows * inputs * outputs / median(times)


def seconds_per_token(product: Product, full: bool, dtype: str, seconds: float) -> float:
    """Forward, input gradient, and the weight gradient with `full`; each at its own measured rate."""
    flops = 2 * product.inputs * product.outputs * product.count * product.share
    shapes = [(product.inputs, product.outputs, ROWS), (product.outputs, product.inputs, ROWS)]
    if full:
        shapes.append((ROWS, product.inputs, product.outputs))
    return sum(flops / rate(*shape, dtype, seconds) for shape in shapes)


def main() -> None:
    options = arguments()
    import torch

    torch.set_num_threads(options.threads)
    print(machine.sentence(machine.describe()), "\n")
    print("| cell | bound tok/s | reached | share |\n| --- | --- | --- | --- |")
    for cell in options.cells:
        model, tuning, dtype = cell.split("-")
        config = json.loads((options.root / "models" / model / "config.json").read_text())
        found = products(config, options.targets)
        bound = 1 / sum(seconds_per_token(one, tuning == "full", dtype, options.seconds) for one in found)
        reached = options.reached if options.reached and len(options.cells) == 1 else None
        share = f"{reached:,.0f} | {reached / bound:.0%}" if reached else " | "
        print(f"| {cell} | {bound:,.0f} | {share} |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with the models of train_speed.py")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS[:1], metavar="CELL")
    parser.add_argument("--targets", type=float, default=0.84, help="share of the tokens that are targets")
    parser.add_argument("--reached", type=float, help="tokens/s that a run of the one cell reached")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="time per measured shape")
    return parser.parse_args()


if __name__ == "__main__":
    main()
