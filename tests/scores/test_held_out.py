"""Held-out loss: equal to the sum of the log-probabilities of the right tokens, each token counted once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tests.evaluate.world import chat

from tuneloop.models import load
from tuneloop.models.chat import encode_record
from tuneloop.models.language_model import LanguageModel
from tuneloop.records import Record, Turn
from tuneloop.scores import held_out
from tuneloop.scores.held_out import HeldOut


@pytest.fixture(scope="module")
def lm(tiny_base: Path) -> LanguageModel:
    return load(tiny_base, dtype="float32")


def measured(lm: LanguageModel, *records: Record) -> HeldOut:
    return held_out.measure(lm, records, lambda _: None)


def by_hand(lm: LanguageModel, ids: list[int], mask: list[float]) -> tuple[float, int]:
    """Loss of the masked tokens from the model's own probabilities, one token at a time."""
    with torch.no_grad():
        logprobs = lm.logits(torch.tensor(ids)).log_softmax(-1)
    picked = [-float(logprobs[place - 1, ids[place]]) for place in range(1, len(ids)) if mask[place]]
    return sum(picked), len(picked)


def test_a_dialogue_counts_the_assistants_words_alone(lm: LanguageModel) -> None:
    record = chat("小猫叫什么？", "年糕")
    ids, mask = encode_record(record, lm.tokenizer, lm.template)
    nats, tokens = by_hand(lm, ids, mask)
    found = measured(lm, record)
    assert found.tokens == tokens
    assert found.nats == pytest.approx(nats, rel=1e-5)


def test_records_weigh_by_their_tokens(lm: LanguageModel) -> None:
    short, long = chat("a", "b"), chat("a", "b c d e f g h i j k")
    apart, together = (measured(lm, short), measured(lm, long)), measured(lm, short, long)
    assert together.nats == pytest.approx(sum(one.nats for one in apart), rel=1e-5)
    assert together.loss == pytest.approx(together.nats / sum(one.tokens for one in apart))


def test_each_record_s_own_figures_add_up_to_the_whole(lm: LanguageModel) -> None:
    records = [chat("a", "b c d"), Record("text", text="x" * 400), chat("q" * 400, "never reached"), chat("e", "f")]
    found = measured(lm, *records)
    alone = [measured(lm, record) for record in records]
    assert len(found.each) == found.records == 3
    assert sum(nats for nats, _ in found.each) == pytest.approx(found.nats, rel=1e-6)
    assert sum(octets for _, octets in found.each) == found.octets
    assert [nats for nats, _ in found.each] == pytest.approx([one.nats for one in alone if one.records], rel=1e-5)


def test_bits_per_byte_counts_bytes_of_utf8(lm: LanguageModel) -> None:
    found = measured(lm, Record("text", text="abc小猫"))
    assert found.octets == 9 - 1  # nine bytes, of which the first has nothing before it to be foreseen from
    assert found.values()["bits_per_byte"] == pytest.approx(found.nats / math.log(2) / found.octets)


def test_perplexity_is_the_exponential_of_the_loss(lm: LanguageModel) -> None:
    values = measured(lm, Record("text", text="hello world")).values()
    assert values["perplexity"] == pytest.approx(math.exp(values["loss"]))


def test_a_long_text_is_measured_in_pieces_and_a_long_dialogue_is_cut(lm: LanguageModel) -> None:
    text = measured(lm, Record("text", text="x" * 400))
    assert (text.tokens, text.cut) == (400 + 1 - 3, 0)  # three pieces of at most 160, each but its first token
    dialogue = measured(lm, chat("q", "y" * 400))
    assert dialogue.tokens < 160 < dialogue.cut


def test_what_cannot_be_measured_is_counted(lm: LanguageModel) -> None:
    found = measured(
        lm, chat("q" * 400, "never reached"), Record("chat", messages=(Turn("user", "hi"),)), chat("a", "b")
    )
    assert (found.records, found.aside) == (1, 2)


def test_a_loss_beyond_floats_has_no_perplexity() -> None:
    assert "perplexity" not in HeldOut(nats=8000.0, tokens=10, octets=10, records=1).values()
    assert HeldOut().values() == {}
