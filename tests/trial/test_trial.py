"""Trials on a tiny model: a set whose answers follow from its questions helps, one whose answers were exchanged does
not, and a set made worse is found worse."""

import math
import random

import pytest
from tests.tiny import byte_tokenizer
from tests.train.conftest import add_version, chat

from tuneloop import loop
from tuneloop.errors import NotFoundError, SettingError, StoppedError, UsageError
from tuneloop.models.chat import encode_record
from tuneloop.models.new import NewModel, create
from tuneloop.models.packed import Packed
from tuneloop.records import Record
from tuneloop.runs import queue
from tuneloop.scores.paired import FEWEST, change, records_wanted
from tuneloop.store import Workspace, models
from tuneloop.trial import TrialSettings, check
from tuneloop.trial.sides import exchange

SHAPE = {
    "hidden": 64,
    "layers": 2,
    "heads": 2,
    "kv_heads": 1,
    "head_dim": 32,
    "intermediate": 128,
    "max_positions": 128,
}
WORDS = ["red", "blue", "green", "white"]
QUICK = {"steps": 60, "train": {"learning_rate": 0.01, "batch": 8, "tuner": {"name": "lora", "rank": 16}}}


def rows(seed: int, answers=None):
    """60 questions to hold out and 240 to learn, of which the letter decides the answer."""
    dice = random.Random(seed)
    found = []
    for number in range(300):
        letter = "abcd"[number % 4]
        told = WORDS[number % 4] if answers is None else dice.choice(answers)
        split = "test" if number < 60 else "train"
        source = "one.jsonl" if number % 4 < 2 else "two.jsonl"
        found.append((chat(f"{dice.randrange(100, 999)}{letter}?", told), split, 1.0, source))
    return list({record.id: (record, *rest) for record, *rest in found}.values())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Knows the words and that a letter decides, of other letters: so that a few steps of an adapter teach it more."""
    import torch

    lm = create(NewModel(**SHAPE), byte_tokenizer(), "float32")
    dice = random.Random(7)
    told = [chat(f"{dice.randrange(100, 999)}{'efgh'[n % 4]}?", WORDS[n % 4]) for n in range(400)]
    told += [chat(f"{dice.randrange(100, 999)}{'abcd'[n % 4]}?", dice.choice(WORDS)) for n in range(400)]
    pieces = [encode_record(record, lm.tokenizer, lm.template) for record in told]
    optimizer = torch.optim.AdamW(lm.module.parameters(), lr=5e-3)
    for _ in range(200):
        batch = Packed.of([(one.ids, one.mask) for one in dice.sample(pieces, 24)])
        lm.token_nll(batch).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("tiny")
    lm.save(folder)
    return str(folder)


@pytest.fixture
def ws(tmp_path):
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def good(ws):
    return add_version(ws, rows(1))


def test_a_helpful_set_helps_and_one_made_worse_hurts(ws, good, tiny):
    heard = []
    found = loop.trial(good.name, workspace=ws, base=tiny, progress=heard.append, **QUICK)
    assert (found.verdict, found.against, found.test) == ("helps", "base", "data-1 (test)")
    assert found.change.high < 0
    assert found.control.high < 0
    assert found.change.after < 0.5 * found.change.before
    assert found.groups == {}  # one source, one language and no tags
    assert "helps" in found.sentence.en
    assert "有帮助" in found.sentence.zh
    assert heard[-1].total == 2 * QUICK["steps"]
    assert models.models(ws) == []  # nothing is kept but the result
    run = queue.list(ws, "trial")[0]
    assert (run.state, run.result["verdict"], run.result["data"]) == ("succeeded", "helps", good.name)
    shuffled = add_version(ws, rows(2, answers=WORDS))
    against = loop.trial(shuffled.name, workspace=ws, base=tiny, against=good.name, test=good.name, **QUICK)
    assert against.verdict == "hurts"
    assert against.control is None
    assert "training on data-1" in against.sentence.en


def test_exchanged_answers_are_not_found_helpful(ws, tiny):
    shuffled = add_version(ws, rows(2, answers=WORDS))
    found = loop.trial(shuffled.name, workspace=ws, base=tiny, **QUICK)
    assert found.verdict in ("form", "unclear")
    assert any("--steps 180" in line.en for line in found.advice)
    new = add_version(ws, rows(3, answers=["pink", "grey", "gold"]))
    learnt = loop.trial(new.name, workspace=ws, base=tiny, **QUICK)
    assert learnt.change.high < 0  # these words were learnt, and nothing else
    assert learnt.verdict == "form"
    assert "exchanged" in learnt.sentence.en


def test_a_part_without_which_it_would_be_better(ws, tiny):
    found = [one for one in rows(1) if one[1] == "test"]
    found += [(*one[:3], "right.jsonl") for one in rows(1) if one[1] == "train"][:120]
    found += [(*one[:3], "wrong.jsonl") for one in rows(5, answers=WORDS) if one[1] == "train"]
    version = add_sourced(ws, list({one[0].id: one for one in found}.values()))
    worse = loop.trial(version.name, workspace=ws, base=tiny, without="source:wrong.jsonl", **QUICK)
    assert (worse.verdict, worse.without) == ("hurts", "source:wrong.jsonl")
    with pytest.raises(UsageError, match=r"one\.jsonl, right\.jsonl"):
        loop.trial(version.name, workspace=ws, base=tiny, without="source:other.jsonl", **QUICK)
    with pytest.raises(UsageError, match="no tag 'a'"):
        loop.trial(version.name, workspace=ws, base=tiny, without="tag:a", **QUICK)


def add_sourced(ws, found):
    """A version whose sources are the names of its files."""
    from tuneloop.store import datasets

    made = add_version(ws, found)
    address = datasets.addresses(ws, made.name, "origins")
    with ws.ledgers.writer("origins") as writer:
        for one in address:
            for batch in ws.ledgers.read(one):
                writer.write([{**row, "source": row["file"]} for row in batch.to_pylist()])
        ledgers = {kind: datasets.addresses(ws, made.name, kind) for kind in ("records", "members")}
        return datasets.add_version(
            ws, id="d1:sourced", splits=made.splits, kinds=made.kinds, pipeline={}, report={},
            ledgers=ledgers | {"origins": [writer.commit()]},
        )  # fmt: skip


def test_held_out_records_that_a_side_was_trained_on_are_left_out(ws, good, tiny):
    leaking = add_version(ws, [(record, "train", *rest) for record, _, *rest in rows(1)])
    with pytest.raises(UsageError, match="neither side trains on"):
        loop.trial(good.name, workspace=ws, base=tiny, against=leaking.name, **QUICK)
    tested = [one for one in rows(1) if one[1] == "test"]
    half = add_version(ws, [(record, "train", *rest) for record, _, *rest in tested[:20]])
    found = loop.trial(good.name, workspace=ws, base=tiny, against=half.name, **QUICK | {"steps": 2})
    assert found.change.records == len(tested) - 20
    assert any("20 held-out records" in line.en for line in found.advice)


def test_what_cannot_be_tried_is_refused_before_anything_is_loaded(ws, good):
    labels = add_version(ws, [(Record("label", text=f"t{n}", label="a"), "train", 1.0, "f") for n in range(4)])
    alone = add_version(ws, [(chat("q?", "a"), "train", 1.0, "f")])
    with pytest.raises(UsageError, match="holds label"):
        check(ws, labels, TrialSettings())
    with pytest.raises(UsageError, match="no held-out records"):
        check(ws, alone, TrialSettings())
    with pytest.raises(UsageError, match="with itself"):
        check(ws, good, TrialSettings(against=good.name))
    with pytest.raises(NotFoundError):
        check(ws, good, TrialSettings(against="data-9"))
    with pytest.raises(SettingError, match="steps"):
        check(ws, good, TrialSettings(train={"stepz": 1}))
    with pytest.raises(UsageError, match="changes the base itself"):
        check(ws, good, TrialSettings(train={"tuner": "full"}))
    for wrong in ({"without": "refunds"}, {"without": "tag:a", "against": "data-1"}, {"steps": 0}):
        with pytest.raises(SettingError):
            loop.trial(good.name, workspace=ws, **wrong)


def test_a_trial_is_stopped_when_asked(ws, good, tiny):
    def stop(progress):
        run = queue.list(ws, "trial")[0]
        if run.state == "running":
            queue.cancel(ws, run.id)

    with pytest.raises(StoppedError, match="stopped"):
        loop.trial(good.name, workspace=ws, base=tiny, progress=stop, **QUICK | {"steps": 5000})
    assert queue.list(ws, "trial")[0].state in ("cancelled", "paused")


def test_answers_change_places_and_none_is_lost():
    told = [one[0] for one in rows(1)][:40]
    moved = exchange(told, 0)
    assert [one.messages[0] for one in moved] == [one.messages[0] for one in told]
    assert sorted(one.messages[1].text for one in moved) == sorted(one.messages[1].text for one in told)
    assert sum(a.messages[1] == b.messages[1] for a, b in zip(told, moved, strict=True)) < 25
    assert exchange(told, 0) == moved != exchange(told, 1)


def test_the_interval_of_a_change_holds_the_truth():
    dice = random.Random(3)
    held = 0
    for _ in range(200):
        octets = [dice.randrange(20, 60) for _ in range(60)]
        before = [dice.gauss(2.0, 0.5) * count for count in octets]
        after = [one - dice.gauss(0.1, 0.3) * count for one, count in zip(before, octets, strict=True)]
        found = change([before], [after], octets, seed=dice.randrange(99))
        held += found.low <= -0.1 / math.log(2) <= found.high
    assert held / 200 > 0.88  # the percentile bootstrap of 60 records covers a little less than 95 %


def test_a_change_is_counted_in_bits_per_byte_and_needs_records():
    found = change([[math.log(2) * 8] * 10], [[math.log(2) * 4] * 10], [4] * 10)
    assert (found.before, found.after, found.change) == pytest.approx((2.0, 1.0, -1.0))
    assert found.verdict == "helps"
    few = change([[2.0] * 5], [[1.0] * 5], [4] * 5)
    assert (few.verdict, few.low, few.records) == ("unclear", -math.inf, 5)
    assert records_wanted(few) is None
    assert FEWEST > 5


def test_many_groups_and_several_seeds_make_intervals_wider():
    dice = random.Random(4)
    before = [[dice.gauss(2, 0.5) for _ in range(50)]]
    after = [[dice.gauss(1.9, 0.5) + shift for _ in range(50)] for shift in (-0.3, 0.0, 0.3)]
    octets = [1] * 50
    one, of_twenty = (change(before, after[1:2], octets, of=count) for count in (1, 20))
    assert of_twenty.high - of_twenty.low > 1.2 * (one.high - one.low)
    seeds = change(before, after, octets)
    assert seeds.change == pytest.approx(sum(change(before, [single], octets).change for single in after) / 3)
    assert seeds.high - seeds.low > one.high - one.low
