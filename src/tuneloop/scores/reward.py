"""Rewards of reinforcement training: metrics and judges, weighted and added.

    rewards = Rewards.of(["number", {"name": "length", "most": 200, "weight": 0.2}], workspace)
    scored = rewards.score([Answered(messages, answer, reference), …])
    scored.totals[i] = sum over rewards of weight · scored.parts[name][i]

Every value is checked: a reward that fails, or gives no finite number, is told by its name with question and answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from tuneloop.errors import InputError, SettingError, TuneloopError, Where, nearest
from tuneloop.scores.judge import Answered, Judge, judges
from tuneloop.scores.metric import Metric, metrics

if TYPE_CHECKING:
    import torch

    from tuneloop.store import Workspace

Spec = str | Mapping[str, Any]
"""A metric or judge as recipes write it, with `weight` (1 when left out) among its settings."""


@dataclass(frozen=True)
class Scored:
    """`parts[name][i]` is what one reward gives answer i, before its weight."""

    totals: list[float]
    parts: dict[str, list[float]]


@dataclass(frozen=True)
class Reward:
    """One metric or judge with its weight; `name` is the member's, numbered where it stands twice (`pattern_2`)."""

    name: str
    weight: float
    source: Metric | Judge

    def score(self, items: Sequence[Answered]) -> list[float]:
        """One finite number per answer; raises a TuneloopError that names this reward for everything else."""
        if isinstance(self.source, Judge):
            return self._judged(self.source, items)
        return [self._finite(self._scored(self.source, item), item) for item in items]

    def _scored(self, metric: Metric, item: Answered) -> object:
        if metric.compares and not item.reference:
            raise InputError(
                f"the reward {self.name!r} needs a reference, and the question {_short(item.question)} has none",
                do="Give these questions a reference answer, or take a reward that needs none",
            )
        try:
            return metric.score(item.answer, item.reference)
        except MemoryError:
            raise
        except Exception as error:  # a third party's code may raise anything
            raise self._failed(error, f"on {_told(item)}") from error

    def _judged(self, judge: Judge, items: Sequence[Answered]) -> list[float]:
        try:
            values: object = judge.score_all(items)
        except MemoryError:
            raise
        except Exception as error:  # a third party's code may raise anything
            if type(error).__name__ == "OutOfMemoryError":  # torch's, told by whoever runs the training
                raise
            raise self._failed(error, f"on {len(items)} answers, the first to {_told(items[0])}") from error
        if not isinstance(values, Sequence) or len(values) != len(items):
            found = f"{len(values)} values" if isinstance(values, Sequence) else repr(values)[:80]
            raise TuneloopError(f"the reward {self.name!r} gave {found} for {len(items)} answers", expected="one each")
        return [self._finite(value, item) for value, item in zip(values, items, strict=True)]

    def _finite(self, value: object, item: Answered) -> float:
        if isinstance(value, SupportsFloat) and not isinstance(value, str):
            number = float(value)
            if math.isfinite(number):
                return number
        raise TuneloopError(
            f"the reward {self.name!r} gave {value!r:.80} on {_told(item)}",
            expected="a finite number",
            do="Mend the reward, or leave it out",
        )

    def _failed(self, error: Exception, where: str) -> TuneloopError:
        """What a reward raised as a sentence that names it."""
        if isinstance(error, TuneloopError):
            return type(error)(
                f"the reward {self.name!r} failed: {error.message}",
                expected=error.expected,
                where=error.where,
                do=error.do,
            )
        return TuneloopError(
            f"the reward {self.name!r} failed ({type(error).__name__}: {error}) {where}",
            do="Mend the reward, or leave it out",
        )


class Rewards:
    """Several rewards as one."""

    def __init__(self, rewards: Sequence[Reward]) -> None:
        self.rewards = tuple(rewards)

    @classmethod
    def of(
        cls,
        specs: Sequence[Spec],
        workspace: Workspace | None = None,
        *,
        device: torch.device | str = "cpu",
        file: str | Path | None = None,
        path: str = "rewards",
    ) -> Rewards:
        """From `number`, or `{name: number, weight: 0.5, …}`; judges find model versions in the workspace.

        `file` and `path` say in an error where the specs stood.  Nothing is loaded before the first score.
        """
        if not specs:
            raise SettingError(
                "no rewards", expected="at least one metric or judge", where=Where(file=file, field=path)
            )
        made: list[Reward] = []
        for place, spec in enumerate(specs):
            own = f"{path}.{place}"
            weight, rest = _weight(spec, file, own)
            source = _member(rest, file, own)
            if isinstance(source, Judge):
                source.within(workspace, device)
            same = sum(one.source.name == source.name for one in made)
            made.append(Reward(f"{source.name}_{same + 1}" if same else source.name, weight, source))
        return cls(made)

    def score(self, items: Sequence[Answered]) -> Scored:
        """All rewards of all answers; raises a TuneloopError that names reward, question and answer."""
        if not items:
            return Scored([], {reward.name: [] for reward in self.rewards})
        parts = {reward.name: reward.score(items) for reward in self.rewards}
        weights = [reward.weight for reward in self.rewards]
        totals = [
            math.fsum(weight * value for weight, value in zip(weights, values, strict=True))
            for values in zip(*parts.values(), strict=True)
        ]
        return Scored(totals, parts)

    def counts(self) -> dict[str, int]:
        """What the judges count, as `local.unreadable`."""
        return {
            f"{reward.name}.{name}": count
            for reward in self.rewards
            if isinstance(reward.source, Judge)
            for name, count in reward.source.counts().items()
        }


def _weight(spec: Spec, file: str | Path | None, path: str) -> tuple[float, Spec]:
    if isinstance(spec, str) or not isinstance(spec, Mapping):
        return 1.0, spec
    weight = spec.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight) or not weight:
        raise SettingError(
            f"found {weight!r}",
            expected="a number other than 0; below 0 it is a penalty",
            where=Where(file=file, field=f"{path}.weight"),
        )
    return float(weight), {key: value for key, value in spec.items() if key != "weight"}


def _member(spec: Spec, file: str | Path | None, path: str) -> Metric | Judge:
    name = spec if isinstance(spec, str) else spec.get("name") if isinstance(spec, Mapping) else None
    where = Where(file=file, field=path)
    if not isinstance(name, str):
        raise SettingError(f"found {spec!r}", expected="the name of a metric or judge", where=where)
    if name in metrics.names():
        return metrics.create(spec, file=file, path=path)
    if name in judges.names():
        return judges.create(spec, file=file, path=path)
    hint = nearest(name, [*metrics.names(), *judges.names()])
    raise SettingError(f"no metric or judge is called {name!r}", where=where, do=hint[0].upper() + hint[1:])


def _told(item: Answered) -> str:
    return f"the question {_short(item.question)}, answered {_short(item.answer)}"


def _short(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}…")
