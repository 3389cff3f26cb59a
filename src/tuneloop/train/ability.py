"""General ability, measured before and after: bits per byte on general text that the training does not use.

Lower is better.  A tuned model that needs many more bits than its base has forgotten; replay of general examples and a
smaller learning rate help.  The measure is the bits of the text's tokens over its UTF-8 bytes, so that models with
different tokenizers compare.  It says nothing of single skills.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tuneloop.errors import InputError, Where
from tuneloop.store.durable import write_file
from tuneloop.train.general import SHIPPED
from tuneloop.train.general import measured as to_measure
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

TOKENS = 4096  # measured on at most so many tokens: half a second on a model of 4 M parameters, on two cores
NONE = "none"
WORSE = 1.10  # bits after over bits before that are worth a word
FORGOTTEN = Words(
    "General text costs {after:.3g} bits per byte after training, {before:.3g} before ({more:+.0%}): the model has"
    " forgotten some of what it knew. More replay, fewer epochs or a smaller learning rate keep more of it.",
    "通用文本的每字节比特数训练前为 {before:.3g}，训练后为 {after:.3g}（{more:+.0%}）：模型遗忘了部分原有能力。"
    "提高 replay 比例、减少遍数或降低学习率可以减轻遗忘。",
)


class Ability(NamedTuple):
    """Bits per byte, and the bytes they were measured on."""

    bits: float
    size: int


def measured(lm: LanguageModel, general: str) -> Ability | None:
    """The model's figure as it stands, on the text that a recipe's `general` names; None for `none`."""
    if general == NONE:
        return None
    import torch

    from tuneloop.models.packed import Packed

    nats, size, room = 0.0, 0, TOKENS
    with torch.no_grad():
        for text in _texts(general):
            ids = lm.tokenizer.encode(text, special=True)[: lm.room]
            if len(ids) < 2:
                continue
            # What is cut off is not counted: the bytes are those of the tokens that are scored.
            scored = ids[1:]
            size += len(lm.tokenizer.decode(scored).encode())
            packed = Packed.of([(ids, [1.0] * len(ids))]).to(lm.device)
            nats += float(lm.token_nll(packed).sum())
            room -= len(ids)
            if room <= 0:
                break
    return Ability(nats / math.log(2) / size, size) if size else None


def _texts(general: str) -> Iterator[str]:
    file = SHIPPED if general == "shipped" else Path(general).expanduser()
    if file.suffix == ".jsonl":
        yield from (record.full_text for record in to_measure(file))
        return
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", expected="a UTF-8 text", where=Where(file=file)) from None
    yield from (part for part in text.split("\n\n") if part.strip())


def kept(folder: Path, lm: LanguageModel, general: str) -> Ability | None:
    """The figure of the model before training, measured once in a run and read back by later attempts."""
    file = folder / "ability.json"
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        return Ability(**found) if found else None
    before = measured(lm, general)
    write_file(file, json.dumps(before._asdict() if before else None).encode())
    return before


def figures(before: Ability | None, after: Ability | None) -> dict[str, float]:
    """For the model's metrics."""
    if before is None or after is None:
        return {}
    return {"general_bits_before": before.bits, "general_bits_after": after.bits}


def warning(before: Ability | None, after: Ability | None) -> Words | None:
    """A sentence where much was forgotten."""
    if before is None or after is None or after.bits < WORSE * before.bits:
        return None
    return FORGOTTEN.format(before=before.bits, after=after.bits, more=after.bits / before.bits - 1)
