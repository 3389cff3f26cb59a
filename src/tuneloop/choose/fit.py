"""What a base would take on a machine: bytes at the peak and hours a pass, for each way of tuning that can be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tuneloop.choose.machine import Machine
from tuneloop.choose.seen import Seen
from tuneloop.models import duration, memory, tunings
from tuneloop.models.catalogue import Listed
from tuneloop.models.memory import Estimate, Work
from tuneloop.models.shape import Shape
from tuneloop.models.shape_from import from_figures
from tuneloop.models.tunings import Tuning

RANK = 16
TUNINGS: Mapping[str, Callable[[Shape], Tuning]] = {
    "full": tunings.full,
    "lora": lambda shape: tunings.lora(shape, RANK),
    "qlora": lambda shape: tunings.qlora(shape, RANK),
    "freeze": lambda shape: tunings.freeze(shape, max(1, shape.layers // 4)),
    "bottleneck": lambda shape: tunings.bottleneck(shape, 64),
    "prefix": lambda shape: tunings.prefix(shape, 16),
    "prompt": lambda shape: tunings.prompt(shape, 16),
    "p_tuning": lambda shape: tunings.p_tuning(shape, 16, shape.hidden),
}
"""What each tuner moves at its usual settings; one that is not here is taken for LoRA."""
NAMES = ("hidden", "layers", "heads", "kv_heads", "head_dim", "intermediate", "vocab", "tied")
USUAL_LENGTH, MICRO = 1024, 4096
"""Tokens of the longest record where no data says it, and of one forward pass as training's default has it."""
FULL_SHARE = 0.75
"""Full tuning is chosen only where it leaves a quarter of the room."""
COMPARING = ("dpo", "kto", "ppo", "grpo")
"""Objectives that ask a reference model."""
HOLDING = ("ppo", "grpo")
"""Of these, those that ask it throughout the run: full tuning then holds it a second time. The others ask it once."""


@dataclass(frozen=True)
class Plan:
    """One way of tuning one base: the recipe settings that it stands for, and what it takes."""

    tuner: str
    settings: Mapping[str, Any]
    tuning: Tuning
    work: Work
    estimate: Estimate
    hours: float | None = None

    @property
    def bytes(self) -> int:
        return self.estimate.total


@dataclass(frozen=True)
class Conditions:
    """What the estimates of all bases share: `rate` is GFLOP/s of the machine (None: not measured); `tuners` in the
    order in which they are tried; `asked` where somebody named the tuner."""

    machine: Machine
    seen: Seen
    objective: str | None
    longest: int
    dtype: memory.Dtype
    rate: float | None = None
    tuners: Sequence[str] = field(default=("lora",))
    asked: bool = False


def shape_of(model: Listed) -> Shape | None:
    """The shape for the estimate; None where the number of parameters is not known.

    In a mixture of experts every expert's weights lie in memory, so the MLP is made as wide as all of them together.
    """
    parameters = model.get("parameters")
    figures = {name: model.get(name) for name in NAMES}
    if model.get("active") or model.get("architecture") == "mixture of experts":
        figures["intermediate"] = None
    if parameters is None:
        return None
    return from_figures(parameters, **figures, context=model.get("context"))


def plans(shape: Shape, given: Conditions) -> Iterator[Plan]:
    """Ways to tune, from the most roomy to the most sparing; of a tuner that does not even fit with every saving, that
    one way alone."""
    for tuner in given.tuners:
        *roomy, sparing = _savings(given)
        least = plan(shape, tuner, sparing, given)
        if _fits(least, given):
            yield from (plan(shape, tuner, settings, given) for settings in roomy)
        yield least


def plan(shape: Shape, tuner: str, settings: Mapping[str, Any], given: Conditions) -> Plan:
    """The estimate of one tuner with recipe settings (`gradient_checkpointing`, `micro_tokens`, `max_length`)."""
    tuning = TUNINGS.get(tuner, TUNINGS["lora"])(shape)
    longest = min(given.longest, settings.get("max_length", given.longest))
    reference: memory.Reference = "none"
    if given.objective in COMPARING:
        reference = "copy" if tuning.own and given.objective in HOLDING else "same"
    micro = settings.get("micro_tokens", MICRO)
    work = Work(
        dtype=given.dtype,
        tokens=max(longest, min(micro, given.seen.tokens) if given.seen.tokens else micro),
        longest=longest,
        targets=1.0 if given.seen.kind in (None, "text") else 0.5,
        checkpointing=bool(settings.get("gradient_checkpointing")),
        file_dtype="bfloat16",
        reference=reference,
        device=given.machine.device,
        threads=given.machine.cores,
    )
    estimate = memory.estimate(shape, tuning, work)
    hours = None
    if given.rate and given.seen.tokens:
        hours = given.seen.tokens / duration.tokens_per_second(shape, tuning, work, given.rate) / 3600
    return Plan(tuner, dict(settings), tuning, work, estimate, hours)


def best(shape: Shape, given: Conditions) -> tuple[Plan, bool]:
    """The first plan that fits, or the most sparing one and False; where the machine's memory is unknown the first."""
    last: Plan | None = None
    for one in plans(shape, given):
        if _fits(one, given):
            return one, True
        if last is None or one.bytes < last.bytes:
            last = one
    assert last is not None
    return last, False


def _fits(one: Plan, given: Conditions) -> bool:
    share = FULL_SHARE if one.tuner == "full" and not given.asked else 1.0
    return given.machine.room is None or one.bytes <= given.machine.room * share


def shorter(shape: Shape, one: Plan, given: Conditions) -> Plan:
    """The same with records cut to half."""
    half = max(16, given.longest // 2)
    settings = {**one.settings, "max_length": half, "micro_tokens": min(MICRO, half)}
    return plan(shape, one.tuner, settings, replace(given, longest=half))


def _savings(given: Conditions) -> Iterator[dict[str, Any]]:
    """Settings that save memory without changing what is learnt, from none to all."""
    yield {}
    micro = max(512, given.longest)
    if micro < MICRO:
        yield {"micro_tokens": micro}
    yield {"gradient_checkpointing": True} | ({"micro_tokens": micro} if micro < MICRO else {})
