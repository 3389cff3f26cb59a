"""How well classes are told apart: figures over N examples of K classes, from the probability of each class.

    truth [N] int          the right class of each example, by its number
    probability [N, K]     what a model gives to each class; any score that rises with it will do for the areas

All are as scikit-learn defines them (its functions are the oracle of the tests).  A class that has no example, and is
never predicted either, stays out of the means.  Not covered: several labels on one example, weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuneloop.scores.interval import Interval

Numbers = np.ndarray[Any, Any]


def figures(truth: Numbers, probability: Numbers) -> dict[str, float]:
    """`accuracy`, `macro_f1`, `weighted_f1`, `auroc` and `auprc`.

    The areas of two classes are those of the second; of more, the means over each class against the rest.  They are
    left out where the examples are all of one class, as there is nothing to rank.
    """
    table = confusion(truth, probability.argmax(axis=1), probability.shape[1])
    f1, counted = f1_by_class(table), table.sum(axis=0) + table.sum(axis=1) > 0
    found = {
        "accuracy": float(np.trace(table) / table.sum()),
        "macro_f1": float(f1[counted].mean()),
        "weighted_f1": float(np.average(f1, weights=table.sum(axis=1))),
    }
    classes = [1] if probability.shape[1] == 2 else range(probability.shape[1])
    ranked = [(truth == one, probability[:, one]) for one in classes if 0 < np.count_nonzero(truth == one) < len(truth)]
    if ranked:
        found["auroc"] = float(np.mean([auroc(right, score) for right, score in ranked]))
        found["auprc"] = float(np.mean([auprc(right, score) for right, score in ranked]))
    return found


def confusion(truth: Numbers, predicted: Numbers, classes: int) -> Numbers:
    """[K, K] counts: rows are the right classes, columns the predicted ones."""
    found: Numbers = np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return found


def f1_by_class(table: Numbers) -> Numbers:
    """[K] F1 = 2 TP / (2 TP + FP + FN) of a confusion matrix; 0 for a class that is neither there nor predicted."""
    both = table.sum(axis=0) + table.sum(axis=1)
    found: Numbers = 2.0 * np.diag(table) / np.maximum(both, 1)
    return found


def auroc(right: Numbers, score: Numbers) -> float:
    """The probability that an example of the class scores above one of the rest, ties counting half (Mann-Whitney)."""
    positive = np.count_nonzero(right)
    negative = len(right) - positive
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1, the mean rank where scores are equal
    return float((ranks[right].sum() - positive * (positive + 1) / 2) / (positive * negative))


def auprc(right: Numbers, score: Numbers) -> float:
    """Average precision: the sum over thresholds of precision times the gain in recall, without interpolation."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(right[order])
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # one threshold for equal scores
    precision, recall = hits[ends] / (ends + 1), hits[ends] / hits[-1]
    return float(np.sum(precision * np.diff(recall, prepend=0.0)))


def majority(counts: Sequence[int], examples: int) -> Numbers:
    """[examples, K] probabilities of a classifier that knows how often each class came, and reads nothing."""
    found: Numbers = np.tile(np.asarray(counts) / sum(counts), (examples, 1))
    return found


def intervals(
    truth: Numbers, before: Numbers, after: Numbers, *, seed: int = 0, draws: int = 1000
) -> dict[str, tuple[Interval, Interval, Interval]]:
    """The 95 % intervals of `accuracy` and `macro_f1` for two classifiers' predictions [N], and of the difference.

    Percentile bootstrap over the examples, the same draws for both.
    """
    random, count = np.random.default_rng(seed), len(truth)
    classes = int(max(truth.max(), before.max(), after.max())) + 1
    drawn = np.array([
        [_measured(truth[chosen], predicted[chosen], classes) for predicted in (before, after)]
        for chosen in (random.integers(0, count, count) for _ in range(draws))
    ])  # fmt: skip
    means = np.array([_measured(truth, predicted, classes) for predicted in (before, after)])
    drawn, means = (np.concatenate([one, one[..., 1:, :] - one[..., :1, :]], axis=-2) for one in (drawn, means))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)

    def interval(arm: int, place: int) -> Interval:
        return Interval(float(means[arm, place]), float(low[arm, place]), float(high[arm, place]), count)

    return {
        name: (interval(0, place), interval(1, place), interval(2, place))
        for place, name in enumerate(("accuracy", "macro_f1"))
    }


def _measured(truth: Numbers, predicted: Numbers, classes: int) -> tuple[float, float]:
    table = confusion(truth, predicted, classes)
    counted = table.sum(axis=0) + table.sum(axis=1) > 0
    return float(np.trace(table) / table.sum()), float(f1_by_class(table)[counted].mean())
