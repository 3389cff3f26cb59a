"""The split is even within each tag, loses no rare one, and still keeps together what belongs together."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict

import pytest
from tests.prepare.test_split_clustered import places, sentence, texts

from tuneloop.config import read
from tuneloop.prepare import PrepareRecipe, batches, prepare, versions
from tuneloop.prepare.split import Splits, splits
from tuneloop.records import Record
from tuneloop.store.tags import tags_of

SIZES = {
    "退款": 500,
    "物流": 200,
    "发票": 100,
    "会员": 60,
    "投诉": 40,
    "门店": 30,
    "积分": 20,
    "保修": 10,
    "招聘": 3,
    "法务": 2,
}


def divide(records, tags, *, groups=None, assigned=None, **settings) -> Splits:
    splitter = splits.create({"name": "clustered", **settings})
    summary = splitter.observe(batches.to_batch(enumerate(records)), groups, None, assigned, tags)
    return splitter.split(summary)


def per_tag(records, tags, result: Splits) -> dict[str, Counter[str]]:
    where, found = places(records, result), defaultdict(Counter)
    for record, own in zip(records, tags, strict=True):
        for tag in own:
            found[tag][where[record.id]] += 1
    return found


def one_tag_each() -> list[tuple[str, ...]]:
    tags = [(tag,) for tag, size in SIZES.items() for _ in range(size)] + [()] * 35
    random.Random(0).shuffle(tags)
    return tags


@pytest.mark.parametrize("seed", range(4))
def test_shares_are_met_within_each_tag_and_in_all(seed):
    tags = one_tag_each()
    records = texts(len(tags))
    result = divide(records, tags, seed=seed)
    assert result.counts == {"train": 800, "validation": 100, "test": 100}
    for tag, found in per_tag(records, tags, result).items():
        for split, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
            assert abs(found[split] - share * SIZES[tag]) <= 1.5, (tag, split)
        assert found["train"] >= 1
        assert SIZES[tag] < 20 or found["test"] >= 1


def test_records_with_several_tags_are_even_in_each():
    generator = random.Random(1)
    names = [f"tag {number}" for number in range(25)]
    tags = [
        tuple({name for place, name in enumerate(names) if generator.random() < 0.5 / (place + 1)}) for _ in texts(2000)
    ]
    records = texts(2000)
    result = divide(records, tags, validation=0.15, test=0.15)
    assert all(abs(result.counts[split] - wanted) <= 10 for split, wanted in (("train", 1400), ("test", 300)))
    for found in per_tag(records, tags, result).values():
        assert abs(found["test"] - 0.15 * found.total()) <= max(2, 0.03 * found.total())
        assert found["train"] >= 0.6 * found.total()


def test_tags_of_few_records_each_do_not_starve_the_test():
    tags = [(f"tag {number // 2}",) for number in range(400)]
    records = texts(400)
    result = divide(records, tags)
    assert 35 <= result.counts["test"] <= 45
    assert all(found["train"] for found in per_tag(records, tags, result).values())


def test_clusters_and_groups_stay_whole():
    generator = random.Random(2)
    tags = [(generator.choice("甲乙丙丁"),) if generator.random() < 0.7 else () for _ in range(600)]
    groups = [[f"group {number // 3}"] for number in range(600)]
    records = texts(600)
    result = divide(records, tags, groups=groups)
    where = places(records, result)
    assert all(len({where[records[3 * g + at].id] for at in range(3)}) == 1 for g in range(200))
    for found in per_tag(records, tags, result).values():
        assert abs(found["test"] - 0.1 * found.total()) <= 4


def test_neither_order_nor_parts_change_it_and_the_seed_does():
    tags = one_tag_each()
    records = texts(len(tags))
    before = places(records, divide(records, tags))
    order = list(range(len(records)))
    random.Random(3).shuffle(order)
    splitter = splits.create("clustered")
    parts = [
        splitter.observe(batches.to_batch((row, records[row]) for row in rows), tags=[tags[row] for row in rows])
        for rows in (order[:300], order[300:])
    ]
    assert places(records, splitter.split(parts[1] + parts[0])) == before
    assert places(records, divide(records, tags, seed=5)) != before


def test_new_records_bring_an_old_tag_right():
    """The old split tested nothing of the tag; the new records make up for it."""
    records = texts(200)
    tags = [("退款",) if number < 50 or number >= 100 else () for number in range(200)]
    result = divide(records, tags, assigned=["train"] * 100 + [None] * 100)
    found = per_tag(records, tags, result)["退款"]
    assert found.total() == 150
    assert 15 <= found["test"] <= 20  # 15 of the tag, or the 20 of all


def test_tags_that_the_test_lacks_are_said():
    tags = one_tag_each()
    result = divide(texts(len(tags)), tags)
    assert result.figures["tags"] == len(SIZES)
    (advice,) = [one for one in result.advice if "标签" in one.text.zh]
    assert "法务" in advice.text.zh
    assert f"{result.figures['untested']} tags" in advice.text.en


def test_a_prepared_version_is_even_in_the_tags_of_its_columns(ws, write):
    rows = [{"text": sentence(n), "topic": "常见" if n % 4 else "少见"} for n in range(200)]
    rows += [{"text": sentence(n), "topic": "只在重复里"} for n in range(0, 40, 2)]
    file = write("rows.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    recipe = read(PrepareRecipe, {"tags": "topic", "steps": ["exact_duplicates"]})
    version = prepare(file, workspace=ws, recipe=recipe)
    tags, found = tags_of(ws, version), defaultdict(Counter)
    for record, split, _ in versions.records(ws, version):
        for tag in tags[record.id]:
            found[tag][split] += 1
    assert {tag: own.total() for tag, own in found.items()} == {"常见": 150, "少见": 50, "只在重复里": 20}
    assert {tag: own["test"] for tag, own in found.items()} == {"常见": 15, "少见": 5, "只在重复里": 2}
    assert version.report["split_figures"]["tags"] == 3
    more = [{"text": sentence(n), "topic": "少见"} for n in range(1000, 1050)]
    added = write("more.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in more))
    extended = prepare(added, workspace=ws, recipe=recipe.model_copy(update={"extend": version.name}))
    tags = tags_of(ws, extended)
    rare = [record.id for record, split, _ in versions.records(ws, extended, "test") if "少见" in tags[record.id]]
    assert len(rare) == 10


def test_records_of_a_class_and_of_a_tag_are_even_in_both():
    generator = random.Random(4)
    records = [Record("label", text=sentence(n), label=generator.choice(["好评", "差评"])) for n in range(500)]
    tags = [(generator.choice(["手机", "电脑", "相机"]),) for _ in records]
    result = divide(records, tags)
    where = places(records, result)
    for label in ("好评", "差评"):
        own = [record for record in records if record.label == label]
        assert abs(sum(where[record.id] == "test" for record in own) - 0.1 * len(own)) <= 5
