"""Memory for keys and values: how far it grows, and that it comes back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tuneloop.models import cache as module
from tuneloop.models.cache import Cache


def made(positions: int = 1000) -> Cache:
    shape: Any = SimpleNamespace(layers=2, kv_heads=2, head_dim=4, kv_rows=8, max_positions=positions)
    return Cache(shape, torch.float32, torch.device("cpu"))


def test_it_grows_by_doubling_and_never_beyond_the_positions() -> None:
    cache = made()
    cache.open([10])
    lengths = []
    for length in (65, 129, 300, 600, 900):
        cache.reserve(1, length)
        lengths.append(cache._keys[0].shape[2])
    assert lengths == [128, 256, 512, 1024, 1024]


def test_what_a_burst_took_comes_back_and_a_little_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = made()
    monkeypatch.setattr(module, "KEPT", cache.size(64) * 4)
    few = cache.open([10, 20])
    small = cache.held
    for _ in few:
        cache.close(0)
    assert cache.held == small > 0
    many = cache.open([500] * 8)
    assert cache.held > module.KEPT
    for _ in many[1:]:
        cache.close(0)
    assert cache.held > module.KEPT  # one is still being written
    cache.close(0)
    assert cache.held == 0
    assert list(cache.open([7])) == [0]
    assert cache.held > 0
