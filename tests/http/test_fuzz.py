"""Requests made from our own description, fitting and not: none is answered with a 500, and what is refused has the
one error shape.  The default run asks at least 150 times, the mark `soak` over 1,000 for each of three seeds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from tests.http.serving import Running, running
from tests.http.test_answers import Kept

from tuneloop import loop
from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.serve.exchanges import ExchangeLog
from tuneloop.store import Workspace

pytestmark = pytest.mark.slow
LEFT_OUT = {"/v1/fine_tuning/jobs/{identity}/events"}
"""Streams until a job has ended: asked for by the tests of jobs."""


@contextmanager
def served(folder: Path) -> Iterator[Running]:
    """A workspace with a data version, and a base that pretends."""
    file = folder / "rooms.jsonl"
    rows = [{"question": f"What is room {n}?", "answer": f"Room {n} has {n} chairs."} for n in range(12)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with Workspace.find(folder / "w") as ws:
        loop.prepare(file, workspace=ws)
        parts: dict[str, Any] = {"answers": Answers(ws, elsewhere={"fake": Kept(context=100)})}
        with running(Service(ws, parts | {"exchanges": ExchangeLog(ws)})) as found:
            yield found


def seeds() -> list[Any]:
    return [(150, 0), *(pytest.param(1000, number, marks=pytest.mark.soak) for number in (1, 2, 3))]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("wanted", "number"), seeds())
def test_no_request_makes_the_server_stumble(tmp_path: Path, wanted: int, number: int) -> None:
    with served(tmp_path) as server:
        assert_nothing_stumbles(server, wanted, number)


def assert_nothing_stumbles(server: Running, wanted: int, number: int) -> None:
    """At least `wanted` requests, drawn by the seed `number`."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/api/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [one for one in operations if one.path not in LEFT_OUT]
    each = max(1, round(0.9 * wanted / len(operations)))  # some cannot be asked so often, or wrongly
    told: list[str] = []
    statuses: Counter[int] = Counter()
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for found in asked(operation, mode, each, number):
                statuses[found.status_code] += 1
                if found.status_code >= 500:
                    told.append(f"{operation.method} {operation.path}: {found.status_code} {found.text[:300]}")
                elif found.status_code >= 400:
                    assert set(found.json()["error"]) >= {"message", "type", "param", "code"}, operation.path
    assert not told, "\n".join(told)
    assert sum(statuses.values()) >= wanted, statuses
    assert statuses[200] >= wanted / 20, statuses
    assert statuses[400] >= wanted / 20, statuses


def asked(operation: Any, mode: GenerationMode, count: int, number: int) -> list[Any]:
    """The answers to `count` requests; operations that cannot be asked wrongly give fewer."""
    answers: list[Any] = []
    strategy = operation.as_strategy(generation_mode=mode)

    @seed(number)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def ask(case: Any) -> None:
        answers.append(case.call(timeout=300))  # the first answer of the starter loads it

    # an operation without parameters cannot be asked wrongly
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        ask()
    return answers
