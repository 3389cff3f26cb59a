"""The legacy figures of a classifier made of a language model: which of the known answers it finds likeliest.

Each validation example's answer is its class.  A class's score is the model's probability of writing it behind the
question (the product over its tokens), normalized over the classes.  Two classes: accuracy, precision, recall, auroc,
auprc and F-beta at the threshold 0.5; more: accuracy and weighted F1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneloop.errors import InputError
from tuneloop.records import ModelVersion, Record
from tuneloop.scores import classification
from tuneloop.store import Workspace, datasets
from tuneloop.store.jobs import Job

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

MOST_CLASSES = 200


def classification_metrics(ws: Workspace, job: Job, model: ModelVersion) -> dict[str, float]:
    """By the names of the result file; raises `InputError` where the data does not hold the classes that were named."""
    from tuneloop.models.versions import load_version
    from tuneloop.train import data

    version = datasets.version(ws, str(model.dataset))
    split: Any = "validation" if version.splits.get("validation") else "train"
    records = [item.record for item in data.items(ws, version, split) if _answer(item.record) is not None]
    labels = _labels(job, [item.record for item in data.items(ws, version, "train")] + records)
    lm = load_version(ws, model)
    probability = np.array([class_probabilities(lm, record, labels) for record in records])
    truth = np.array([labels.index(str(_answer(record))) for record in records])
    return {f"classification/{name}": value for name, value in figures(truth, probability, job, labels).items()}


def figures(truth: Any, probability: Any, job: Job, labels: Sequence[str]) -> dict[str, float]:
    """`truth` [N] numbers of classes, `probability` [N, K]."""
    found = classification.figures(truth, probability)
    if len(labels) > 2:
        return {"accuracy": found["accuracy"], "weighted_f1_score": found["weighted_f1"]}
    positive = labels.index(str(job.options.get("classification_positive_class", labels[1])))
    score = probability[:, positive]
    said, right = score >= 0.5, truth == positive
    hits = float((said & right).sum())
    precision = hits / said.sum() if said.any() else 0.0
    recall = hits / right.sum() if right.any() else 0.0
    told = {"accuracy": float((said == right).mean()), "precision": float(precision), "recall": float(recall)}
    if 0 < right.sum() < len(right):
        told["auroc"] = classification.auroc(right, score)
        told["auprc"] = classification.auprc(right, score)
    for beta in job.options.get("classification_betas") or [1.0]:
        below = beta * beta * precision + recall
        told[f"f{beta:g}"] = float((1 + beta * beta) * precision * recall / below) if below else 0.0
    return told


def class_probabilities(lm: LanguageModel, record: Record, labels: Sequence[str]) -> list[float]:
    """[K], summing to 1."""
    import torch

    from tuneloop.models.chat import encode_prompt

    prompt = encode_prompt(record.messages[:-1], record.tools, lm.tokenizer, lm.template)
    scores = []
    with torch.no_grad():
        for label in labels:
            ids = lm.tokenizer.encode(label)
            logits = lm.logits(torch.tensor([*prompt, *ids]))
            rows = logits[len(prompt) - 1 : -1].log_softmax(-1)
            scores.append(float(rows[range(len(ids)), ids].sum()))
    likely = np.exp(np.array(scores) - max(scores))
    return [float(one) for one in likely / likely.sum()]


def _answer(record: Record) -> str | None:
    last = record.messages[-1] if record.kind == "chat" else None
    return last.text.strip() if last is not None and last.role == "assistant" else None


def _labels(job: Job, records: Sequence[Record]) -> list[str]:
    labels = sorted({answer for record in records if (answer := _answer(record))})
    wanted = job.options.get("classification_n_classes")
    if wanted is not None and wanted != len(labels):
        raise InputError(
            f"the answers are {len(labels)} classes", expected=f"{wanted}, as classification_n_classes says"
        )
    if not 2 <= len(labels) <= MOST_CLASSES:
        raise InputError(f"the answers are {len(labels)} classes", expected=f"2 to {MOST_CLASSES}")
    positive = job.options.get("classification_positive_class")
    if positive is not None and positive not in labels:
        raise InputError(f"no answer is {positive!r}", expected=f"one of {', '.join(labels[:10])}")
    return labels
