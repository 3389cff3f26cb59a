"""The objective `classify` at work: the head, its loss, and what validation finds.

Each validation leaves its figures in the curves and in the run's events, and the newest confusion matrix as
`confusion.json` and `confusion.en.svg`, `confusion.zh.svg` in the run's folder.  The finished model has the same files,
made with the weights that were kept.

The loss of the next token (`language`) is a mean over the tokens of the whole step, so that micro-batches do not change
it.  Validation leaves it out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from tuneloop.charts import matrix_chart
from tuneloop.errors import InputError
from tuneloop.models.heads import Head
from tuneloop.scores import classification
from tuneloop.store.durable import write_file
from tuneloop.train.batches import Batch, Batches, Numbers
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.next_token import summed_by
from tuneloop.train.objective import Loss
from tuneloop.wording import Language, Words

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from tuneloop.train.objectives.classify import Classify

TITLE = Words("Classes on held-out records", "留出数据上的分类结果")
RIGHT, SAID = Words("right class", "正确类别"), Words("predicted", "预测类别")
LANGUAGES: tuple[Language, ...] = ("en", "zh")


class ClassifyLearner(Learner):
    objective: Classify

    def __init__(self, objective: Classify, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.labels = objective.labels or ()
        counts = np.bincount(scene.batches.examples.index["label"].astype(np.int64), minlength=len(self.labels))
        _check_counts(self.labels, counts)
        shares = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
        weights = shares if objective.balanced else np.ones(len(counts))
        self.weights = torch.tensor(weights, dtype=torch.float32, device=scene.lm.device)
        self.head = Head.new(
            "classify",
            scene.lm.config.hidden,
            labels=self.labels,
            pool=objective.pool or "last",
            bias=True,
            seed=scene.recipe.seed,
            device=scene.lm.device,
        )
        self.head.max_length = scene.recipe.max_length
        self.head.counts = tuple(int(count) for count in counts)
        self.special = np.array(sorted(self.lm.tokenizer.special_ids))
        self._examples_per_token = 0.0

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        return self.head.named_parameters()

    def micro_batches(self, step: int) -> Sequence[Batch]:
        batches = super().micro_batches(step)
        share = self.objective.noise
        return noisy(batches, share, self.special, (self.scene.recipe.seed, step)) if share else batches

    def survey(self, batches: Sequence[Batch]) -> None:
        examples = sum(float(self._weights(batch).sum()) for batch in batches)
        tokens = sum(float(batch.packed.target_weights.sum()) for batch in batches)
        self._examples_per_token = examples / tokens if tokens else 0.0

    def loss(self, batch: Batch) -> Loss:
        if not self.objective.language:
            return self._loss(batch, self.head.read(self.lm, batch.packed))
        packed = batch.packed
        # the last tokens predict nothing and are read all the same: any target will do
        nats, hidden = self.lm.scored(replace(packed, targets=packed.targets.where(packed.targets >= 0, packed.ids)))
        words = summed_by(batch, nats[packed.rows] * packed.target_weights)[:, 0] * self._examples_per_token
        return self._loss(batch, self.head.of(hidden, packed), words)

    def _weights(self, batch: Batch) -> Tensor:
        """[E] what the examples count."""
        return batch.weights * self.weights[batch.labels.long()]

    def _loss(self, batch: Batch, scores: Tensor, words: Tensor | None = None) -> Loss:
        """`words` [E]: the examples' shares of the loss of the next token, before its weight."""
        right, weights = batch.labels.long(), self._weights(batch)
        nats = F.cross_entropy(scores, right, reduction="none") * weights
        metrics = {"accuracy": float(((scores.detach().argmax(dim=1) == right) * weights).sum())}
        if words is not None:
            metrics |= {"class_loss": float(nats.detach().sum()), "language_loss": float(words.detach().sum())}
            nats = nats + (self.objective.language or 0.0) * words
        by_example = None
        if len(batch.examples.groups) > 1:
            by_example = torch.stack([nats.detach(), weights], dim=1)
        return Loss(nats.sum(), float(weights.sum()), metrics, by_example)

    def assess(self, held_out: Batches) -> dict[str, float]:
        """The loss of the classes, and the figures of `scores/classification.py` over single records."""
        loss, truth, probability = self._predicted(held_out)
        figures = classification.figures(truth, probability)
        found = self._confusion(truth, probability) | {"loss": loss} | figures
        self.scene.tell("classified", **found)
        _write(self.scene.folder, found)
        return {f"validation_{name}": value for name, value in {"loss": loss, **figures}.items()}

    def _predicted(self, held_out: Batches) -> tuple[float, Any, Any]:
        """The mean loss, the right classes [N] and the probabilities [N, K], both in the order of the batches."""
        loss = weight = 0.0
        truth, probability = [], []
        with torch.no_grad():
            for batch in held_out.once():
                scores = self.head.read(self.lm, batch.packed)
                part = self._loss(batch, scores)
                loss, weight = loss + float(part.total), weight + part.weight
                truth.append(batch.labels.long().cpu().numpy())
                probability.append(scores.softmax(dim=1).cpu().numpy())
        return loss / weight, np.concatenate(truth), np.concatenate(probability)

    def _confusion(self, truth: Any, probability: Any) -> dict[str, Any]:
        table = classification.confusion(truth, probability.argmax(axis=1), len(self.labels))
        return {"labels": list(self.labels), "confusion": table.tolist()}

    def save(self, folder: Path) -> None:
        self.head.save(folder)
        if self.scene.held_out is not None:
            loss, truth, probability = self._predicted(self.scene.held_out)
            figures = classification.figures(truth, probability)
            _write(folder, self._confusion(truth, probability) | {"loss": loss} | figures)


def noisy(batches: Sequence[Batch], share: float, special: Numbers, seed: tuple[int, int]) -> list[Batch]:
    """The batches with a `share` of their tokens read as others of the same step; those of `special` stay, and none
    becomes one.  Targets are as before."""
    draw = np.random.default_rng(seed)
    rows = [batch.packed.ids.cpu().numpy() for batch in batches]
    free = [np.isin(ids, special, invert=True) for ids in rows]
    tokens = np.concatenate([ids[mine] for ids, mine in zip(rows, free, strict=True)])
    found = []
    for batch, ids, mine in zip(batches, rows, free, strict=True):
        hit = mine & (draw.random(len(ids)) < share)
        changed = ids.copy()
        changed[hit] = draw.choice(tokens, hit.sum()) if hit.any() else ids[hit]
        packed = replace(batch.packed, ids=torch.from_numpy(changed).to(batch.packed.ids.device))
        found.append(replace(batch, packed=packed))
    return found


def _check_counts(labels: tuple[str, ...], counts: Any) -> None:
    if np.count_nonzero(counts) < 2:
        found = labels[int(counts.argmax())]
        raise InputError(
            f"all training records that are left are of one class, {found!r}",
            expected="records of two classes or more",
            do="Compare the classes in the data with the setting `labels` of the objective",
        )


def _write(folder: Path, found: dict[str, Any]) -> None:
    """Rows of `confusion` are the right classes, columns the predicted ones."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "confusion.json", json.dumps(found, ensure_ascii=False, indent=1).encode())
    for language in LANGUAGES:
        svg = matrix_chart(
            found["confusion"], found["labels"], title=TITLE, row_label=RIGHT, column_label=SAID, language=language
        )
        write_file(folder / f"confusion.{language}.svg", svg.encode())
