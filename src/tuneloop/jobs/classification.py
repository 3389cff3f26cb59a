"""The legacy figures of a classifier made of a language model: which of the known answers it finds likeliest.

Each validation example's answer is its class.  A class's score is the model's probability of writing it behind the
question and ending there (the product over the tokens that training would have as targets, the end token among them:
without it no class that begins with another one could win), normalized over the classes.  Two classes: accuracy,
precision, recall, auroc, auprc and F-beta at the threshold 0.5; more: accuracy and weighted F1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneloop.errors import InputError, Where
from tuneloop.records import DatasetVersion, ModelVersion, Record, Split
from tuneloop.scores import classification
from tuneloop.store import Workspace, datasets
from tuneloop.store.jobs import Job

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

MOST_CLASSES = 200
TOKENS = 16_384
"""Tokens that are scored at a time."""

COMPUTE = "compute_classification_metrics"


@dataclass(frozen=True)
class Classes:
    """`texts` holds each class as its answers are written, the blanks around it included; `positive` is the number of
    the class that counts where there are two."""

    texts: Mapping[str, str]
    positive: int

    @property
    def names(self) -> list[str]:
        return list(self.texts)


@dataclass(frozen=True)
class Measured:
    """`figures` by the names of the result file, over `examples` of `split`; `left_out` could not be read whole."""

    figures: Mapping[str, float]
    examples: int
    left_out: int
    split: Split


def classes_of(ws: Workspace, job: Job, version: DatasetVersion) -> Classes:
    """The answers of a version's records as classes; `InputError` where they are not those that the job names."""
    texts: dict[str, str] = {}
    for split in ("train", "validation"):
        for record in _records(ws, version, split):
            texts.setdefault(_class(record), record.messages[-1].text)
            if len(texts) > MOST_CLASSES:
                raise InputError(
                    f"the answers are more than {MOST_CLASSES} classes",
                    expected="a few answers that come again and again",
                    do=f"Leave {COMPUTE} out",
                )
    names, options = sorted(texts), job.options
    wanted = options.get("classification_n_classes")
    if len(names) < 2 or (wanted is not None and wanted != len(names)):
        shown = ", ".join(map(repr, names[:10])) + (", …" if len(names) > 10 else "")
        raise InputError(
            f"the answers are {len(names)} class{'es' * (len(names) != 1)} ({shown})",
            expected="two at least" if wanted is None else f"{wanted}, as classification_n_classes says",
        )
    positive = options.get("classification_positive_class")
    if positive is None:
        return Classes({name: texts[name] for name in names}, 1)
    place = Where(field="classification_positive_class")
    if len(names) > 2:
        raise InputError(f"there are {len(names)} classes", expected="two, for a positive class", where=place)
    if positive.strip() not in names:
        raise InputError(f"no answer is {positive!r}", expected=f"{names[0]!r} or {names[1]!r}", where=place)
    return Classes({name: texts[name] for name in names}, names.index(positive.strip()))


def measure(ws: Workspace, job: Job, model: ModelVersion) -> Measured:
    """Score every validation example's classes; those of training where nothing was held out."""
    from tuneloop.models.versions import load_version

    version = datasets.version(ws, str(model.dataset))
    split: Split = "validation" if version.splits.get("validation") else "train"
    classes = classes_of(ws, job, version)
    lm = load_version(ws, model)
    limit = int(model.recipe["train"].get("max_length") or lm.room)
    truth, rows, left_out = [], [], 0
    for record in _records(ws, version, split):
        row = probabilities(lm, record, list(classes.texts.values()), limit)
        if row is None:
            left_out += 1
        else:
            truth.append(classes.names.index(_class(record)))
            rows.append(row)
    if not rows:
        raise InputError(f"no {split} example fits into {limit} tokens with each of its classes")
    betas = job.options.get("classification_betas") or [1.0]
    found = figures(np.array(truth), np.array(rows), classes.positive, betas)
    return Measured({f"classification/{name}": value for name, value in found.items()}, len(rows), left_out, split)


def figures(truth: Any, probability: Any, positive: int, betas: Sequence[float]) -> dict[str, float]:
    """`truth` [N] numbers of classes, `probability` [N, K]; NaN for the areas where all examples are of one class."""
    found = classification.figures(truth, probability)
    if probability.shape[1] > 2:
        return {"accuracy": found["accuracy"], "weighted_f1_score": found["weighted_f1"]}
    score = probability[:, positive]
    said, right = score >= 0.5, truth == positive
    hits = float((said & right).sum())
    precision = hits / float(said.sum()) if said.any() else 0.0
    recall = hits / float(right.sum()) if right.any() else 0.0
    both = 0 < right.sum() < len(right)
    told = {
        "accuracy": float((said == right).mean()),
        "precision": precision,
        "recall": recall,
        "auroc": classification.auroc(right, score) if both else math.nan,
        "auprc": classification.auprc(right, score) if both else math.nan,
    }
    for beta in betas:
        below = beta * beta * precision + recall
        told[f"f{beta:g}"] = (1 + beta * beta) * precision * recall / below if below else 0.0
    return told


def probabilities(lm: LanguageModel, record: Record, texts: Sequence[str], limit: int) -> list[float] | None:
    """[K], summing to 1; None where the conversation with one of the answers has more than `limit` tokens, or the
    template refuses it."""
    import torch

    from tuneloop.models.packed import Packed
    from tuneloop.train.next_token import encode_all

    *before, last = record.messages
    answered = [replace(record, messages=(*before, replace(last, content=text, weight=None))) for text in texts]
    encoded = encode_all(answered, lm, limit, whole_dialogues=False)
    if any(one.aside or one.cut for one in encoded):
        return None
    sequences = [(one.examples[0].ids, one.examples[0].mask) for one in encoded]
    each = max(1, TOKENS // max(len(ids) for ids, _ in sequences))
    scores: list[float] = []
    with torch.no_grad():
        for start in range(0, len(sequences), each):
            packed = Packed.of(sequences[start : start + each]).to(lm.device)
            nats = lm.token_nll(packed)
            sums = nats.new_zeros(len(packed.lengths)).index_add(0, packed.owners, nats)
            scores += (-sums).tolist()
    likely = np.exp(np.array(scores) - max(scores))
    return [float(one) for one in likely / likely.sum()]


def _records(ws: Workspace, version: DatasetVersion, split: Split) -> list[Record]:
    """The records of a split that end with an answer."""
    from tuneloop.train import data

    found = [item.record for item in data.items(ws, version, split)]
    return [one for one in found if one.kind == "chat" and one.messages[-1].role == "assistant"]


def _class(record: Record) -> str:
    return record.messages[-1].text.strip()
