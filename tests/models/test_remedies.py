"""What to change so that a run fits, and that it then does by the same estimate."""

from __future__ import annotations

import gc

from tests.models.test_memory import SMOL, WORK

from tuneloop.models import tunings
from tuneloop.models.memory import estimate
from tuneloop.models.remedies import remedies
from tuneloop.models.room import Growth, compared, free, size


def test_each_change_saves_and_those_that_suffice_come_first() -> None:
    now = estimate(SMOL, tunings.full(SMOL), WORK).total
    found = remedies(SMOL, tunings.full(SMOL), WORK, room=round(0.8 * now))
    assert found[0].fits
    assert [one.fits for one in found] == sorted((one.fits for one in found), reverse=True)
    assert all(one.total < now and one.saved == now - one.total for one in found)
    assert all(one.fits == (one.total <= round(0.8 * now)) for one in found)
    keys = {one.key for one in found}
    assert {"micro_tokens", "gradient_checkpointing", "tuner"} <= keys


def test_micro_tokens_are_not_cut_below_what_is_needed() -> None:
    now = estimate(SMOL, tunings.full(SMOL), WORK).total
    found = {one.key: one for one in remedies(SMOL, tunings.full(SMOL), WORK, room=round(0.95 * now))}
    assert found["micro_tokens"].settings == {"micro_tokens": 1024}
    found = {one.key: one for one in remedies(SMOL, tunings.full(SMOL), WORK, room=1)}
    assert found["micro_tokens"].settings == {"micro_tokens": WORK.longest}
    assert not any(one.fits for one in found.values())


def test_sentences_have_the_numbers_in_both_languages() -> None:
    one = remedies(SMOL, tunings.full(SMOL), WORK, room=1)[0]
    for text in one.words:
        assert size(one.total) in text
        assert size(one.saved) in text


def test_what_makes_no_sense_is_not_offered() -> None:
    keys = [list(one.settings) for one in remedies(SMOL, tunings.qlora(SMOL, 8), WORK, room=1)]
    assert ["tuner"] not in keys  # it has the sparest one
    narrow = tunings.lora(SMOL, 8)
    short = type(WORK)(tokens=256, longest=256, dtype="bfloat16", checkpointing=True)
    assert [one.key for one in remedies(SMOL, narrow, short, room=1)] in ([], ["tuner"])


def test_growth_is_that_of_this_process() -> None:
    gc.collect()  # what other tests left would go meanwhile
    growth = Growth()
    block = bytearray(80_000_000)
    block[::4096] = b"x" * len(block[::4096])
    peak = growth.peak()
    assert peak is None or 78e6 < peak < 120e6
    del block
    again = Growth().peak()
    assert again is None or again < 40e6  # the peak before it was made does not count
    room = free()
    assert room is None or room > 0


def test_the_error_is_that_of_the_estimate() -> None:
    text = compared(1_100_000_000, 1_000_000_000)
    assert text.en == "memory: 1.1 GB estimated, 1.0 GB measured, error +10%"
    assert "误差 +10%" in text.zh
