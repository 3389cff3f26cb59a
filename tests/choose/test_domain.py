"""How well a base knows the data: bits per byte, equal to what transformers computes for the same words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.choose.world import chosen, said
from tests.evaluate.world import add_version, chat

from tuneloop.choose import choosing, domain
from tuneloop.choose.machine import Machine
from tuneloop.records import Record, Turn
from tuneloop.scores.interval import Interval
from tuneloop.store import Workspace
from tuneloop.wording import Words

TEXTS = [Record("text", text="The cat is called Niangao."), Record("text", text="In Chinese: 小猫叫年糕。")]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "workspace") as workspace:
        yield workspace


@pytest.fixture(autouse=True)
def _small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "this_machine", lambda: Machine(16 * 10**9, here=True))


def by_transformers(folder: Path, pieces: list[tuple[str, str]]) -> float:
    """Bits per byte of (given, foreseen) texts, by transformers' own model and the tokenizer's file."""
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    nats, octets = 0.0, 0
    for given, foreseen in pieces:
        before = tokenizer.encode(given, add_special_tokens=False).ids
        ids = [*before, *tokenizer.encode(foreseen, add_special_tokens=False).ids]
        with torch.no_grad():
            logprobs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        first = max(1, len(before))
        nats -= sum(float(logprobs[place - 1, ids[place]]) for place in range(first, len(ids)))
        octets += len(foreseen.replace("<|im_end|>", "").encode()) - (first - len(before))
    return nats / math.log(2) / octets


def measured(folder: Path, records: list[Record]) -> Interval:
    found = domain.bits_per_byte(str(folder), records, 0, lambda _: None)
    assert isinstance(found, Interval)
    return found


def test_texts_measure_as_transformers_does(tiny_base: Path) -> None:
    pieces = [("", f"{record.text}<|im_end|>") for record in TEXTS]
    found = measured(tiny_base, TEXTS)
    assert found.mean == pytest.approx(by_transformers(tiny_base, pieces), rel=2e-4)
    assert found.low <= found.mean <= found.high


def test_answers_measure_as_transformers_does(tiny_base: Path) -> None:
    template = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    asked = [("What is the dog called?", "Biscuit"), ("小猫叫什么？", "年糕")]
    pieces = [(template.format(question), f"{answer}<|im_end|>\n") for question, answer in asked]
    found = measured(tiny_base, [chat(question, answer) for question, answer in asked])
    assert found.mean == pytest.approx(by_transformers(tiny_base, pieces), rel=2e-4)


def test_a_base_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    found = domain.bits_per_byte(str(tmp_path), TEXTS, 0, lambda _: None)
    assert isinstance(found, Words)
    assert "cannot be loaded" in found.en


def test_other_kinds_are_read_as_what_they_want_said(ws: Workspace) -> None:
    good, bad = Turn("assistant", "yes, gladly"), Turn("assistant", "no")
    records = [
        Record("preference", messages=(Turn("user", "Help?"),), chosen=(good,), rejected=(bad,)),
        Record("rating", messages=(Turn("user", "Help!"), good), label=True),
        Record("rating", messages=(Turn("user", "Help."), bad), label=False),
        Record("label", text="the film was fine", label="good"),
    ]
    version = add_version(ws, [(record, "test") for record in records])
    read = domain.sample(ws, version, 10, 0)
    assert sorted(record.kind for record in read) == ["chat", "chat", "text"]
    assert not any(turn.text == "no" for record in read for turn in record.turns())


def test_bases_on_this_machine_are_measured_on_held_out_records(ws: Workspace, tiny_base: Path) -> None:
    held = [chat(f"who is {n}?", f"number {n}") for n in range(6)]
    version = add_version(ws, [*((chat(f"q{n}", "a"), "train") for n in range(6)), *((one, "test") for one in held)])
    choice = chosen(version, ws, machine=None, base=[str(tiny_base), "Qwen3-0.6B"])
    mine = next(one for one in choice.candidates if one.here)
    other = next(one for one in choice.candidates if not one.here)
    assert other.bits_per_byte is None
    assert mine.bits_per_byte is not None
    value, low, high = mine.bits_per_byte
    assert low < value < high
    assert value == pytest.approx(measured(tiny_base, held).mean, rel=1e-3)


def test_of_named_bases_the_one_that_foresees_the_data_leads(ws: Workspace, tiny_base: Path, tmp_path: Path) -> None:
    """The starter knows English; a model of random weights does not, whatever its size."""
    version = add_version(ws, [(Record("text", text=f"The weather is fine on day {n}."), "test") for n in range(8)])
    choice = chosen(version, ws, machine=None, base=[str(tiny_base), "starter"])
    assert [one.reference for one in choice.candidates] == ["starter", str(tiny_base)]
    first, second = (one.bits_per_byte for one in choice.candidates)
    assert first is not None
    assert second is not None
    assert first[2] < second[1]
    assert "bits per byte" in said(choice, "base").text.en


def test_nothing_is_measured_for_another_machine_or_when_not_wanted(ws: Workspace, tiny_base: Path) -> None:
    version = add_version(ws, [(record, "test") for record in TEXTS])
    for settings in ({"machine": "memory=16GB"}, {"machine": None, "sample": 0}):
        (one,) = chosen(version, ws, base=[str(tiny_base)], **settings).candidates
        assert one.bits_per_byte is None
