"""Frequencies of rotary position embeddings, and their cosines and sines for given positions.

Kinds: `default` (RoFormer, arXiv 2104.09864), `linear` (positions divided by a factor), `dynamic` (NTK-aware base that
grows with the record's length), `llama3` (low frequencies divided, smooth between), `yarn` (arXiv 2309.00071) and
`longrope` (arXiv 2402.13753: one list of factors for short records, one for long).  `dynamic` and `longrope` depend on
the length of a record, not of a batch, so that packing changes nothing.

Not covered: interleaved rotation (GLM, GPT-J) and multi-axis rotation of vision models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from tuneloop.models.shape import Rope

BY_LENGTH = ("dynamic", "longrope")


def tables(
    rope: Rope, positions: torch.Tensor, lengths: Sequence[int], reach: Sequence[int] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines, each [T, dim/2] float32, for the tokens of records of the given lengths.

    `reach` is how long each record may become, where it is still being written (None: it is whole).
    """
    frequencies, scale = frequencies_for(rope, 0)
    angles = positions[:, None].float() * frequencies.to(positions.device)
    reach = reach or lengths
    if rope.kind in BY_LENGTH and max(reach, default=0) > _turning_point(rope):
        start = 0
        for length, whole in zip(lengths, reach, strict=True):
            if whole > _turning_point(rope):
                own = frequencies_for(rope, whole)[0].to(positions.device)
                angles[start : start + length] = positions[start : start + length, None].float() * own
            start += length
    return angles.cos().mul_(scale), angles.sin().mul_(scale)


def reaching(rope: Rope, reach: int) -> tuple[torch.Tensor, float]:
    """[dim/2] frequencies of a record that may become `reach` tokens long, and the factor, as `tables` has them."""
    grown = rope.kind in BY_LENGTH and reach > _turning_point(rope)
    return frequencies_for(rope, reach if grown else 0)[0], frequencies_for(rope, 0)[1]


def frequencies_for(rope: Rope, length: int) -> tuple[torch.Tensor, float]:
    """[dim/2] float32 angular frequencies for a record of `length` tokens, and the factor on cosines and sines."""
    if rope.kind == "dynamic":
        return _plain(_grown_base(rope, length), rope.dim), 1.0
    plain = _plain(rope.theta, rope.dim)
    if rope.kind == "linear":
        return plain / rope.options["factor"], 1.0
    if rope.kind == "llama3":
        return _llama3(plain, rope), 1.0
    if rope.kind == "yarn":
        return _yarn(plain, rope), _yarn_scale(rope)
    if rope.kind == "longrope":
        name = "long_factor" if length > rope.options["original_max_position_embeddings"] else "short_factor"
        factors = torch.tensor(rope.options[name], dtype=torch.float32)
        exponents = torch.arange(0, rope.dim, 2, dtype=torch.float32) / rope.dim
        return 1.0 / (factors * rope.theta**exponents), _longrope_scale(rope)
    return plain, 1.0


def _plain(theta: float, dim: int) -> torch.Tensor:
    return 1.0 / torch.tensor(theta) ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)


def _turning_point(rope: Rope) -> int:
    if rope.kind == "longrope":
        return int(rope.options["original_max_position_embeddings"])
    return rope.context


def _grown_base(rope: Rope, length: int) -> float:
    stretch = rope.options["factor"] * max(length, rope.context) / rope.context - (rope.options["factor"] - 1)
    return float(rope.theta * stretch ** (rope.dim / (rope.dim - 2)))


def _llama3(plain: torch.Tensor, rope: Rope) -> torch.Tensor:
    option = rope.options
    turns: torch.Tensor = plain * (option["original_max_position_embeddings"] / (2 * math.pi))
    low, high = option["low_freq_factor"], option["high_freq_factor"]
    keep: torch.Tensor = ((turns - low) / (high - low)).clamp(0, 1)
    return plain / float(option["factor"]) * (1 - keep) + plain * keep


def _yarn(plain: torch.Tensor, rope: Rope) -> torch.Tensor:
    option = rope.options
    trained = option["original_max_position_embeddings"]

    def dimension(rotations: float) -> float:
        return rope.dim * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(rope.theta))

    low, high = dimension(option.get("beta_fast") or 32), dimension(option.get("beta_slow") or 1)
    if option.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, rope.dim - 1)
    if low == high:
        high += 0.001  # the ramp needs a width
    interpolated = ((torch.arange(rope.dim // 2, dtype=torch.float32) - low) / (high - low)).clamp(0, 1)
    return plain / _factor(rope) * interpolated + plain * (1 - interpolated)


def _yarn_scale(rope: Rope) -> float:
    option = rope.options
    if option.get("attention_factor") is not None:
        return float(option["attention_factor"])

    def growth(weight: float) -> float:
        return 1.0 if _factor(rope) <= 1 else 0.1 * weight * math.log(_factor(rope)) + 1.0

    if option.get("mscale") and option.get("mscale_all_dim"):
        return growth(option["mscale"]) / growth(option["mscale_all_dim"])
    return growth(1.0)


def _longrope_scale(rope: Rope) -> float:
    if rope.options.get("attention_factor") is not None:
        return float(rope.options["attention_factor"])
    factor = _factor(rope)
    if factor <= 1:
        return 1.0
    return math.sqrt(1 + math.log(factor) / math.log(rope.options["original_max_position_embeddings"]))


def _factor(rope: Rope) -> float:
    if rope.options.get("factor") is not None:
        return float(rope.options["factor"])
    return rope.context / float(rope.options["original_max_position_embeddings"])
