"""From the answers of two models to the numbers of a report, with their intervals, in all and per language.

The numbers lie flat, as `Report.metrics` keeps them: `metrics[arm][name]`, where arm is `base`, `tuned`, `difference`
(tuned minus base) or `counts`, and a name may carry an interval's end and a group: `char_f1`, `char_f1.low`,
`char_f1@zh`, `char_f1.high@zh`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuneloop.scores.interval import Interval, of_difference, of_shares

Arm = str
ARMS: tuple[Arm, ...] = ("base", "tuned")
Metrics = Mapping[str, Mapping[str, float]]
FEW = 30
"""Below this many questions a report says that its intervals are wide."""


@dataclass(frozen=True)
class Scored:
    """`scores[arm][metric][question]`, and the group of each question."""

    groups: Sequence[str]
    scores: Mapping[Arm, Mapping[str, Sequence[float]]]


def summed_up(scored: Scored, seed: int) -> dict[str, dict[str, float]]:
    """Means and intervals of all metrics, in all and per group where there are two groups or more."""
    found: dict[str, dict[str, float]] = {arm: {} for arm in (*ARMS, "difference")}
    groups = sorted(set(scored.groups))
    for group in (None, *(groups if len(groups) > 1 else ())):
        places = [place for place, own in enumerate(scored.groups) if group in (None, own)]
        suffix = "" if group is None else f"@{group}"
        for metric in scored.scores[ARMS[0]] if places else ():
            values = {arm: [scored.scores[arm][metric][place] for place in places] for arm in ARMS}
            for arm in ARMS:
                _put(found[arm], metric, suffix, of_shares(values[arm], seed=seed))
            difference = of_difference(values["tuned"], values["base"], seed=seed)
            _put(found["difference"], metric, suffix, difference)
    return found


def _put(into: dict[str, float], metric: str, suffix: str, interval: Interval) -> None:
    into[f"{metric}{suffix}"] = interval.mean
    into[f"{metric}.low{suffix}"] = interval.low
    into[f"{metric}.high{suffix}"] = interval.high


def interval_of(metrics: Metrics, arm: Arm, metric: str, group: str = "") -> Interval | None:
    """A metric's interval as a report keeps it; None where it was not measured."""
    suffix = f"@{group}" if group else ""
    values = metrics.get(arm, {})
    if f"{metric}.low{suffix}" not in values:
        return None
    count = int(metrics.get("counts", {}).get(f"questions{suffix}", 0))
    mean, low, high = (values[f"{metric}{part}{suffix}"] for part in ("", ".low", ".high"))
    return Interval(mean, low, high, count)


def names(metrics: Metrics) -> list[str]:
    """The text metrics of a report, in the recipe's order."""
    return [name.removesuffix(".low") for name in metrics.get("tuned", {}) if name.endswith(".low")]


def groups(metrics: Metrics) -> list[str]:
    """The groups that a report tells apart."""
    counts = metrics.get("counts", {})
    return [name.partition("@")[2] for name in counts if name.startswith("questions@")]
