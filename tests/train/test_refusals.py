"""What cannot work is refused with a sentence, before anything loads where that is possible."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from tuneloop.config import read
from tuneloop.errors import InputError, ModelError, NotFoundError, SettingError, TuneloopError
from tuneloop.records import ObjectiveNeeds, Record, TunerTraits, Turn
from tuneloop.runs import queue
from tuneloop.runs.checkpoints import visible
from tuneloop.store import Workspace
from tuneloop.store.models import models
from tuneloop.train import TrainRecipe, train
from tuneloop.train.objective import objectives, trained_by
from tuneloop.train.objectives.sft import SupervisedFineTuning
from tuneloop.train.resolve import check
from tuneloop.train.tuners.lora import Lora

from .conftest import MakeVersion, chat, facts


def test_records_of_another_kind_say_what_they_are_for() -> None:
    with pytest.raises(SettingError) as refused:
        check(TrainRecipe(objective="sft"), {"preference": 120, "rating": 3}, "data-4")
    found = str(refused.value)
    assert "data-4 holds 120 preference, 3 rating records, which the objective 'sft' does not train on" in found
    assert "Preference records are for " in found
    for kind in ("preference", "rating"):
        assert f"{kind} records are for {' or '.join(trained_by(kind))}" in found.replace("Preference", "preference")
    check(TrainRecipe(), {"label": 5, "chat": 1}, "data-1")


def test_an_impossible_pair_is_refused_by_both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reward(SupervisedFineTuning):
        name: ClassVar[str] = "reward"
        needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(("chat",), frozenset({"head", "packing"}))

    load = objectives.load
    monkeypatch.setattr(objectives, "load", lambda name: Reward if name == "reward" else load(name))
    monkeypatch.setattr(Lora, "traits", TunerTraits(frozenset({"packing", "generation"})))
    with pytest.raises(SettingError, match=r"'reward' cannot be trained with the tuner 'lora', which lacks head"):
        check(TrainRecipe(objective="reward", tuner="lora"), {"chat": 5}, "data-1")
    check(TrainRecipe(objective="reward", tuner="full"), {"chat": 5}, "data-1")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"learning_rat": 1}, "Did you mean 'learning_rate'"),
        ({"batch": 0}, "greater than or equal to 1"),
        ({"batch": 4, "batch_tokens": 99}, "not both"),
        ({"schedule": "cosin"}, "'cosine'"),
        ({"replay": 1.0}, "less than 1"),
    ],
)
def test_settings_are_checked(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        read(TrainRecipe, given, path="train")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"objective": "sftt"}, "no objective is called 'sftt'.*'sft'"),
        ({"tuner": "lorra"}, "no tuner is called 'lorra'.*'lora'"),
        ({"tuner": {"name": "lora", "rnk": 3}}, "'rank'"),
        ({"tuner": {"name": "lora", "targets": ["q_porj"]}}, "q_porj.*q_proj"),
        ({"optimizer": "adam"}, "'adamw'"),
        ({"backend": "torhc"}, "'torch'"),
        ({"max_length": 100_000}, "at most 256, the model's own limit"),
        ({"mixture": {"fact": 1}}, "no source 'fact'.*'facts'"),
        ({"base": {"nwe": {}}}, "new"),
        ({"base": "model-77"}, "no model"),
        ({"data": "data-99"}, "data-99"),
    ],
)
def test_names_are_checked(
    ws: Workspace, make_version: MakeVersion, base: Path, given: dict[str, object], sentence: str
) -> None:
    make_version([(row, "train", 1.0, "facts.jsonl") for row in facts()[:8]])
    recipe = TrainRecipe(**{"base": str(base), "precision": "float32", **given})
    with pytest.raises((SettingError, NotFoundError), match=sentence):
        train(None, recipe, workspace=ws)
    assert not models(ws)


def test_nothing_to_train_on_names_the_reasons(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version([chat("a", "b", weight=0.0), chat("a long question " * 40, "answer")])
    with pytest.raises(InputError, match=r"1 × nothing in it is to be learned.*1 × the answer begins beyond"):
        train(version, TrainRecipe(base=str(base), max_length=64, precision="float32"), workspace=ws)
    only_test = make_version([(facts()[0], "test", 1.0, "f.jsonl")])
    with pytest.raises(InputError, match="no training records"):
        train(only_test, TrainRecipe(base=str(base), precision="float32"), workspace=ws)
    assert queue.show(ws).state == "failed"
    assert not models(ws)


def test_divergence_stops_with_a_sentence_and_keeps_the_checkpoint(
    ws: Workspace, make_version: MakeVersion, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = SupervisedFineTuning.loss
    seen = []

    def wild(self: SupervisedFineTuning, lm: object, batch: object) -> object:
        seen.append(1)
        found = loss(self, lm, batch)  # type: ignore[arg-type]
        return replace(found, total=found.total * torch.nan) if len(seen) > 6 else found

    monkeypatch.setattr(SupervisedFineTuning, "loss", wild)
    recipe = TrainRecipe(base=str(base), checkpoint_seconds=0, max_steps=20, precision="float32")
    with pytest.raises(TuneloopError, match=r"diverged at step 7 of 20: loss nan.*learning rate below 0.005"):
        train(make_version(facts()), recipe, workspace=ws)
    run = queue.show(ws)
    assert run.state == "failed"
    saved = [event.data["step"] for event in queue.events(ws, run.id) if event.kind == "checkpoint"]
    assert saved[-1] == 6
    assert not models(ws)


def test_a_record_the_template_refuses_is_set_aside(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    silent = Record("chat", messages=(Turn("user", "anybody?"),))
    version = make_version([*facts()[:8], silent])
    made = train(version, TrainRecipe(base=str(base), max_steps=1, precision="float32"), workspace=ws)
    told = next(event.data for event in queue.events(ws, str(made.run)) if event.kind == "encoded")
    assert told["aside"] == {"template": 1}
    assert "no assistant turn" in told["aside_cases"]["template"][0]["why"]
    assert told["aside_cases"]["template"][0]["record"] == silent.id


def test_one_row_is_enough_and_too_long_ones_are_told(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    one = train(make_version(facts()[:1]), TrainRecipe(base=str(base), max_steps=3, precision="float32"), workspace=ws)
    assert one.metrics["steps"] == 3
    long = make_version([chat("why? " * 60, "because")])
    with pytest.raises(
        InputError, match="nothing in data-2 can be trained on: 1 × the answer begins beyond max_length"
    ):
        train(long, TrainRecipe(base=str(base), max_steps=3, precision="float32"), workspace=ws)


def test_the_checkpoint_of_another_recipe_is_refused(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(facts())
    recipe = TrainRecipe(base=str(base), max_steps=4, checkpoint_seconds=0, precision="float32", tuner="lora")
    train(version, recipe, workspace=ws)
    run = queue.show(ws).id
    other = {"data": version.name, "train": {**recipe.model_dump(mode="json", exclude_unset=True), "tuner": "full"}}
    begun = queue.submit(ws, "train", other)
    lease = queue.claim(ws, begun)
    assert lease is not None
    folder = lease.new_checkpoint()
    for file in (ws.folder / visible(ws, run)[0].folder).iterdir():
        if file.name != "COMPLETE":
            shutil.copy(file, folder)
    lease.commit_checkpoint(folder, 4)
    with pytest.raises(ModelError, match=r"is a checkpoint of another recipe or base: .* tensors differ"), lease:
        train(version, read(TrainRecipe, other["train"]), workspace=ws, lease=lease)
    assert len(models(ws)) == 1
