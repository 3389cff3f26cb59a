"""A machine in words: sizes as they are written, and every mistake told with what was expected."""

from __future__ import annotations

import pytest

from tuneloop.choose.machine import HEADROOM, Machine, described, this_machine
from tuneloop.errors import SettingError


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ("memory=24GB", Machine(24 * 10**9)),
        (" memory = 24 , cores=8 ", Machine(24 * 10**9, cores=8)),
        ("memory=64GiB,gpu=80GB", Machine(64 * 2**30, 80 * 10**9, 1)),
        ("gpu=1.5TB,gpus=8", Machine(None, 15 * 10**11, 8)),
        ("memory=8gb,gpu=24GB,gpus=0", Machine(8 * 10**9)),
    ],
)
def test_sizes_are_read_as_they_are_written(text: str, machine: Machine) -> None:
    assert described(text) == machine


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "memory=24GB"),
        ("memori=24GB", "Did you mean 'memory'"),
        ("memory", "memory=…"),
        ("memory=4GB,memory=8GB", "once"),
        ("memory=much", "a size such as"),
        ("memory=-4GB", "a size such as"),
        ("memory=0GB", "a size such as"),
        ("memory=4 bananas", "a size such as"),
        ("gpus=2,memory=8GB", "gpu=80GB beside it"),
        ("gpus=two,gpu=8GB", "a whole number"),
        ("cores=4", "memory=… or gpu=…"),
    ],
)
def test_mistakes_are_told(text: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        described(text)
    assert message in str(caught.value)
    assert "choose.machine" in str(caught.value)


def test_a_graphics_card_counts_before_the_memory() -> None:
    assert Machine(64, 100, 1).room == 100 * HEADROOM
    assert Machine(64, 100, 1).device == "cuda"
    assert Machine(100).room == 100 * HEADROOM
    assert Machine(None).room is None


def test_this_machine_has_memory_and_cores() -> None:
    machine = this_machine()
    assert machine.here
    assert machine.cores >= 1
    assert machine.memory is None or machine.memory > 10**6
