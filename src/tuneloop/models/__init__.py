"""Models one can load, train and ask.

    load        a model by name → LanguageModel            loading.py, places.py
    fast        our own decoder                            fast.py, decoder.py, shape.py, families/, kernels/
    plain       any causal model of transformers           plain.py
    encoder     BERT, RoBERTa and their kin                encoder.py, bidirectional.py
    text        tokenizer, chat template, mask             tokenizer.py, templates.py, chat.py
    batches     records packed without padding             packed.py
    adapters    LoRA in PEFT's files                       lora.py
    classes     heads, and a model with one, to be asked   heads.py, classifier.py
    answers     engines, the key/value cache, sampling     engine.py, engines/, batching.py, stepping.py, …
    new         random weights, tokenizers                 new.py, tokenizer_training.py

Importing this package loads neither torch nor transformers; loading a model on the fast path loads torch alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from tuneloop.models.classifier import Classifier
    from tuneloop.models.language_model import LanguageModel as LanguageModel
    from tuneloop.models.loading import Route
    from tuneloop.store import Workspace


def load(
    reference: str | Path, dtype: str | torch.dtype | None = None, path: Route = "auto", **rest: Any
) -> LanguageModel:
    """A model by name: see `tuneloop.models.loading.load`."""
    from tuneloop.models.loading import load as load_now

    return load_now(reference, dtype, path, **rest)


def load_classifier(ws: Workspace, version: str = "newest", **how: Any) -> Classifier:
    """A model version that was trained by classify, to be asked: see `tuneloop.models.classifier`."""
    from tuneloop.models.classifier import load_classifier as load_now

    return load_now(ws, version, **how)
