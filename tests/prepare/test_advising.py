"""Advice on amount and balance: each sentence where its figures call for it, with the figures, and not elsewhere."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tuneloop.prepare import PrepareRecipe, advising, merging, prepare
from tuneloop.prepare.advising import BaseFacts, base_facts, of_counts, of_models, of_statistics
from tuneloop.prepare.statistics import Statistics, statistics
from tuneloop.prepare.statistics_page import page
from tuneloop.store import datasets
from tuneloop.store.models import add_model

EVEN = Statistics(
    name="data-1", records=3000, splits={"train": 2400, "validation": 300, "test": 300}, kinds={"chat": 3000},
    languages={"zh": 3000}, characters=None, turns={}, labels={}, sources={"a": 1500, "b": 1500}, sampled=3000,
    tokenizer="starter", tokens=None, answer_tokens=None, near_repeats=0.0, distinct=0.6, openings={}, balance=None,
    synthetic=0.0, tags={"x": 1500, "y": 1500}, thinking=0.0,
)  # fmt: skip
NOWHERE = BaseFacts("some")


def topics(found) -> list[str]:
    return [one.topic for one in found]


def test_counts_that_call_for_nothing():
    assert topics(of_counts({"train": 2400, "validation": 300, "test": 300}, {"zh": 2000, "en": 1000})) == []
    assert topics(of_statistics(EVEN, BaseFacts("some", 7_000_000_000, 4096, "instruct"))) == []


@pytest.mark.parametrize(
    ("splits", "languages", "topic", "said"),
    [
        ({"train": 40, "test": 5}, {}, "amount", "45 records; at least 100"),
        ({"train": 600, "test": 300}, {}, "amount", "600 training records are enough to begin; 1000"),
        ({"train": 2000}, {}, "test", "No record is held out"),
        (
            {"train": 2000, "test": 40},
            {},
            "test",
            "40 test records tell a rate of 70% only to ± 14 points; ± 5 takes about 323",
        ),
        (
            {"train": 2000, "test": 300},
            {"zh": 2260, "en": 40, "und": 9},
            "languages",
            "Records in English are 1.7%, in Chinese 98%",
        ),
    ],
)
def test_what_counts_call_for(splits, languages, topic, said):
    found = list(of_counts(splits, languages))
    assert topics(found) == [topic]
    assert said in found[0].text.en
    assert any("\u4e00" <= sign <= "\u9fff" for sign in found[0].text.zh)


@pytest.mark.parametrize(
    ("change", "base", "topic", "said"),
    [
        ({"tags": {"x": 900, "y": 300, "z": 7}}, NOWHERE, "tags", "1 of 3 tags have fewer than 20 records (z)"),
        ({"tags": {"x": 900, "y": 30}}, NOWHERE, "balance", "The tag x has 30 times the records of y"),
        ({"near_repeats": 0.2}, NOWHERE, "repeats", "20% of the sampled"),
        ({"distinct": 0.1}, NOWHERE, "variety", "10% of their pieces"),
        ({"balance": 0.02}, NOWHERE, "classes", "2.0% of the most frequent"),
        ({"sources": {"a": 960, "b": 40}}, NOWHERE, "sources", "96% of the records come from a"),
        ({"synthetic": 0.8}, NOWHERE, "synthetic", "80% of the records are synthetic"),
        (
            {"too_long": 0.03},
            BaseFacts("tiny", None, 1024),
            "lengths",
            "3.0% of the sampled records are longer than the 1,024",
        ),
        ({"splits": {"train": 700}}, BaseFacts("b", 500_000_000), "model size", "500 M parameters about 2,000 rows"),
        ({"thinking": 0.1}, BaseFacts("r1", kind="reasoning"), "reasoning", "r1 is a reasoning model, and 10%"),
        ({"thinking": 0.1}, BaseFacts("b", kind="base"), "reasoning", "b is no reasoning model"),
        (
            {"thinking": 0.5},
            BaseFacts("h", kind="hybrid"),
            "reasoning",
            "50% of the answers hold reasoning and the others",
        ),
    ],
)
def test_what_statistics_call_for(change, base, topic, said):
    found = [one for one in of_statistics(replace(EVEN, **change), base) if one.topic == topic]
    assert len(found) == 1
    assert said in found[0].text.en
    assert any("\u4e00" <= sign <= "\u9fff" for sign in found[0].text.zh)
    assert [one for one in of_statistics(EVEN, base) if one.topic == topic and topic != "reasoning"] == []


def test_a_larger_base_needs_fewer_rows():
    asked = [
        [one.value for one in of_statistics(replace(EVEN, splits={"train": 400}), BaseFacts("b", size)) if one.value]
        for size in (500_000_000, 7_000_000_000, 70_000_000_000)
    ]
    assert asked == [[2000], [1000], [500]]


def test_what_is_known_of_a_base():
    starter = base_facts("starter")
    assert (starter.context, starter.kind, starter.parameters) == (1024, "base", 4_230_336)
    assert base_facts("Qwen/Qwen3-8B").context > 8000
    assert base_facts("nobody/knows-this").parameters is None


def rows(start: int, count: int):
    return [
        {"question": f"编号{n}的{chr(0x4E00 + 97 * n) * 3}指什么？", "answer": f"第{n}号{chr(0x5E00 + 31 * n) * 5}。"}
        for n in range(start, start + count)
    ]


def made(ws, write, name, these):
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in these)
    return prepare(write(name, text), workspace=ws, recipe=PrepareRecipe(split="train_only"))


def test_advice_stands_in_the_report_the_statistics_and_the_page(ws, write):
    version = made(ws, write, "a.jsonl", rows(0, 12))
    assert [one["topic"] for one in version.report["advice"]] == ["amount"]
    found = statistics(ws, version)
    html = page(replace(found, advice=tuple(of_statistics(replace(EVEN, synthetic=0.9), NOWHERE))), version)
    assert "12 records; at least 100" in html
    assert "90% of the records are synthetic" in html
    assert "90% 的记录是合成的" in html


def test_a_model_of_other_data_asks_for_one_merged_set(ws, write):
    one, two = made(ws, write, "a.jsonl", rows(0, 8)), made(ws, write, "b.jsonl", rows(100, 8))
    assert list(of_models(ws, two)) == []
    folder = ws.path("models", "m")
    (folder / "w").write_text("w")
    add_model(
        ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}, dataset=one.name
    )
    (told,) = of_models(ws, two)
    assert told.value == 8
    assert "tuneloop data merge data-2 data-1" in told.text.en
    both = merging.merge(ws, [two.name, one.name])
    assert list(of_models(ws, both)) == []
    assert [one["topic"] for one in both.report["advice"]][:1] == ["amount"]
    assert list(of_models(ws, datasets.version(ws, one.name))) == []


def test_every_sentence_has_one_place():
    """The advice of amounts is written once."""
    folder = Path(advising.__file__).parent
    holding = [path.name for path in folder.glob("*.py") if "at least {minimum} are wanted" in path.read_text("utf-8")]
    assert holding == ["advising.py"]
