"""In which order the examples of an epoch come, and how often each group's.

Without quotas an epoch is every example once, shuffled.  With quotas each group gives its number of tokens to every
epoch: a group that is too small repeats (each pass shuffled anew), one that is too large is continued where the last
epoch left it.  The order is a pure function of (seed, epoch): a resumed run computes it again instead of saving it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from tuneloop.errors import SettingError, Where, nearest

Numbers = np.ndarray[Any, Any]
REPLAY = "replay"
"""The group of the general examples that a base brings along."""


def order(lengths: Numbers, groups: Numbers, quotas: Sequence[int] | None, seed: int, epoch: int) -> Numbers:
    """Example numbers in training order; `groups` holds each example's group, `quotas` tokens per epoch and group."""
    if quotas is None:
        return np.random.default_rng([seed, epoch]).permutation(len(lengths))
    chosen = [
        _stretch(np.flatnonzero(groups == group), lengths, quota, seed, group, epoch)
        for group, quota in enumerate(quotas)
    ]
    picked = np.concatenate(chosen)
    return picked[np.random.default_rng([seed, epoch]).permutation(len(picked))]


def _stretch(members: Numbers, lengths: Numbers, quota: int, seed: int, group: int, epoch: int) -> Numbers:
    """Tokens [epoch · quota, (epoch + 1) · quota) of the group's endless shuffled row, as example numbers."""
    size = int(lengths[members].sum())
    begin, end = epoch * quota, (epoch + 1) * quota
    found = [members[:0]]
    for turn in range(begin // size, -(-end // size)) if size else ():
        shuffled = members[np.random.default_rng([seed, 1 + group, turn]).permutation(len(members))]
        starts = turn * size + np.cumsum(lengths[shuffled]) - lengths[shuffled]
        found.append(shuffled[(starts >= begin) & (starts < end)])
    return np.concatenate(found)


def quotas(sizes: Mapping[str, int], mixture: Mapping[str, float] | None, replay: float) -> list[int] | None:
    """Tokens per epoch for each group of `sizes` (tokens by group, in the groups' order).

    An epoch holds as many tokens as the data (replay apart); `mixture` says how they are shared out, by name or
    pattern: groups under one pattern share by size, and a group that none names gets nothing.  `replay` is the share of
    the whole that the replay group takes on top.  None means that every example comes once.
    """
    own = {name: size for name, size in sizes.items() if name != REPLAY}
    if mixture is None and REPLAY not in sizes:
        return None
    wanted = dict(own) if mixture is None else _shared_out(own, mixture)
    extra = round(sum(own.values()) * replay / (1 - replay))
    return [extra if name == REPLAY else wanted[name] for name in sizes]


def _shared_out(sizes: Mapping[str, int], mixture: Mapping[str, float]) -> dict[str, int]:
    total, weight = sum(sizes.values()), sum(mixture.values())
    if weight <= 0 or min(mixture.values()) < 0:
        raise SettingError(f"found the weights {dict(mixture)}", expected="none below 0 and one above", where=_PLACE)
    wanted = dict.fromkeys(sizes, 0.0)
    for pattern, part in mixture.items():
        names = [name for name in sizes if fnmatchcase(name, pattern)]
        if not names:
            hint = nearest(pattern, sizes)
            raise SettingError(f"the data has no source {pattern!r}", where=_PLACE, do=hint[0].upper() + hint[1:])
        matched = sum(sizes[name] for name in names)
        for name in names:
            wanted[name] += total * (part / weight) * sizes[name] / matched
    return {name: round(size) for name, size in wanted.items()}


_PLACE = Where(field="mixture")


def repeats(sizes: Mapping[str, int], quota: Sequence[int] | None, epochs: float) -> dict[str, float]:
    """How many times each group's tokens are seen in a run: what a model card should state."""
    given = list(sizes.values()) if quota is None else quota
    return {
        name: part * epochs / size if size else 0.0 for (name, size), part in zip(sizes.items(), given, strict=True)
    }
