"""What a tuning moves, as neutral numbers: how many parameters, of which kind, and what the backward pass keeps for them.

One `Tuning` per way of tuning, made from a `Shape` by the function of that name; nothing here knows recipes, tuners or
torch.  The counts are exact for our decoder (tests hold them against real models).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tuneloop.models.shape import Shape

LINEAR = ("qkv", "o", "gate_up", "down")
"""The linear layers of a decoder's layer, as our decoder holds them (projections of one input are one matrix)."""
PROJECTIONS = {
    "q_proj": "qkv",
    "k_proj": "qkv",
    "v_proj": "qkv",
    "o_proj": "o",
    "gate_proj": "gate_up",
    "up_proj": "gate_up",
    "down_proj": "down",
}
ALL_LINEAR = tuple(PROJECTIONS)
NF4_BITS, INT8_BITS = 4.127, 8.1
"""Bits a quantized weight takes with its constants: NF4 with double quantization (blocks of 64, scales of 8 bits in
groups of 256), int8 with a float32 scale a row."""


@dataclass(frozen=True)
class Tuning:
    """What moves and what stays.

    own            parameters of the model itself that move (in the dtype of computation, with a float32 master)
    own_matrices   of these, in matrices inside layers (those an optimizer such as Muon treats apart)
    added          parameters that are added (float32), and `added_matrices` of these
    vocabulary     the embedding or the output matrix moves
    lowest         the first layer that gradients reach: below it nothing is kept
    kept           linear layers whose input the backward pass needs
    ranks          LoRA: per linear layer the sum of the ranks that lie on it
    bits           bits per stored number of the layers' frozen matrices; 0: as the dtype of computation
    virtual        tokens added to each record (prompt, prefix)
    extra_kept     further numbers kept per token and layer
    """

    name: str
    own: int = 0
    own_matrices: int = 0
    added: int = 0
    added_matrices: int = 0
    vocabulary: bool = False
    lowest: int = 0
    kept: frozenset[str] = frozenset()
    ranks: Mapping[str, int] = field(default_factory=dict)
    bits: float = 0.0
    virtual: int = 0
    extra_kept: int = 0

    @property
    def moving(self) -> int:
        return self.own + self.added


def full(shape: Shape) -> Tuning:
    """Every weight."""
    return Tuning(
        "full",
        own=parameters(shape),
        own_matrices=shape.layers * layer_matrices(shape),
        vocabulary=True,
        kept=frozenset(LINEAR),
    )


def freeze(shape: Shape, layers: int, *, vocabulary: bool = False) -> Tuning:
    """The last `layers` layers and the final norm; with `vocabulary` the embedding and output matrix too."""
    rest = parameters(shape) - shape.layers * layer_parameters(shape)
    own = layers * layer_parameters(shape) + (rest if vocabulary else shape.hidden)
    return Tuning(
        "freeze",
        own=own,
        own_matrices=layers * layer_matrices(shape),
        vocabulary=vocabulary,
        lowest=0 if vocabulary else shape.layers - layers,
        kept=frozenset(LINEAR),
    )


def lora(
    shape: Shape, rank: int, targets: Sequence[str] = ALL_LINEAR, *, dora: bool = False, bits: float = 0.0
) -> Tuning:
    """Rank `rank` on the projections `targets` of every layer; `bits` where the base is quantized (QLoRA)."""
    sizes = projections(shape)
    added = sum(rank * sum(sizes[name]) for name in targets)
    ranks: dict[str, int] = {}
    for name in targets:
        ranks[PROJECTIONS[name]] = ranks.get(PROJECTIONS[name], 0) + rank
    magnitudes = sum(sizes[name][0] for name in targets) if dora else 0
    return Tuning(
        "qlora" if bits else "lora",
        added=shape.layers * (added + magnitudes),
        added_matrices=shape.layers * added,
        kept=frozenset(ranks),
        ranks=ranks,
        bits=bits,
    )


def qlora(shape: Shape, rank: int, targets: Sequence[str] = ALL_LINEAR, *, bits: float = NF4_BITS) -> Tuning:
    """LoRA over a base whose layers' matrices are stored in 4 or 8 bits (arXiv 2305.14314)."""
    return lora(shape, rank, targets, bits=bits)


def bottleneck(shape: Shape, size: int, per_layer: int = 1) -> Tuning:
    """Adapters of width `size` (down, up, biases), `per_layer` of them: Pfeiffer 1, Houlsby 2."""
    matrices = per_layer * 2 * size * shape.hidden
    biases = per_layer * (size + shape.hidden)
    return Tuning(
        "bottleneck",
        added=shape.layers * (matrices + biases),
        added_matrices=shape.layers * matrices,
        extra_kept=per_layer * (shape.hidden + 2 * size),
    )


def prefix(shape: Shape, tokens: int) -> Tuning:
    """Keys and values of `tokens` virtual positions in every layer (arXiv 2101.00190), without reparametrization."""
    return Tuning("prefix", added=shape.layers * 2 * tokens * shape.kv_rows, virtual=tokens)


def prompt(shape: Shape, tokens: int) -> Tuning:
    """`tokens` trained embeddings before each record (arXiv 2104.08691)."""
    return Tuning("prompt", added=tokens * shape.hidden, virtual=tokens)


def p_tuning(shape: Shape, tokens: int, width: int) -> Tuning:
    """The same, made by a small network of three layers of `width` (arXiv 2103.10385)."""
    network = shape.hidden * width + width + width * width + width + width * shape.hidden + shape.hidden
    return Tuning("p_tuning", added=tokens * shape.hidden + network, virtual=tokens)


def projections(shape: Shape) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of each projection of a layer."""
    return {
        "q_proj": (shape.q_rows, shape.hidden),
        "k_proj": (shape.kv_rows, shape.hidden),
        "v_proj": (shape.kv_rows, shape.hidden),
        "o_proj": (shape.hidden, shape.q_rows),
        "gate_proj": (shape.intermediate, shape.hidden),
        "up_proj": (shape.intermediate, shape.hidden),
        "down_proj": (shape.hidden, shape.intermediate),
    }


def linears(shape: Shape) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of each linear layer as our decoder holds it."""
    return {
        "qkv": (shape.q_rows + 2 * shape.kv_rows, shape.hidden),
        "o": (shape.hidden, shape.q_rows),
        "gate_up": (2 * shape.intermediate, shape.hidden),
        "down": (shape.hidden, shape.intermediate),
    }


def layer_matrices(shape: Shape) -> int:
    return sum(outputs * inputs for outputs, inputs in linears(shape).values())


def layer_parameters(shape: Shape) -> int:
    biases = (
        (shape.q_rows + 2 * shape.kv_rows) * shape.qkv_bias
        + shape.hidden * shape.o_bias
        + (2 * shape.intermediate + shape.hidden) * shape.mlp_bias
    )
    norms = (4 if shape.after_norm else 2) * shape.hidden + 2 * shape.head_dim * shape.head_norm
    return layer_matrices(shape) + biases + norms


def parameters(shape: Shape) -> int:
    """All weights of the model, tied ones once."""
    vocabulary = shape.vocab * shape.hidden * (1 if shape.tied else 2)
    return vocabulary + shape.hidden + shape.layers * layer_parameters(shape)
