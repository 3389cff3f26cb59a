"""QLoRA: it learns over a quantized base, goes on exactly, and leaves an adapter for the dense one."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from tuneloop.errors import ModelError, SettingError, StoppedError
from tuneloop.models import load
from tuneloop.models.adapter import load_adapter
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.versions import load_named, load_version
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.store.models import model_folder
from tuneloop.train import TrainRecipe, assembly, plan, session, train
from tuneloop.train.export import export
from tuneloop.train.tuner import tuners

from .conftest import MakeVersion, facts

NF4 = {"name": "qlora", "rank": 8}
INT8 = {"name": "qlora", "rank": 8, "bits": "int8"}
IDS = torch.tensor([5, 6, 7, 8, 9, 40, 50, 80])

both = pytest.mark.parametrize("tuner", [NF4, INT8], ids=["nf4", "int8"])


def recipe_of(base: Path, tuner: Any, **more: Any) -> TrainRecipe:
    return TrainRecipe(base=str(base), tuner=tuner, precision="float32", seed=5, **more)


def losses(ws: Workspace, run: str | None) -> list[float]:
    return [metric.value for metric in queue.metrics(ws, str(run), ["loss"])]


@pytest.fixture
def bases_seen(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """How the bases of the test's runs were held."""
    seen: list[str | None] = []
    real = assembly.bases.load

    def watched(*given: Any) -> LanguageModel:
        lm = real(*given)
        seen.append(lm.quantized)
        return lm

    monkeypatch.setattr(assembly.bases, "load", watched)
    return seen


@both
def test_it_learns_as_lora_does(
    ws: Workspace, make_version: MakeVersion, base: Path, tuner: dict[str, Any], bases_seen: list[str | None]
) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    curves = {}
    for name, spec in {"lora": {"name": "lora", "rank": 8}, "qlora": tuner}.items():
        made = train(version, recipe_of(base, spec, epochs=10), workspace=ws)
        curves[name] = losses(ws, made.run)
    assert (made.form, made.tuner) == ("adapter", "qlora")
    assert bases_seen == [None, "int8" if tuner is INT8 else "nf4-double"]
    fall = {name: curve[0] - min(curve[-5:]) for name, curve in curves.items()}
    assert fall["qlora"] > 0.3
    assert fall["qlora"] == pytest.approx(fall["lora"], rel=0.1)
    assert curves["qlora"] != curves["lora"]


@both
def test_a_stopped_run_goes_on_to_the_same_numbers(
    ws: Workspace, make_version: MakeVersion, base: Path, tuner: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PERIOD", 0.0)
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    recipe = recipe_of(base, tuner, epochs=3)
    whole = train(version, recipe, workspace=ws)
    lease = queue.here(ws, "train", {})
    looks = itertools.count()
    monkeypatch.setattr(lease, "should_stop", lambda: "pause" if next(looks) == 8 else "")
    with pytest.raises(StoppedError):
        train(version, recipe, workspace=ws, lease=lease)
    lease = queue.here(ws, "train", {}, run_id=lease.run)
    made = train(version, recipe, workspace=ws, lease=lease)
    lease.finish()
    assert any(event.kind == "resumed_from" for event in queue.events(ws, lease.run))
    assert (made.id, made.metrics) == (whole.id, whole.metrics)
    assert losses(ws, lease.run) == losses(ws, whole.run)


@both
def test_what_is_left_is_an_adapter_for_the_dense_base(
    ws: Workspace, make_version: MakeVersion, base: Path, tuner: dict[str, Any], tmp_path: Path
) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    made = train(version, recipe_of(base, tuner, epochs=5), workspace=ws)

    answering = load_version(ws, made, dtype="float32")
    assert answering.quantized is None
    dense = load(base, "float32")
    bare = dense.logits(IDS)
    dense.attach(load_adapter(model_folder(ws, made), dense))
    torch.testing.assert_close(answering.logits(IDS), dense.logits(IDS), rtol=0, atol=0)
    assert (dense.logits(IDS) - bare).abs().max() > 0.05

    merged = load_named(ws, made.name, dtype="float32")
    assert merged.adapter is None
    torch.testing.assert_close(merged.logits(IDS), dense.logits(IDS), atol=1e-4, rtol=1e-4)
    told = export(made, tmp_path / "out", {"name": "merged", "dtype": "float32"}, workspace=ws)
    assert told.proof.passed


def test_a_tuned_model_is_merged_before_it_is_quantized(
    ws: Workspace, make_version: MakeVersion, base: Path, bases_seen: list[str | None]
) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    first = train(version, recipe_of(base, INT8, epochs=5), workspace=ws)
    merged, quantized = (load_named(ws, first.name, dtype="float32", **how) for how in ({}, {"quantize": "int8"}))
    assert (merged.quantized, quantized.quantized) == (None, "int8")
    torch.testing.assert_close(quantized.logits(IDS), merged.logits(IDS), atol=0.05, rtol=0)
    second = train(version, TrainRecipe(base=first.name, tuner=INT8, precision="float32", max_steps=2), workspace=ws)
    assert bases_seen == ["int8", "int8"]
    assert losses(ws, second.run)[0] < losses(ws, first.run)[0] - 0.2


def test_it_is_never_folded_into_a_quantized_base(base: Path) -> None:
    lm = load(base, "float32", quantize="nf4")
    tuner = tuners.create({**NF4, "alpha": 16.0})
    tuner.attach(lm, 0)
    before = lm.logits(IDS)
    assert not tuner.merged(lm)
    assert torch.equal(lm.logits(IDS), before)
    assert lm.adapter is not None
    with pytest.raises(ModelError, match="held in nf4"):
        lm.adapter.merge(lm)


@pytest.mark.parametrize("dora", [False, True])
def test_a_dense_model_is_quantized_when_it_is_attached(base: Path, dora: bool) -> None:
    lm = load(base, "float32")
    tuner = tuners.create({**NF4, "alpha": 16.0, "double": False, "dora": dora, "plus": 16.0})
    tuner.attach(lm, 0)
    assert lm.quantized == "nf4"
    bare = load(base, "float32", quantize="nf4")
    torch.testing.assert_close(lm.logits(IDS), bare.logits(IDS), atol=1e-5, rtol=1e-5)
    assert all(not parameter.requires_grad for parameter in lm.module.parameters())
    lm.logits(IDS).square().sum().backward()
    moving = tuner.trainable(lm)
    assert len(moving) == (3 if dora else 2) * len(lm.sites())
    assert all(parameter.grad is not None for _, parameter in moving)
    assert {tuner.rate(name) for name, _ in moving} == {1.0, 16.0}


def test_its_settings(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    resolved = plan(version, recipe_of(base, "qlora"), workspace=ws)
    assert isinstance(resolved.recipe.tuner, dict)
    assert (resolved.recipe.tuner["bits"], resolved.recipe.tuner["double"]) == ("nf4", True)
    assert "memory" in str(resolved.origins["tuner.double"])
    assert tuners.create({"name": "qlora", "double": False}).load_options() == {"quantize": "nf4"}
    with pytest.raises(SettingError, match="`double` with nf4 only"):
        tuners.create({"name": "qlora", "bits": "int8", "double": True}, path="tuner")
    with pytest.raises(SettingError, match="bits"):
        tuners.create({"name": "qlora", "bits": "fp4"}, path="tuner")
