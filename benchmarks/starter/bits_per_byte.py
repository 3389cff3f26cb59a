"""Bits per byte on held-out documents: `python benchmarks/starter/bits_per_byte.py FOLDER MODEL [MODEL …]`.

FOLDER holds `held-out-zh.jsonl` and `held-out-en.jsonl` as `recipes/starter/corpus.py` writes them; a MODEL is anything
that tuneloop loads.  Each document (its first `--characters`) is cut into windows of `--window` tokens; a window begins
with the last token of the one before, the first one with the model's end token, so that every byte is predicted.  Bits
are divided by UTF-8 bytes, which makes models with different tokenizers comparable.

A model from elsewhere may have been trained on some of the documents; that is to its advantage.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import NamedTuple

import torch

from tuneloop.models import load
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.packed import Packed

TOKENS_AT_ONCE = 8192


class Score(NamedTuple):
    documents: int
    size: int  # UTF-8 bytes
    tokens: int
    bits: float

    @property
    def per_byte(self) -> float:
        return self.bits / self.size


def documents(folder: Path, lang: str, count: int, characters: int) -> list[str]:
    with (folder / f"held-out-{lang}.jsonl").open(encoding="utf-8") as lines:
        texts = [str(json.loads(line)["text"])[:characters] for line in lines]
    return texts[:count]


def windows(lm: LanguageModel, text: str, size: int) -> list[list[int]]:
    start = lm.tokenizer.eos if lm.tokenizer.eos is not None else 0
    ids = [start, *lm.tokenizer.encode(text)]
    return [ids[at : at + size + 1] for at in range(0, len(ids) - 1, size)]


def score(lm: LanguageModel, texts: list[str], size: int) -> Score:
    pieces = [piece for text in texts for piece in windows(lm, text, size)]
    nats, tokens, batch = 0.0, 0, []
    with torch.no_grad():
        for number, piece in enumerate(pieces):
            batch.append((piece, [1.0] * len(piece)))
            if len(batch) * size >= TOKENS_AT_ONCE or number == len(pieces) - 1:
                found = lm.token_nll(Packed.of(batch))
                nats, tokens, batch = nats + float(found.double().sum()), tokens + len(found), []
    return Score(len(texts), sum(len(text.encode()) for text in texts), tokens, nats / math.log(2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--documents", type=int, default=250, help="documents per language at most")
    parser.add_argument("--characters", type=int, default=1500, help="characters of a document at most")
    parser.add_argument("--window", type=int, default=255, help="predicted tokens per window")
    options = parser.parse_args()
    for name in options.models:
        lm = load(name, dtype="float32")
        for lang in ("zh", "en"):
            texts = documents(options.folder, lang, options.documents, options.characters)
            found = score(lm, texts, options.window)
            size = f"{found.documents} documents, {found.size:,} bytes, {found.tokens:,} tokens"
            print(f"{name}  {lang}  {found.per_byte:.4f} bits per byte  ({size})")


if __name__ == "__main__":
    main()
