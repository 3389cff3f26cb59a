"""What the model that a run starts from thinks of each answer: scored once before the first step, kept in a file.

One float32 log-probability per sequence, in `references/` of the run's folder.  The file's name holds a digest of what
the scores depend on (examples, base, number format), so that a run that goes on reads the same numbers back, and other
ones are never taken for them.  There is no second model in memory: the run's own is asked before it moves, without its
adapter where that is untrained.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tuneloop.store.durable import write_file
from tuneloop.train.batches import Batch, Batches
from tuneloop.train.examples import Examples
from tuneloop.train.learner import Scene
from tuneloop.train.next_token import log_probabilities

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel


class References:
    """Log-probabilities in nats of every example of a run, the held-out ones included."""

    def __init__(self, scene: Scene) -> None:
        self._known: list[tuple[Examples, torch.Tensor]] = []
        with _starting_model(scene):
            model = _digest_of_model(scene.lm)
            for batches in (scene.batches, scene.held_out):
                if batches is not None:
                    self._known.append((batches.examples, _scores(scene, batches, model)))

    def of(self, batch: Batch) -> torch.Tensor:
        """[E, sides] float32, on the batch's device."""
        known = next(scores for examples, scores in self._known if examples is batch.examples)
        return known[torch.from_numpy(batch.numbers)].to(batch.weights.device)


@contextmanager
def _starting_model(scene: Scene) -> Iterator[None]:
    """The model without an adapter that has learned nothing; one that has stays on."""
    lm, adapter = scene.lm, scene.lm.adapter
    if adapter is None or not scene.fresh:
        yield
        return
    lm.detach()
    try:
        yield
    finally:
        lm.attach(adapter)


def _scores(scene: Scene, batches: Batches, model: str) -> torch.Tensor:
    """[examples, sides] float32, from the file or computed."""
    examples = batches.examples
    file = scene.folder / "references" / f"{_digest_of_examples(examples, model)[:32]}.npy"
    if file.is_file():
        return torch.from_numpy(np.load(file, allow_pickle=False))
    scores = torch.zeros(len(examples), len(examples.sequences(0)))
    began, done = time.perf_counter(), 0
    with torch.no_grad():
        for batch in batches.once():
            scores[torch.from_numpy(batch.numbers)] = log_probabilities(scene.lm, batch).cpu()
            done += len(batch)
            scene.told(len(examples), done)
    _write(file, scores)
    tokens = int(examples.lengths.sum())
    scene.tell("references", examples=done, tokens=tokens, seconds=time.perf_counter() - began)
    return scores


def _write(file: Path, scores: torch.Tensor) -> None:
    data = io.BytesIO()
    np.save(data, scores.numpy(), allow_pickle=False)
    file.parent.mkdir(exist_ok=True)
    write_file(file, data.getvalue())


def _digest_of_examples(examples: Examples, model: str) -> str:
    digest = hashlib.sha256(model.encode())
    digest.update(examples.index.tobytes())
    for number in range(len(examples)):
        digest.update(examples.ids(number).tobytes())
        digest.update(examples.mask(number).tobytes())
    return digest.hexdigest()


def _digest_of_model(lm: LanguageModel) -> str:
    """Its name, number format, and the first row of every weight: enough to tell it from one that has moved."""
    digest = hashlib.sha256(f"{lm.reference} {lm.dtype} {lm.quantized}".encode())
    weights = [*lm.module.named_parameters(), *(lm.adapter.named_parameters() if lm.adapter else [])]
    for name, weight in weights:
        row = weight.detach()[:1] if weight.dim() > 1 else weight.detach()
        digest.update(name.encode() + row.float().cpu().numpy().tobytes())
    return digest.hexdigest()
