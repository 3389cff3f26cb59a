"""The backend contract holds another library's trainer and a provider: the same data, queue, curves and registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuneloop.errors import ModelError, SettingError, TuneloopError
from tuneloop.models.versions import load_version
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train
from tuneloop.train.backend import backends

from .backend_remote import Provider
from .conftest import MakeVersion, facts
from .test_train import losses


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a third party's entry points would list them."""
    for name in ("backend_whole", "backend_remote"):
        monkeypatch.setitem(backends._places, name, f"tests.train.{name}")


def test_a_whole_trainer(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(facts()[:4])
    seen = []
    recipe = TrainRecipe(base=str(base), backend={"name": "backend_whole", "rank": 2}, max_steps=24)
    made = train(version, recipe, workspace=ws, progress=seen.append)
    curve = losses(ws, made.run)
    assert len(curve) == 24 == len(seen)
    assert sum(curve[-4:]) < sum(curve[:4]) - 1
    lm = load_version(ws, made, dtype="float32")
    assert lm.adapter is not None
    assert next(parameter for name, parameter in lm.adapter.named_parameters() if "lora_A" in name).shape[0] == 2
    assert (made.form, made.dataset) == ("adapter", version.name)
    assert len(lm.generate([[5, 6, 7]], max_tokens=3)[0].ids) <= 3


def test_what_a_backend_cannot_do_is_refused_before_it_is_queued(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    recipe = TrainRecipe(base=str(base), backend="backend_whole", tuner="full")
    with pytest.raises(SettingError, match="'backend_whole' cannot train with the tuner 'full'"):
        train(make_version(facts()[:4]), recipe, workspace=ws)
    assert not queue.list(ws)


def test_a_provider_keeps_the_weights(
    ws: Workspace, make_version: MakeVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.train import backend_remote

    provider = Provider()
    monkeypatch.setattr(backend_remote, "PROVIDER", provider)
    version = make_version(facts()[:4])
    recipe = TrainRecipe(base="big-model", backend="backend_remote")
    made = train(version, recipe, workspace=ws)
    assert made.form == "remote"
    assert json.loads((ws.folder / made.folder / "remote.json").read_text())["model"] == "ft:job-1"
    assert len(provider.jobs["job-1"]["rows"]) == 4
    assert losses(ws, made.run) == [2.0, 1.0, 2 / 3]
    with pytest.raises(ModelError, match="held by the provider that tuned it, and has no weights here"):
        load_version(ws, made)


def test_a_provider_that_falls_silent_is_waited_for_again(
    ws: Workspace, make_version: MakeVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.train import backend_remote

    provider = Provider()
    provider.broken = "no route"
    monkeypatch.setattr(backend_remote, "PROVIDER", provider)
    version = make_version(facts()[:4])
    recipe = TrainRecipe(base="big-model", backend="backend_remote")
    run = queue.submit(ws, "train", {"data": version.name, "train": recipe.model_dump(mode="json", exclude_unset=True)})
    for _ in range(2):
        lease = queue.claim(ws, run)
        assert lease is not None
        with pytest.raises(TuneloopError, match="does not answer"), lease:
            train(version, recipe, workspace=ws, lease=lease)
        queue.resume(ws, run)
    provider.broken = ""
    lease = queue.claim(ws, run)
    assert lease is not None
    with lease:
        made = train(version, recipe, workspace=ws, lease=lease)
    assert list(provider.jobs) == ["job-1"]
    assert made.form == "remote"
