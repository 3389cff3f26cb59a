"""Classification figures against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from tuneloop.scores import classification


def drawn(classes: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random truth and probabilities that lean to it, with many equal scores."""
    random = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(classes), random.integers(0, classes, count - classes)])
    raw = np.round(random.random((count, classes)) + 0.5 * np.eye(classes)[truth], 1) + 0.1
    return truth, raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("classes", "seed"), [(2, 0), (2, 1), (3, 2), (7, 3)])
def test_figures_equal_those_of_scikit_learn(classes: int, seed: int) -> None:
    truth, probability = drawn(classes, 200, seed)
    predicted = probability.argmax(axis=1)
    found = classification.figures(truth, probability)
    score = probability[:, 1] if classes == 2 else probability
    onehot = truth if classes == 2 else np.eye(classes)[truth]
    expected = {
        "accuracy": oracle.accuracy_score(truth, predicted),
        "macro_f1": oracle.f1_score(truth, predicted, average="macro"),
        "weighted_f1": oracle.f1_score(truth, predicted, average="weighted"),
        "auroc": oracle.roc_auc_score(truth, score, multi_class="ovr"),
        "auprc": oracle.average_precision_score(onehot, score, average="macro"),
    }
    assert found == pytest.approx(expected, abs=1e-12)
    table = classification.confusion(truth, predicted, classes)
    assert (table == oracle.confusion_matrix(truth, predicted)).all()


def test_a_class_without_examples_counts_only_where_it_is_predicted() -> None:
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    sure = np.eye(3)[predicted]
    assert classification.figures(truth, sure)["macro_f1"] == pytest.approx(
        oracle.f1_score(truth, predicted, average="macro")
    )
    wrong = np.eye(3)[[0, 2, 1, 1]]
    assert classification.figures(truth, wrong)["macro_f1"] == pytest.approx(
        oracle.f1_score(truth, [0, 2, 1, 1], average="macro", zero_division=0)
    )


def test_examples_of_one_class_have_no_areas() -> None:
    found = classification.figures(np.zeros(4, dtype=int), np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]]))
    assert set(found) == {"accuracy", "macro_f1", "weighted_f1"}
    assert found["accuracy"] == 0.75


def test_the_majority_class_is_always_its_answer_and_ranks_nothing() -> None:
    truth = np.array([0, 1, 1, 2])
    found = classification.figures(truth, classification.majority([1, 2, 1], 4))
    assert found["accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx(2 / 3 / 3)
    assert found["auroc"] == 0.5


def test_intervals_hold_the_figure_and_narrow_with_the_examples() -> None:
    widths = []
    for count in (50, 800):
        truth, probability = drawn(3, count, 5)
        after, before = probability.argmax(axis=1), np.zeros(count, dtype=int)
        found = classification.intervals(truth, before, after, draws=300)["macro_f1"]
        assert found[1].mean == pytest.approx(oracle.f1_score(truth, after, average="macro"))
        assert found[2].mean == pytest.approx(found[1].mean - found[0].mean)
        assert all(one.low <= one.mean <= one.high for one in found)
        widths.append(found[1].high - found[1].low)
    assert widths[1] < widths[0] / 2.5
