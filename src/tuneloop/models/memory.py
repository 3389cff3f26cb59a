"""How much memory a training run takes, before it begins: plain arithmetic over shapes, in bytes.

    estimate(shape, tuning, work) → Estimate      the peak over the phases of a run, by part

The formula follows our loop and our decoder, phase by phase:

    loading     weights, and the file they are read from
    backward    weights, masters, gradients, moments; what forward and backward hold at their largest moment
    step        the same states, and the optimizer's scratch
    rollouts    the same states, and the key/value cache of the answers that are written

Sources of the parts: `train/flat.py` (float32 master and gradient, working copy), `train/optimizers/`, and
`activations.py` for what the kernels keep.  `benchmarks/memory_estimate.py` holds it against measured peaks.

Not covered: several devices, offloading, mixtures of experts.  Models that run on transformers take more (see
docs/memory.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tuneloop.models.activations import Batch, largest_moment
from tuneloop.models.shape import Shape
from tuneloop.models.tunings import Tuning, layer_matrices, linears, parameters
from tuneloop.wording import Words

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

PROCESS = 120 * 1024**2
"""Thread stacks, the matrix library's buffers, the tokenizer, the database and libraries that are loaded with the data:
measured on a model of a few thousand parameters."""

WORKSPACE = 32 * 1024**2
"""What the matrix library asks of torch's allocator on a card of the Hopper kind; 8 MB on older ones."""

Dtype = Literal["float32", "bfloat16", "float16"]
Reference = Literal["none", "same", "copy"]

TITLES: Mapping[str, Words] = {
    "weights": Words("weights", "权重"),
    "masters": Words("float32 masters", "float32 主权重"),
    "gradients": Words("gradients", "梯度"),
    "moments": Words("optimizer moments", "优化器状态"),
    "reference": Words("reference model", "参考模型"),
    "activations": Words("activations", "激活值"),
    "attention": Words("attention", "注意力"),
    "logits": Words("logits and the vocabulary's gradient", "logits 与词表梯度"),
    "cache": Words("key/value cache of rollouts", "采样时的键值缓存"),
    "scratch": Words("working room of single operations", "单步运算的临时空间"),
    "file": Words("the file that is read", "读取中的权重文件"),
    "process": Words("buffers of the process", "进程缓冲区"),
}
"""The parts of an estimate, in the order of a table."""


@dataclass(frozen=True)
class Work:
    """What a step does.

    dtype          of the computation
    optimizer      "adamw" or "muon"
    tokens         of the largest micro-batch: `micro_tokens`, or the longest record where that is longer
    longest        tokens of the longest record
    targets        share of the tokens that are targets: 1 for text, about half for dialogues, 0 without logits
    checkpointing  activations are computed twice
    file_dtype     of the files that the weights are read from; None: the dtype of computation
    reference      what a preference or reinforcement objective compares with: nothing, the same model without its
                   adapter, or a frozen copy of the model
    rollouts       sequences written side by side, of at most `rollout_tokens` tokens each, the prompt included
    device         "cpu" or "cuda"
    threads        of the processor
    """

    dtype: Dtype = "float32"
    optimizer: str = "adamw"
    tokens: int = 4096
    longest: int = 1024
    targets: float = 1.0
    checkpointing: bool = False
    file_dtype: Dtype | None = None
    reference: Reference = "none"
    rollouts: int = 0
    rollout_tokens: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 2


@dataclass(frozen=True)
class Estimate:
    """`parts`: bytes by part at the largest moment, which is in `phase`; `phases`: the peak of each phase."""

    parts: Mapping[str, int]
    phase: str
    phases: Mapping[str, int]

    @property
    def total(self) -> int:
        """Bytes at the peak: the sum of the parts."""
        return sum(self.parts.values())

    @property
    def needed(self) -> int:
        """Bytes that must be free: pages of the file that is read count to the process, but give way."""
        return max(size for name, size in self.phases.items() if name != "loading")

    @property
    def loading(self) -> int:
        """Bytes at the peak of loading the model."""
        return self.phases["loading"]


def estimate(shape: Shape, tuning: Tuning, work: Work) -> Estimate:
    """The peak of a run, beyond what Python and torch hold once they are imported."""
    phases = {
        "loading": _loading(shape, tuning, work),
        "backward": _states(shape, tuning, work) | _moment(shape, tuning, work),
        "step": _states(shape, tuning, work) | {"scratch": _step_scratch(shape, tuning, work)},
    }
    if work.rollouts:
        phases["rollouts"] = _states(shape, tuning, work) | {"cache": cache_bytes(shape, work)}
    process = PROCESS if work.device == "cpu" else WORKSPACE
    totals = {name: sum(parts.values()) + process for name, parts in phases.items()}
    phase = max(totals, key=lambda name: totals[name])
    parts = phases[phase] | {"process": process}
    return Estimate({name: parts[name] for name in TITLES if parts.get(name)}, phase, totals)


def cache_bytes(shape: Shape, work: Work) -> int:
    """Keys and values of all rollouts; room is made in steps of 64 tokens."""
    length = -(-work.rollout_tokens // 64) * 64
    return 2 * shape.layers * work.rollouts * length * shape.kv_rows * BYTES[work.dtype]


def weight_bytes(shape: Shape, tuning: Tuning, dtype: Dtype) -> int:
    """The model's weights as they are held; with `tuning.bits` the layers' matrices are quantized."""
    matrices = shape.layers * layer_matrices(shape)
    if not tuning.bits:
        return parameters(shape) * BYTES[dtype]
    return (parameters(shape) - matrices) * BYTES[dtype] + round(matrices * tuning.bits / 8)


def _states(shape: Shape, tuning: Tuning, work: Work) -> dict[str, int]:
    """What lies there all the time: in float32 a weight is its own master."""
    narrow = BYTES[work.dtype] < 4
    matrices = tuning.own_matrices + tuning.added_matrices if work.optimizer == "muon" else 0
    return {
        "weights": weight_bytes(shape, tuning, work.dtype),
        "masters": 4 * tuning.added + (4 * tuning.own if narrow else 0),
        "gradients": 4 * tuning.moving,
        "moments": 8 * tuning.moving - 4 * matrices,
        "reference": parameters(shape) * BYTES[work.dtype] if work.reference == "copy" else 0,
    }


def _loading(shape: Shape, tuning: Tuning, work: Work) -> dict[str, int]:
    size = BYTES[work.file_dtype or work.dtype]
    if work.device == "cuda":  # the file is mapped into the machine's memory; one matrix at a time reaches the card
        return {"weights": weight_bytes(shape, tuning, work.dtype), "file": shape.hidden * shape.intermediate * size}
    return {"weights": weight_bytes(shape, tuning, work.dtype), "file": parameters(shape) * size}


def _moment(shape: Shape, tuning: Tuning, work: Work) -> dict[str, int]:
    records = max(1, work.tokens // max(1, work.longest))
    tokens = work.tokens + records * tuning.virtual
    batch = Batch(
        tokens=tokens,
        rows=round(work.tokens * work.targets),
        longest=work.longest + tuning.virtual + tuning.prefix,
        size=BYTES[work.dtype],
        checkpointing=work.checkpointing,
        on_gpu=work.device == "cuda",
        threads=work.threads,
        records=records,
    )
    moment = largest_moment(shape, tuning, batch)
    return {
        "activations": moment.activations,
        "attention": moment.attention,
        "logits": moment.logits,
        "scratch": moment.scratch,
    }


def _step_scratch(shape: Shape, tuning: Tuning, work: Work) -> int:
    """Muon makes one matrix orthogonal at a time: four of its size, and four squares of its narrower side."""
    if work.optimizer != "muon" or not tuning.own_matrices:
        return 0
    sizes = [(shape.intermediate, shape.hidden), *linears(shape).values()]
    outputs, inputs = max((one for one in sizes if one[0] != 2 * shape.intermediate), key=lambda one: one[0] * one[1])
    return 4 * (4 * outputs * inputs + 4 * min(outputs, inputs) ** 2)
