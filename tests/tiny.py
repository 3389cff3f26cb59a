"""Tiny models and tokenizers, made in the test that needs them."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers

from tuneloop.models.tokenizer import Tokenizer

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_tokenizer(template: str | None = CHATML) -> Tokenizer:
    """One token per byte, and ChatML's marks."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        token: number for number, token in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>", *alphabet])
    }
    engine = Engine(models.BPE(vocab=vocabulary, merges=[]))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    templates = {} if template is None else {"default": template}
    return Tokenizer(engine, {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, {}, templates)


def save_hf(model: object, folder: Path, tokenizer: Tokenizer | None = None) -> Path:
    """A transformers model as a folder with a tokenizer."""
    model.save_pretrained(folder)  # type: ignore[attr-defined]
    (tokenizer or byte_tokenizer()).save(folder)
    return folder
