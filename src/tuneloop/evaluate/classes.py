"""The evaluation of a classifier: its figures on records that were held out, against one that reads nothing.

The comparison is with the majority class of the training data: the base has no head, so it has no answer to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError, StoppedError, UsageError
from tuneloop.evaluate.recipe import EvaluateRecipe
from tuneloop.records import ModelVersion, Progress, Record, Report, Watcher
from tuneloop.store import Workspace
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs import Lease

CONFUSED = " → "
_DOING = Words("classifying", "正在分类")


@dataclass(frozen=True)
class Judged:
    """`metrics` as `Report.metrics` keeps them (`base` is the majority class), and the rows of `Report.answers`."""

    metrics: dict[str, dict[str, float]]
    answers: list[dict[str, Any]]


def is_classifier(report: Report) -> bool:
    return "confusion" in report.metrics


def judge(
    ws: Workspace,
    model: ModelVersion,
    records: Sequence[Record],
    recipe: EvaluateRecipe,
    lease: Lease,
    progress: Watcher,
) -> Judged:
    """Classify the records and compare with their labels; those of another kind, without text or with a label that the
    model does not know are counted and left out."""
    import numpy as np

    from tuneloop.models.classifier import load_classifier
    from tuneloop.scores import classification

    reader = load_classifier(ws, model)
    numbers = {name: number for number, name in enumerate(reader.labels)}
    labelled = [record for record in records if record.kind == "label" and record.full_text.strip()]
    known = [record for record in labelled if str(record.label) in numbers]
    if not known:
        raise UsageError(
            f"none of the {len(records)} records has one of the classes of {model.name}",
            expected=f"records with a label, one of {', '.join(reader.labels)}",
        )

    def told(done: int) -> None:
        if reason := lease.should_stop():
            raise StoppedError(f"the evaluation was stopped ({reason})", do="Nothing was kept; start it again")
        progress(Progress("evaluate", done, len(known), "records", note=_DOING))

    try:
        probability = reader.probabilities(known, told).numpy().astype(np.float64)
    except InputError as error:
        raise UsageError(f"a record cannot be read: {error}") from error
    truth = np.array([numbers[str(record.label)] for record in known])
    guess = classification.majority(reader.head.counts or [1] * len(numbers), len(known))
    predicted, constant = probability.argmax(axis=1), guess.argmax(axis=1)
    metrics = {"base": classification.figures(truth, guess), "tuned": classification.figures(truth, probability)}
    metrics["difference"] = {}
    for name, found in classification.intervals(truth, constant, predicted, seed=recipe.seed).items():
        for arm, one in zip(("base", "tuned", "difference"), found, strict=True):
            metrics[arm] |= {name: one.mean, f"{name}.low": one.low, f"{name}.high": one.high}
    metrics["counts"] = {
        "questions": len(known),
        "unlabelled": len(records) - len(labelled),
        "outside": len(labelled) - len(known),
    }
    table = classification.confusion(truth, predicted, len(numbers))
    metrics["confusion"] = {
        f"{right}{CONFUSED}{said}": float(table[i, j])
        for i, right in enumerate(reader.labels)
        for j, said in enumerate(reader.labels)
    }
    order = np.lexsort((-probability.max(axis=1), predicted == truth))[: recipe.max_questions]
    answers = [
        {
            "record": known[place].id,
            "question": known[place].full_text,
            "reference": str(known[place].label),
            "base": reader.labels[constant[place]],
            "tuned": reader.labels[predicted[place]],
            "probability": float(probability[place].max()),
        }
        for place in order
    ]
    return Judged(metrics, answers)


def matrix(report: Report) -> tuple[list[str], list[list[int]]]:
    """The labels and the confusion matrix that a report keeps: rows are right, columns predicted."""
    cells = report.metrics["confusion"]
    size = round(len(cells) ** 0.5)
    values = [int(value) for value in cells.values()]
    names = [name.rpartition(CONFUSED)[2] for name in list(cells)[:size]]
    return names, [values[row * size : (row + 1) * size] for row in range(size)]
