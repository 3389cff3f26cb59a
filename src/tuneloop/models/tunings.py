"""What a tuning moves, as neutral numbers: how many parameters, and what the backward pass keeps for them.

One `Tuning` per way of tuning, made from a `Shape` by the function of that name; nothing here knows recipes, tuners or
torch.  The counts are exact for our decoder (tests hold them against real models).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
BITS: Mapping[str, float] = {"nf4": 4 + 32 / 64, "nf4-double": 4 + 8 / 64 + 32 / (64 * 256), "int8": 8.03}
"""Bits that a quantized weight takes with its constants (`quantized.py`); int8 has 32 a row, here of about 1,000."""
NF4_BITS, INT8_BITS = BITS["nf4-double"], BITS["int8"]
LAYER_PARTS = ("attention", "mlp", "norms")


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
    virtual        rows added before each record in all layers (prompt)
    prefix         keys and values added before each record in each layer
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
    prefix: int = 0
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


def freeze(shape: Shape, layers: int | Iterable[int], parts: Collection[str] = LAYER_PARTS) -> Tuning:
    """The last `layers` layers, or those of these numbers; `parts` of them, and `embeddings` and `head` beside them.

    The last norm counts to the last layer.
    """
    chosen = set(range(shape.layers - layers, shape.layers) if isinstance(layers, int) else layers)
    attention, mlp, norms = (part in parts for part in LAYER_PARTS)
    sizes = linears(shape)
    moved = {name for name in LINEAR if (attention if name in ("qkv", "o") else mlp)}
    matrices = sum(sizes[name][0] * sizes[name][1] for name in moved)
    biases = sum(sizes[name][0] for name in moved if _has_bias(shape, name))
    own = len(chosen) * (matrices + biases + _norms(shape) * norms)
    own += shape.hidden * (norms and shape.layers - 1 in chosen)
    embeddings = "embeddings" in parts or (shape.tied and "head" in parts)
    table = shape.vocab * shape.hidden
    own += table * embeddings + table * ("head" in parts and not shape.tied)
    return Tuning(
        "freeze",
        own=own,
        own_matrices=len(chosen) * matrices,
        vocabulary=embeddings or "head" in parts,
        lowest=0 if embeddings else min(chosen, default=shape.layers - 1),
        kept=frozenset(moved),
    )


def lora(
    shape: Shape, rank: int, targets: Sequence[str] = ALL_LINEAR, *, dora: bool = False, bits: float = 0.0
) -> Tuning:
    """Rank `rank` on the projections `targets` of every layer; `bits` where the base is quantized (QLoRA).

    DoRA keeps each adapted layer's output as well, for the gradient of its magnitudes.
    """
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
        extra_kept=sum(linears(shape)[name][0] for name in ranks) if dora else 0,
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


def prefix(shape: Shape, tokens: int, width: int = 0) -> Tuning:
    """Keys and values of `tokens` positions in every layer (arXiv 2101.00190); with a `width` made by a network of so
    many hidden units from rows of their own."""
    made = 2 * shape.kv_rows * shape.layers
    if not width:
        return Tuning("prefix", added=tokens * made, prefix=tokens)
    matrices = shape.kv_rows * width + width * made
    return Tuning("prefix", added=tokens * shape.kv_rows + matrices + width + made, prefix=tokens)


def prompt(shape: Shape, tokens: int) -> Tuning:
    """`tokens` trained embeddings before each record (arXiv 2104.08691)."""
    return Tuning("prompt", added=tokens * shape.hidden, virtual=tokens)


def p_tuning(shape: Shape, tokens: int, width: int, *, lstm: int = 0) -> Tuning:
    """The same, made by a network of three layers of `width` (arXiv 2103.10385), or by an LSTM of `lstm` layers in both
    directions with two layers behind it."""
    hidden = shape.hidden
    if lstm:
        inputs = [hidden] + [2 * width] * (lstm - 1)
        cells = sum(2 * (4 * width * (one + width) + 8 * width) for one in inputs)
        network = cells + 2 * width * 2 * width + 2 * width + 2 * width * hidden + hidden
    else:
        network = hidden * width + width + width * width + width + width * hidden + hidden
    return Tuning("p_tuning", added=tokens * hidden + network, virtual=tokens)


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
    biases = sum(outputs for name, (outputs, _) in linears(shape).items() if _has_bias(shape, name))
    return layer_matrices(shape) + biases + _norms(shape)


def _has_bias(shape: Shape, name: str) -> bool:
    return {"qkv": shape.qkv_bias, "o": shape.o_bias}.get(name, shape.mlp_bias)


def _norms(shape: Shape) -> int:
    """Weights of a layer's norms."""
    return (4 if shape.after_norm else 2) * shape.hidden + 2 * shape.head_dim * shape.head_norm


def parameters(shape: Shape) -> int:
    """All weights of the model, tied ones once."""
    vocabulary = shape.vocab * shape.hidden * (1 if shape.tied else 2)
    return vocabulary + shape.hidden + shape.layers * layer_parameters(shape)
