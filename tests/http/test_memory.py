"""The service's memory over many requests, loads, and clients that vanish: `benchmarks/service_memory.py` with a bar.

The short runs find what is lost in each request by the tens of kilobytes, or a thread, a socket, a request that stays;
the long ones carry the mark `soak`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MOST, MOST_SHORT = 1.05, 1.1
"""The last tenth's resident memory over the second's; a short run still grows into its caches (seen: 1.02 to 1.06)."""
LONG: set[int] = set()


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def counts(short: int, long: int) -> Any:
    LONG.add(long)
    soak = [pytest.mark.soak, pytest.mark.timeout(7200)]
    return pytest.mark.parametrize("count", [short, pytest.param(long, marks=soak)])


def most_of(count: int) -> float:
    return MOST if count in LONG else MOST_SHORT


def flat(watch: Any, most: float) -> None:
    from harness import soaking

    told = soaking.table(watch)
    for name, growth in watch.growth().items():
        assert growth <= most, f"{name}\n{told}"
    for name, second, last in watch.rows():
        assert last.files <= second.files + 16, f"{name}\n{told}"
        assert last.threads <= second.threads + 12, f"{name}\n{told}"


@counts(400, 10_000)
def test_requests_of_all_kinds(tmp_path: Path, count: int) -> None:
    from harness import soaking

    watch, told = soaking.run(tmp_path, soaking.requests, count)
    assert sum(told.values()) == count
    assert set(told) <= {200, 201, 400, 404}, told
    assert told[200] > 0.7 * count
    flat(watch, most_of(count))


@counts(3, 20)
def test_a_base_with_an_adapter_loaded_and_unloaded(tmp_path: Path, count: int) -> None:
    from harness import soaking

    loaded, empty = soaking.run(tmp_path, soaking.rounds, count)
    flat(loaded, most_of(count))
    flat(empty, most_of(count))
    assert soaking.ENGINE in loaded.seen
    assert soaking.ENGINE not in empty.seen
    with_engine = min(one.own for one in loaded.seen[soaking.ALL])
    assert max(one.own for one in empty.seen[soaking.ALL]) < 0.7 * with_engine


@counts(60, 1000)
def test_clients_that_vanish(tmp_path: Path, count: int) -> None:
    from harness import soaking

    watch, after = soaking.run(tmp_path, soaking.leavers, count)
    assert after.in_flight == 1, after  # the request that asks
    assert after.busy < 0.2, after
    assert after.answers == 20, after
    assert after.noted["cancelled"] > 0.5 * count, after
    if count > 100:
        flat(watch, most_of(count))
