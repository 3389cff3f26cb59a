"""What a step strikes, by source and language, and when that is odd."""

import json

from tuneloop.prepare import PrepareRecipe, batches, prepare
from tuneloop.prepare.spread import Spread
from tuneloop.records import Record


def counted(touched: dict[str, int], seen: int = 100) -> Spread:
    """`seen` records in each of the languages, of which some are touched; each language is a source too."""
    texts = {"zh": "今天天气很好", "en": "the weather is fine and we go out", "ru": "сегодня хорошая погода"}
    starts: list[int] = []
    spread, row = Spread(starts), 0
    for language, count in touched.items():
        starts.append(row)
        batch = batches.to_batch((row + at, Record("text", text=f"{texts[language]} {at}")) for at in range(seen))
        spread.count(batch, range(count))
        row += seen
    return spread


def shares(spread: Spread) -> dict[str, tuple[int, int, bool]]:
    return {one.value: (one.touched, one.seen, one.odd) for one in spread.shares(["a.txt", "b.txt"])}


def test_a_rule_that_strikes_one_language_is_odd():
    found = shares(counted({"zh": 40, "en": 2}))
    assert found == {
        "zh": (40, 100, True),
        "en": (2, 100, False),
        "a.txt": (40, 100, True),
        "b.txt": (2, 100, False),
    }


def test_equal_shares_chance_and_small_numbers_are_not():
    assert not any(odd for *_, odd in shares(counted({"zh": 30, "en": 20})).values())
    assert not any(odd for *_, odd in shares(counted({"zh": 3, "en": 0})).values())
    assert not any(odd for *_, odd in shares(counted({"zh": 15, "en": 0}, seen=15)).values())
    assert counted({"zh": 0, "en": 0}).shares(["a", "b"]) == []


def test_one_batch_over_two_sources_is_told_apart():
    spread = Spread([0, 3])
    spread.count(batches.to_batch((row, Record("text", text="好的呀")) for row in range(5)), [1, 4])
    assert {(one.value, one.seen, one.touched) for one in spread.shares(["a", "b"]) if one.by == "source"} == {
        ("a", 3, 1),
        ("b", 2, 1),
    }


def test_a_trial_shows_examples_shares_and_a_warning(ws, write):
    rows = [{"text": f"第{number}条新闻，今天的天气很好，大家都出门去了"} for number in range(60)]
    odd = [
        {"text": f"Entry {number}: see https://example.com/{number} for the whole story of it"} for number in range(60)
    ]
    files = [
        write(name, "\n".join(json.dumps(row) for row in part))
        for name, part in (("zh.jsonl", rows), ("en.jsonl", odd))
    ]
    recipe = PrepareRecipe(steps=("normalize", "urls"), split="train_only")
    report = prepare(files, workspace=ws, recipe=recipe, dry_run=True).report
    urls = report["steps"][1]
    assert urls["replaced"] == 60
    assert {(one["by"], one["value"]): (one["rate"], one["odd"]) for one in urls["spread"]} == {
        ("language", "en"): (1.0, True),
        ("language", "zh"): (0.0, False),
        ("source", str(files[1])): (1.0, True),
        ("source", str(files[0])): (0.0, False),
    }
    examples = [one for one in report["examples"]["changed"] if one["step"] == "urls"]
    assert len(examples) == 20
    assert examples[0]["before"].startswith("Entry 0: see https://example.com/0 for")
    assert examples[0]["after"].startswith("Entry 0: see [link] for")
    assert [one["topic"] for one in report["advice"]].count("spread") == 2


def test_a_rule_that_strikes_one_tag_is_odd(ws, write):
    linked, plain = "详情见 https://example.com/", "今天的天气很好，大家都出门去了"
    rows = [
        {"text": f"第{n}条，{plain if n % 3 else linked}", "topic": "新闻" if n % 3 else ["导流", "新闻"]}
        for n in range(90)
    ]
    recipe = PrepareRecipe(steps=("urls",), split="train_only", tags={"columns": ["topic"]})
    file = write("news.jsonl", "\n".join(json.dumps(row) for row in rows))
    report = prepare(file, workspace=ws, recipe=recipe, dry_run=True).report
    found = {one["value"]: (one["touched"], one["seen"], one["odd"]) for one in report["steps"][0]["spread"]}
    assert found["导流"] == (30, 30, True)
    assert found["新闻"] == (30, 90, False)
    assert [one["text"]["zh"] for one in report["advice"] if one["topic"] == "spread"] == [
        "“网址”影响了带有标签 导流 的 100% 的记录，是其他部分的几倍。请查看示例，这条规则可能不适合它们。"
    ]
