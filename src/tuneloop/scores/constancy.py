"""Whether rewards tell answers apart: where all answers to a question get the same, nothing can be learned from it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from tuneloop.wording import Words

_SAME = 1e-9
"""Differences up to this, relative to the larger value (or to 1), are rounding."""


@dataclass(frozen=True)
class Constancy:
    """Of `groups` groups of at least two answers, `same` had one total for all; `parts` tells it per reward.

    Add those of several steps to speak of many groups.
    """

    groups: int = 0
    same: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Constancy) -> Constancy:
        names = {**self.parts, **other.parts}
        parts = {name: self.parts.get(name, 0) + other.parts.get(name, 0) for name in names}
        return Constancy(self.groups + other.groups, self.same + other.same, parts)

    @property
    def share(self) -> float:
        return self.same / self.groups if self.groups else 0.0

    def warning(self) -> Words | None:
        """The sentence to show; None where every group had something to learn from."""
        if not self.same:
            return None
        told = Words(
            "The reward was the same for all answers in {same} of {groups} groups: nothing can be learned from them.",
            "{groups} 组中有 {same} 组的所有回答得到相同奖励，从这些组中学不到任何东西。",
        ).format(same=self.same, groups=self.groups)
        idle = [name for name, count in self.parts.items() if count == self.groups]
        if not idle:
            return told
        more = Words(
            " These rewards never told two answers apart: {names}.", "以下奖励从未区分出任何两个回答：{names}。"
        ).format(names=Words(", ".join(idle), "、".join(idle)))
        return Words(told.en + more.en, told.zh + more.zh)


def constancy(
    totals: Sequence[float], groups: Sequence[Hashable], parts: Mapping[str, Sequence[float]] | None = None
) -> Constancy:
    """`groups[i]` is the question of answer i (its number, or its messages); groups of one answer aren't counted."""
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    several = [found for found in places.values() if len(found) > 1]
    return Constancy(
        len(several),
        sum(_one_value(totals, found) for found in several),
        {name: sum(_one_value(values, found) for found in several) for name, values in (parts or {}).items()},
    )


def _one_value(values: Sequence[float], places: Sequence[int]) -> bool:
    found = [values[place] for place in places]
    return max(found) - min(found) <= _SAME * max(1.0, max(map(abs, found)))
