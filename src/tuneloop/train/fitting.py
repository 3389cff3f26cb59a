"""Whether a run fits into memory: estimated before, measured after, and what to change where it does not.

    foreseen(lm, recipe, facts)            before the data is encoded: what `--dry-run` shows, and pace(…) the time
    Watch(device)                          made before anything is loaded; knows what is free, and measures growth
    watch.expect(lm, …, batches)           the estimate for the run's own batches; refuses what cannot fit
    watch.outcome()                        estimate beside measured peak, when the run has ended

Models that run on transformers have no estimate: it is made from our decoder's operations.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tuneloop.errors import TuneloopError
from tuneloop.models.duration import machine_rate, tokens_per_second
from tuneloop.models.memory import BYTES, TITLES, Dtype, Estimate, Work, estimate
from tuneloop.models.remedies import remedies
from tuneloop.models.room import Growth, compared, free, size
from tuneloop.models.shape import Shape
from tuneloop.models.sharing import beginnings
from tuneloop.models.tunings import Tuning
from tuneloop.train.objective import objectives
from tuneloop.train.tuner import Tuner, tuners
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.batches import Batches
    from tuneloop.train.defaults import Facts
    from tuneloop.train.recipe import TrainRecipe

SWITCH = "TUNELOOP_FIT"
"""`off` in this environment variable trains also what is estimated not to fit."""
ERROR = 0.15
"""How far an estimate may be off: what is beyond it by more is refused, what is near is warned of."""
LOOKED_AT = 500  # steps in which the largest micro-batch is looked for
TOLD = 0.01  # parts below this share of the total are not named
OFFERED = 4  # changes that a sentence names

EXPECTED = Words("Memory: about {total} ({parts})", "内存：约 {total}（{parts}）")
TIGHT = Words(
    "Training is estimated to take {needed}, and {free} are free: it may run out of memory. {changes}",
    "训练预计占用 {needed}，可用内存 {free}：可能内存不足。{changes}",
)
PACE = Words(
    "Time: about {time} for {tokens} tokens, {speed} a second (matrix products alone, at the rate of this machine now)",
    "时间：{tokens} 个词元约需 {time}，每秒 {speed} 个（只按本机当前的矩阵乘法速度估算）",
)
CHANGE = Words("Change one of: {changes}", "可修改其中一项：{changes}")


@dataclass(frozen=True)
class Expected:
    """An estimate with what it was made from."""

    shape: Shape
    tuning: Tuning
    work: Work

    @property
    def estimate(self) -> Estimate:
        return estimate(self.shape, self.tuning, self.work)

    def words(self) -> Words:
        found = self.estimate
        largest = sorted(found.parts.items(), key=lambda part: -part[1])
        parts = [(TITLES[name], size(count)) for name, count in largest if count >= found.total * TOLD]
        joined = Words(
            ", ".join(f"{title.en} {count}" for title, count in parts),
            "，".join(f"{title.zh} {count}" for title, count in parts),
        )
        return EXPECTED.format(total=size(found.total), parts=joined)

    def changes(self, room: int) -> Words:
        """What brings it below `room` bytes, or nearer."""
        found = [one.words for one in remedies(self.shape, self.tuning, self.work, room)[:OFFERED]]
        joined = Words("; ".join(one.en for one in found), "；".join(one.zh for one in found))
        return CHANGE.format(changes=joined) if found else Words("", "")

    def as_dict(self) -> dict[str, Any]:
        found = self.estimate
        return {"estimated": found.total, "needed": found.needed, "phase": found.phase, "parts": dict(found.parts)}


def foreseen(lm: LanguageModel, recipe: TrainRecipe, facts: Facts) -> Expected | None:
    """The estimate from a sample of the data; None where there is none for this model or tuner."""
    longest = min(recipe.max_length or facts.longest, facts.longest)
    step = recipe.batch_tokens or (recipe.batch or 1) * facts.tokens // max(1, facts.examples)
    tokens = max(longest, min(recipe.micro_tokens or step, step))
    targets = 0.5 if facts.kinds.get("text", 0) < facts.examples else 1.0
    return _expected(lm, tuners.create(recipe.tuner or ""), recipe, tokens, longest, targets)


def pace(expected: Expected, recipe: TrainRecipe, facts: Facts) -> Words:
    """How long training takes, validation and loading left out; measures the machine for a moment."""
    step = recipe.batch_tokens or (recipe.batch or 1) * facts.tokens / max(1, facts.examples)
    tokens = facts.tokens * (recipe.epochs or 1.0)
    tokens = min(tokens, recipe.max_steps * step) if recipe.max_steps else tokens
    work = expected.work
    rate = machine_rate(work.dtype, work.device)
    speed = tokens_per_second(expected.shape, expected.tuning, work, rate)
    return PACE.format(time=_time(tokens / speed), tokens=f"{round(tokens):,}", speed=f"{round(speed):,}")


def _time(seconds: float) -> Words:
    if seconds < 90:
        return Words("{count} s", "{count} 秒").format(count=max(1, round(seconds)))
    if seconds < 90 * 60:
        return Words("{count} min", "{count} 分钟").format(count=round(seconds / 60))
    return Words("{count:.1f} h", "{count:.1f} 小时").format(count=seconds / 3600)


def _expected(
    lm: LanguageModel, tuner: Tuner, recipe: TrainRecipe, tokens: int, longest: int, targets: float
) -> Expected | None:
    import torch

    tuning = tuner.footprint(lm.config) if lm.fast else None
    if tuning is None:
        return None
    objective = objectives.create(recipe.objective or "")
    optimizer = recipe.optimizer if isinstance(recipe.optimizer, str) else (recipe.optimizer or {}).get("name", "")
    dtype = cast(Dtype, str(lm.dtype).removeprefix("torch."))
    plain = Work(
        dtype=dtype,
        optimizer=str(optimizer),
        tokens=tokens,
        longest=longest,
        targets=targets,
        checkpointing=recipe.gradient_checkpointing,
        file_dtype=_file_dtype(lm),
        device="cuda" if lm.device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
    )
    work = objective.work(plain, recipe)
    if work.reference == "copy" and not tuning.own:  # taking the adapter off gives it
        work = replace(work, reference="same")
    return Expected(lm.config, tuning, work)


def _file_dtype(lm: LanguageModel) -> Dtype | None:
    """As the model's config names it; transformers has had two keys for it."""
    named = str(lm.settings.get("dtype") or lm.settings.get("torch_dtype") or "")
    return cast(Dtype, named) if named in BYTES else None


def largest(lm: LanguageModel, batches: Batches, steps: int) -> tuple[int, int, float]:
    """Tokens computed for the largest micro-batch, those of the longest sequence, and the share that are targets."""
    from tuneloop.train.batches import split

    examples, tokens, most = batches.examples, 0, np.arange(0)
    for step in range(min(steps, batches.steps_per_epoch, LOOKED_AT)):
        for part in split(batches.numbers(step), examples.lengths, batches.size.micro_tokens):
            if examples.lengths[part].sum() > tokens:
                tokens, most = int(examples.lengths[part].sum()), part
    if lm.shares and len(most):
        numbers = most.tolist()
        ids = np.concatenate([examples.ids(number) for number in numbers])
        tokens -= beginnings(ids, [length for number in numbers for length in examples.sequences(number)])[0]
    first, length = examples.index["first"], examples.lengths
    longest = int(max(first.max(), (length - first).max()))
    return tokens, longest, examples.counts.targets / max(1, examples.counts.tokens)


class Watch:
    """From before the model is loaded to the end of a run."""

    def __init__(self, device: str = "cpu") -> None:
        self.free, self.growth = free(device), Growth(device)
        self.expected: Expected | None = None

    def expect(
        self, lm: LanguageModel, tuner: Tuner, recipe: TrainRecipe, batches: Batches, steps: int
    ) -> Words | None:
        """Estimate; a warning where it is close.  Raises TuneloopError where it cannot fit."""
        self.expected = _expected(lm, tuner, recipe, *largest(lm, batches, steps))
        if self.expected is None or self.free is None:
            return None
        needed = self.expected.estimate.needed
        if needed * (1 - ERROR) > self.free and os.environ.get(SWITCH, "").strip().lower() != "off":
            raise TuneloopError(
                f"training is estimated to take {size(needed)} of memory, and {size(self.free)} are free",
                expected="a run that fits",
                do=f"{self.expected.changes(self.free).en}. To try it all the same, set {SWITCH}=off",
            )
        if needed * (1 + ERROR) > self.free:
            changes = self.expected.changes(self.free)
            return TIGHT.format(needed=size(needed), free=size(self.free), changes=changes)
        return None

    @contextmanager
    def telling(self) -> Generator[None]:
        """Turn the many ways of running out of memory into a sentence with numbers."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            raise self._out(error) from error

    def _out(self, error: BaseException) -> TuneloopError:
        found, where = self.growth.peak(), "" if self.free is None else f" of {size(self.free)} that were free"
        taken = "" if found is None else f" after taking {size(found)}{where}"
        if self.expected is None:
            return TuneloopError(f"out of memory{taken}", do="Take a smaller micro_tokens, or a smaller base")
        total = self.expected.estimate.total
        return TuneloopError(
            f"out of memory{taken}; training was estimated to take {size(total)}",
            do=self.expected.changes(min(found or total, self.free or total)).en,
        )

    def outcome(self) -> tuple[dict[str, Any], Words] | None:
        """Figures of estimate and measured peak, and the sentence; None where one of them is not known."""
        measured = self.growth.peak()
        if self.expected is None or not measured:
            return None
        figures = self.expected.as_dict()
        error = figures["estimated"] / measured - 1
        return figures | {"measured": measured, "error": error}, compared(figures["estimated"], measured)


def _is_memory(error: BaseException) -> bool:
    """Processors: "DefaultCPUAllocator: can't allocate memory"; cards: torch.OutOfMemoryError, "out of memory"."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text
