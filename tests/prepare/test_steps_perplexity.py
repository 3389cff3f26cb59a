"""Records far more surprising than their like, by the starter and by groups."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from tuneloop.errors import SettingError
from tuneloop.models.chat import encode_record
from tuneloop.models.loading import load
from tuneloop.models.packed import Packed
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Drop, Keep
from tuneloop.prepare.step import steps
from tuneloop.prepare.steps.perplexity import Surprises
from tuneloop.records import Record, Turn
from tuneloop.scores.surprise import surprises
from tuneloop.text.spam.rows import texts


def dialogue(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def ordinary() -> list[Record]:
    """About sixty Chinese and forty English dialogues in plain words."""
    chinese = texts("{person}在{place}买了一(台|个){thing}，(觉得很好用|但是有点贵)，晚上回家以后告诉了{person}。", 60)
    english = texts(
        "{enname} went to the (park|shop|station) and talked with {enname} about {entopic} for an hour.", 40
    )
    return [dialogue("请讲一件小事。", text) for text in chinese] + [dialogue("Tell me.", text) for text in english]


def decided(records: list[Record], **settings: object) -> list[object]:
    batch = batches.to_batch(list(enumerate(records)))
    step = steps.create({"name": "perplexity", **settings})
    return list(step.decide(batch, step.summarize([batch])))


def test_noise_stands_out_from_its_language() -> None:
    draw = random.Random(1)
    noise = ["".join(chr(draw.randrange(0x4E00, 0x9000)) for _ in range(size)) for size in (12, 40)]
    records = [*ordinary(), *(dialogue("请讲一件小事。", one) for one in noise)]
    found = decided(records)
    for decision in found[-2:]:
        assert isinstance(decision, Drop)
        assert decision.reason == "surprising"
        assert decision.detail.startswith("z ")
    assert sum(decision != KEEP for decision in found[:-2]) <= 2
    assert decided(records, action="flag")[-1] == Keep(("surprising",))


def test_what_it_measures_is_the_mean_loss_of_the_answer() -> None:
    lm = load("starter")
    record = dialogue("请讲一件小事。", "小明在公园里看书，天黑了才回家。")
    ids, mask = encode_record(record, lm.tokenizer, lm.template)
    with torch.no_grad():
        alone = float(lm.token_nll(Packed.of([(ids, mask)])).mean())
    pair = Record(
        "preference", messages=record.messages[:1], chosen=record.messages[1:], rejected=(Turn("assistant", "不"),)
    )
    others = [
        Record("text", text="今天天气很好。"),
        Record("label", text="a", label="b"),
        record,
        pair,
        Record("text", text=""),
    ]
    found = list(surprises(lm, others, 256))
    assert found[1] is None
    assert found[4] is None
    assert found[2] is not None
    assert found[3] is not None
    assert found[2].nats == pytest.approx(alone, rel=1e-4)
    assert found[3] == pytest.approx(found[2])
    assert found[2].tokens == sum(weight > 0 for weight in mask)


def test_of_a_long_dialogue_the_part_around_the_answer_is_read() -> None:
    lm = load("starter")
    (found,) = surprises(lm, [dialogue("讲讲你的一天。" * 200, "早上起床，然后去上学。" * 50)], 64)
    assert found is not None
    assert 16 <= found.tokens <= 40


def settled(nats: list[float], by: str, limit: float, groups: list[tuple[str, int]] | None = None) -> Surprises:
    half = len(nats) // 2
    groups = groups or [("zh", 0)] * len(nats)
    rows = np.arange(len(nats))
    whole = Surprises(rows[:half], np.array(nats[:half]), groups[:half], set(), by, limit)
    whole.merge(Surprises(rows[half:], np.array(nats[half:]), groups[half:], set(), by, limit))
    whole.settle()
    return whole


def test_bounds_by_z_percentile_and_perplexity() -> None:
    nats = [*np.linspace(2, 4, 101).tolist(), 8.0]
    by_z = settled(nats, "z", 4)
    # the median is 3.01 and the median deviation 0.51: 8 is 6.6 robust deviations away
    assert by_z.decide(101) == Drop("surprising", f"z 6.599 > 4, perplexity {math.exp(8):.4g}")
    assert by_z.decide(100) is KEEP
    assert settled(nats, "z", 6.7).decide(101) is KEEP
    by_rank = settled(nats, "percentile", 95)
    assert sum(by_rank.decide(row) != KEEP for row in range(102)) == 5
    assert settled(nats, "perplexity", math.exp(3.99)).decide(100) != KEEP
    assert settled(nats, "perplexity", math.exp(4.01)).decide(100) is KEEP


def test_languages_and_lengths_are_compared_with_their_like() -> None:
    draw = random.Random(2)
    zh = [2 + draw.random() / 10 for _ in range(50)]
    en = [6 + draw.random() / 10 for _ in range(50)]
    groups = [("zh", 1)] * 51 + [("en", 1)] * 50 + [("fr", 2)] * 3
    whole = settled([*zh, 5.9, *en, 4.0, 4.0, 4.0], "z", 4, groups)
    assert [row for row in range(104) if whole.decide(row) != KEEP] == [50]


def test_few_records_strike_nobody_and_what_cannot_be_measured_is_flagged() -> None:
    assert settled([1.0, 1.0, 50.0], "z", 4).decide(2) is KEEP
    assert settled([1.0] * 40 + [math.nan], "z", 4).decide(40) == Keep(("unmeasured",))
    assert decided([Record("chat", messages=(Turn("user", "只有问题"),))]) == [Keep(("unmeasured",))]
    assert decided([Record("label", text="a", label="b")]) == [KEEP]


def test_a_sample_measures_a_share_and_the_same_each_time() -> None:
    step = steps.create({"name": "perplexity", "sample": 0.3})
    drawn = [step._drawn(f"r1:{number}") for number in range(1000)]  # type: ignore[attr-defined]
    assert 240 < sum(drawn) < 360
    assert drawn == [step._drawn(f"r1:{number}") for number in range(1000)]  # type: ignore[attr-defined]


def test_a_percentile_of_a_hundred_is_refused() -> None:
    with pytest.raises(SettingError, match="percentile below 100"):
        steps.create({"name": "perplexity", "by": "percentile", "limit": 100})
