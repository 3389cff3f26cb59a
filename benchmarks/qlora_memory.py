"""Peak memory of QLoRA beside LoRA in bfloat16, at the shape of Qwen2.5-0.5B with random weights.

    python benchmarks/qlora_memory.py [--steps 2] [--tokens 512] [--rounds 1] [--only lora nf4 …]

Every way of tuning is a process of its own: it loads the model, attaches rank 16 to all linear layers and takes some
steps of AdamW.  `peak` is the most memory resident at one instant, as the system counts it; pages of the model's file
that are mapped while it is read count there, and not in `own`, which is looked at every 5 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from harness import machine
from harness.measure import ENVIRONMENT

CONFIG: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "vocab_size": 151936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "hidden_act": "silu",
    "use_sliding_window": False,
    "dtype": "bfloat16",
}
TUNERS: dict[str, dict[str, Any]] = {
    "lora": {"name": "lora"},
    "nf4-double": {"name": "qlora"},
    "nf4": {"name": "qlora", "double": False},
    "int8": {"name": "qlora", "bits": "int8"},
}
TITLES = {
    "lora": "LoRA, bfloat16",
    "nf4-double": "QLoRA, NF4 with double quantization",
    "nf4": "QLoRA, NF4",
    "int8": "QLoRA, int8",
}
RANK, ALPHA, RECORD, SEED = 16, 32.0, 256, 0
MB = 1e6


def main() -> None:
    options = arguments()
    if options.child:
        print(json.dumps(trained(Path(options.folder), options.child, options.steps, options.tokens)))
        return
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        found = {name: [measured(place, name, options) for _ in range(options.rounds)] for name in options.only}
    print(machine.sentence(machine.describe()), end="\n\n")
    print(table(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=512, help=f"a step, in records of {RECORD}")
    parser.add_argument("--rounds", type=int, default=1, help="the smallest peak of each is told")
    parser.add_argument("--only", nargs="+", choices=list(TUNERS), default=list(TUNERS))
    parser.add_argument("--child", choices=list(TUNERS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


def make(folder: Path) -> None:
    """The model's folder, in bfloat16, with a tokenizer of one token per byte."""
    import torch
    from tokenizers import Tokenizer as Engine
    from tokenizers import models, pre_tokenizers

    from tuneloop.models.checkpoint import write_weights
    from tuneloop.models.decoder import Decoder
    from tuneloop.models.family import read_shape
    from tuneloop.models.tokenizer import Tokenizer

    torch.manual_seed(SEED)
    family, shape = read_shape(CONFIG)
    held = dict(Decoder(shape, torch.bfloat16, "meta").named_parameters())
    state = {}
    for slot in family.slots(shape):
        size = (slot.rows, *held[slot.parameter].shape[1:])
        state[slot.file_name] = torch.ones(size) if len(size) == 1 else torch.randn(size) * 0.02
        state[slot.file_name] = state[slot.file_name].to(torch.bfloat16)
    write_weights(folder, state)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    engine = Engine(models.BPE(vocab={token: number for number, token in enumerate(alphabet)}, merges=[]))
    Tokenizer(engine, {}, {}, {}).save(folder)


def measured(folder: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", name, "--folder", folder]
    command += ["--steps", str(options.steps), "--tokens", str(options.tokens)]
    done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    print(name, told, file=sys.stderr, flush=True)
    return told


def trained(folder: Path, name: str, steps: int, tokens: int) -> dict[str, Any]:
    """Load, attach, train; memory in bytes."""
    import torch

    from tuneloop.models import load
    from tuneloop.models.packed import Packed
    from tuneloop.models.quantized import QuantizedMatrix
    from tuneloop.train.assembly import weights_of
    from tuneloop.train.optimizer import optimizers
    from tuneloop.train.tuner import tuners

    tuner = tuners.create({**TUNERS[name], "rank": RANK, "alpha": ALPHA})
    with Own() as own:
        before, began = own.latest(), time.perf_counter()
        lm = load(folder, "bfloat16", "fast", **tuner.load_options())
        loading, loaded = time.perf_counter() - began, own.latest()
        peaks = {"load_peak": peak(), "load_own": own.most}
        tuner.attach(lm, SEED)
        adamw = optimizers.create("adamw").build(weights_of(lm, tuner, tuner.trainable(lm)), 1e-4, 0.0)
        draw = torch.Generator().manual_seed(SEED)
        times = []
        for _ in range(steps):
            began = time.perf_counter()
            ids = torch.randint(CONFIG["vocab_size"], (tokens // RECORD, RECORD), generator=draw).tolist()
            batch = Packed.of([(row, [1.0] * RECORD) for row in ids])
            lm.token_nll(batch).mean().backward()
            adamw.step(1.0, 1.0)
            times.append(time.perf_counter() - began)
    stored = sum(part.bytes for part in lm.module.modules() if isinstance(part, QuantizedMatrix))
    dense = 2 * sum(outputs * inputs for outputs, inputs in lm.sites().values())
    return {
        **peaks,
        "peak": peak(),
        "own": own.most,
        "imports": before,
        "loaded": loaded - before,
        "layers": stored or dense,
        "share": (stored or dense) / dense,
        "loading": loading,
        "step": min(times),
    }


def peak() -> int:
    """Bytes resident at the worst instant of this process; Linux counts in KiB, macOS in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


class Own:
    """The most memory that was this process's own, mapped files not counted, looked at from a thread (Linux)."""

    def __enter__(self) -> Own:
        self.most, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def latest(self) -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        now = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
        self.most = max(self.most, now)
        return now

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self.latest()


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "| tuning | layers' weights MB | of bfloat16 | peak MB | own MB | loading, own MB | loading s | step s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, rounds in found.items():
        best = {key: min(one[key] for one in rounds) for key in rounds[0]}
        sizes = [f"{best[key] / MB:,.0f}" for key in ("peak", "own", "load_own")]
        times = [f"{best[key]:.1f}" for key in ("loading", "step")]
        row = [TITLES[name], f"{best['layers'] / MB:,.0f}", f"{best['share']:.1%}", *sizes, *times]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
