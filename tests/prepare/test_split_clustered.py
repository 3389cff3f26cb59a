"""The split keeps together what belongs together, in proportion, and never moves an old record."""

import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.prepare import batches
from tuneloop.prepare.split import Splits, Splitter, splits
from tuneloop.records import Record, Turn

WORDS = "山水云雨风雷火土天地人心手足口目耳日月星花草树木鸟鱼虫马牛羊春夏秋冬东西南北红黄蓝白黑金银铜铁石玉书画琴棋"


def chat(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def sentence(number: int, size: int = 24) -> str:
    return "".join(random.Random(number).choices(WORDS, k=size))


def texts(count: int, first: int = 0) -> list[Record]:
    return [Record("text", text=sentence(number)) for number in range(first, first + count)]


def divide(records, *, groups=None, strata=None, assigned=None, splitter: Splitter | None = None) -> Splits:
    splitter = splitter or splits.create("clustered")
    return splitter.split(splitter.observe(batches.to_batch(enumerate(records)), groups, strata, assigned))


def places(records, result: Splits) -> dict[str, str | None]:
    return dict(zip([record.id for record in records], result.of(record.id for record in records), strict=True))


def test_shares_are_met_in_the_whole_and_in_each_stratum():
    records = texts(1000)
    strata = ["shop" if number % 4 else "family" for number in range(1000)]
    result = divide(records, strata=strata)
    assert result.counts == {"train": 800, "validation": 100, "test": 100}
    for name, size in (("family", 250), ("shop", 750)):
        rows = [record.id for record, stratum in zip(records, strata, strict=True) if stratum == name]
        assert abs(result.of(rows).count("test") - size / 10) <= 1


def test_labels_are_spread_without_being_told():
    records = [Record("label", text=sentence(n), label="差评" if n % 10 else "好评") for n in range(400)]
    where = places(records, divide(records))
    tested = [record for record in records if where[record.id] == "test"]
    assert len(tested) == 40
    assert 3 <= sum(record.label == "好评" for record in tested) <= 5


def test_under_thirty_records_all_are_trained_on_and_it_is_said():
    result = divide(texts(29))
    assert result.counts == {"train": 29, "validation": 0, "test": 0}
    assert "29" in result.advice[0].text.zh
    assert divide(texts(30)).counts == {"train": 24, "validation": 3, "test": 3}


def test_near_duplicates_stay_on_one_side():
    records, twins = [], []
    for number in range(300):
        text = sentence(number)
        twin = text[:9] + "变" + text[10:]
        records += [Record("text", text=text), Record("text", text=twin)]
        twins.append((Record("text", text=text).id, Record("text", text=twin).id))
    where = places(records, divide(records))
    assert sum(where[one] != where[two] for one, two in twins) == 0


def test_one_question_with_different_answers_stays_on_one_side():
    records = [chat(f"{sentence(n, 7)}是什么意思？", sentence(1000 * n + m, 30)) for n in range(60) for m in range(3)]
    where = places(records, divide(records))
    for start in range(0, 180, 3):
        assert len({where[record.id] for record in records[start : start + 3]}) == 1
    assert divide(records).counts["test"] in range(15, 22)


def test_a_shared_system_prompt_or_instruction_does_not_glue_everything_together():
    system = Turn("system", sentence(7, 200))
    prompted = [
        Record("chat", messages=(system, *chat(sentence(n, 12), sentence(-n, 12)).messages)) for n in range(200)
    ]
    assert divide(prompted).figures["largest"] == 1
    template = sentence(8, 60)
    asked = [chat(f"{template}：{sentence(n, 12)}", "好评" if n % 2 else "差评") for n in range(400)]
    assert divide(asked).figures["largest"] < 5


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_group_is_never_separated_and_order_does_not_matter(data):
    count = data.draw(st.integers(30, 80))
    keys = data.draw(
        st.lists(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=2), min_size=count, max_size=count)
    )
    records = texts(count)
    result = divide(records, groups=keys)
    where = places(records, result)
    members = defaultdict(set)
    for record, names in zip(records, keys, strict=True):
        for name in names:
            members[name].add(where[record.id])
    assert all(len(found) == 1 for found in members.values())
    assert sum(result.counts.values()) == count

    shuffled = data.draw(st.permutations(range(count)))
    half = count // 2
    splitter = splits.create("clustered")
    parts = [
        splitter.observe(batches.to_batch((row, records[row]) for row in rows), [keys[row] for row in rows])
        for rows in (shuffled[:half], shuffled[half:])
    ]
    assert places(records, splitter.split(parts[1] + parts[0])) == where


def test_the_seed_decides_and_nothing_else():
    records = texts(200)
    one, two = (divide(records, splitter=splits.create({"name": "clustered", "seed": seed})) for seed in (1, 2))
    assert places(records, one) != places(records, two)
    assert places(records, one) == places(
        records, divide(records, splitter=splits.create({"name": "clustered", "seed": 1}))
    )


def test_old_records_keep_their_place_and_new_ones_bring_the_shares_right():
    old = texts(100)
    before = places(old, divide(old))
    new = texts(300, first=5000)
    everything = old + new
    assigned = [before.get(record.id) for record in everything]
    result = divide(everything, assigned=assigned)
    after = places(everything, result)
    assert all(after[name] == place for name, place in before.items())
    assert result.counts == {"train": 320, "validation": 40, "test": 40}


def test_a_new_near_duplicate_follows_the_old_record():
    old = texts(60)
    before = places(old, divide(old))
    tested = next(record for record in old if before[record.id] == "test")
    twin = Record("text", text=tested.text[:10] + "新" + tested.text[11:])
    result = divide([*old, twin], assigned=[*before.values(), None])
    assert result.of([twin.id]) == ["test"]


def test_a_new_record_between_train_and_test_is_left_out():
    old = texts(60)
    before = places(old, divide(old))
    trained, tested = (next(record for record in old if before[record.id] == split) for split in ("train", "test"))
    bridge = Record("text", text=sentence(9999))
    follower = Record("text", text=sentence(8888))
    records = [*old, bridge, follower]
    groups = [{trained.id: ["t"], tested.id: ["s"]}.get(record.id, []) for record in old] + [["t", "s"], ["s"]]
    result = divide(records, groups=groups, assigned=[*before.values(), None, None])
    assert result.of([bridge.id, follower.id]) == [None, "test"]
    assert result.bridges == [bridge.id]
    assert result.of([trained.id, tested.id]) == ["train", "test"]
    assert any(advice.text.zh.startswith("有 1 条") for advice in result.advice)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_new_record_ever_ties_two_splits_together(data):
    names = st.lists(st.sampled_from("abcdefgh"), max_size=2)
    records = texts(36)
    keys = data.draw(st.lists(names, min_size=36, max_size=36))
    old = data.draw(st.lists(st.sampled_from(["train", "validation", "test", None]), min_size=36, max_size=36))
    where = divide(records, groups=keys, assigned=old).of(record.id for record in records)
    assert all(now == before for now, before in zip(where, old, strict=True) if before)
    for one, place in enumerate(where):
        if old[one] is None and place is not None:
            sharing = [other for other in range(36) if set(keys[one]) & set(keys[other]) and where[other] is not None]
            assert {where[other] for other in sharing} <= {place}


def test_the_table_lists_every_record_with_its_cluster():
    records = texts(40)
    table = divide(records, groups=[["same"]] * 5 + [[]] * 35).table().to_pylist()
    assert [row["record"] for row in table] == sorted(record.id for record in records)
    by_id = {row["record"]: row for row in table}
    assert len({by_id[record.id]["cluster"] for record in records[:5]}) == 1
    assert len({row["cluster"] for row in table}) == 36


def test_an_unknown_id_is_an_error():
    with pytest.raises(KeyError):
        divide(texts(30)).of([Record("text", text="没见过").id])


def test_train_only_puts_everything_into_train():
    result = divide(texts(100), splitter=splits.create("train_only"))
    assert result.counts == {"train": 100, "validation": 0, "test": 0}
