"""Every objective with every tuner that it may have: each pair learns, and a run that was stopped goes on exactly.

Both come from the registries, so a new member is tried by itself.  What a member needs beyond records stands in
`SETTINGS` and `WATCHED`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import StoppedError
from tuneloop.records import Record, Turn
from tuneloop.records.needs import missing
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, session, train
from tuneloop.train.objective import objectives
from tuneloop.train.tuner import tuners

from .conftest import COLOURS, THINGS, MakeVersion, chat
from .schooled import school, tiny

STEPS = 24

REWARDED = {"rewards": [{"name": "pattern", "pattern": "^[rgw]"}], "samples": 4, "max_tokens": 2}
SETTINGS: Mapping[str, Mapping[str, Any]] = {"grpo": REWARDED, "ppo": REWARDED}
"""Settings that an objective cannot do without here, by its name."""

WATCHED: Mapping[str, tuple[str, int]] = {"grpo": ("reward", 1), "ppo": ("reward", 1)}
"""The curve that has to move and its direction; the loss, down, where nothing stands."""

RATES = {
    "full": 3e-3,
    "freeze": 3e-3,
    "lora": 1e-2,
    "qlora": 1e-2,
    "bottleneck": 1e-2,
    "p_tuning": 1e-2,
    "prompt": 0.1,
    "prefix": 0.1,
}
"""Learning rates for a model of 30,000 weights."""

PAIRS = [
    (objective, tuner)
    for objective, tuner in itertools.product(objectives, tuners)
    if not missing(objectives.load(objective).needs, tuners.load(tuner).traits)
]


def records(kind: str) -> list[Record]:
    """24 records with a rule that is not the base's."""
    rows = []
    for number, thing in itertools.product(range(3), THINGS):
        question = (Turn("user", f"What is {number} {thing}?"),)
        good, bad = (Turn("assistant", f"{COLOURS[number]} {thing}"),), (Turn("assistant", COLOURS[number + 2]),)
        rated = number != 1
        rows.append({
            "text": Record("text", text=f"{number} {thing}: {COLOURS[number]}, {COLOURS[number]}."),
            "chat": chat(f"What is {number} {thing}?", f"{COLOURS[number]} {thing}"),
            "preference": Record("preference", messages=question, chosen=good, rejected=bad),
            "rating": Record("rating", messages=question + (good if rated else bad), label=rated),
            "label": Record("label", text=f"{thing} {COLOURS[number]}", label=COLOURS[number]),
        }[kind])  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return school(tiny(), tmp_path_factory.mktemp("schooled"))


def curve(ws: Workspace, run: str | None) -> dict[str, list[float]]:
    told: dict[str, list[float]] = {}
    for metric in queue.metrics(ws, str(run), None):
        if metric.name != "tokens_per_second":
            told.setdefault(metric.name, []).append(metric.value)
    return told


@pytest.mark.parametrize(
    ("objective", "tuner"),
    [
        # each member once in the quick run: every tuner with sft, every objective with lora; the whole grid with --all
        pytest.param(*pair, marks=[] if "sft" in pair or "lora" in pair else pytest.mark.slow, id="-".join(pair))
        for pair in PAIRS
    ],
)
def test_a_pair_learns_and_goes_on_exactly(
    ws: Workspace,
    make_version: MakeVersion,
    base: Path,
    objective: str,
    tuner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = objectives.load(objective).needs.kinds[0]
    version = make_version(records(kind))
    recipe = TrainRecipe(
        base=str(base), precision="float32", objective={"name": objective, **SETTINGS.get(objective, {})}, tuner=tuner,
        max_steps=STEPS, epochs=STEPS, batch=8, learning_rate=RATES.get(tuner, 1e-2), seed=3,
    )  # fmt: skip
    whole = train(version, recipe, workspace=ws)
    told = curve(ws, whole.run)
    name, direction = WATCHED.get(objective, ("loss", -1))
    early, late = (sum(values) / len(values) for values in (told[name][:4], told[name][-4:]))
    assert direction * (late - early) > 0.03 * abs(early), told[name]

    monkeypatch.setattr(session, "PERIOD", 0.0)
    lease = queue.here(ws, "train", {})
    looks = itertools.count()
    monkeypatch.setattr(lease, "should_stop", lambda: "pause" if next(looks) == STEPS // 2 else "")
    with pytest.raises(StoppedError):
        train(version, recipe, workspace=ws, lease=lease)
    again = queue.here(ws, "train", {}, run_id=lease.run)
    made = train(version, recipe, workspace=ws, lease=again)
    again.finish()
    assert (made.id, made.metrics) == (whole.id, whole.metrics)
    assert curve(ws, again.run) == told


def test_all_objectives_and_tuners_are_in_some_pair() -> None:
    assert {objective for objective, _ in PAIRS} == set(objectives)
    assert {tuner for _, tuner in PAIRS} == set(tuners)
