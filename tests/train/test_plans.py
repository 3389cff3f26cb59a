"""Stages as one run: each begins with what the one before made, and a run that was stopped goes on to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tuneloop.errors import SettingError, StoppedError
from tuneloop.models.adapter import load_adapter
from tuneloop.models.loading import load
from tuneloop.models.versions import load_version
from tuneloop.records import Record
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.store.models import models
from tuneloop.train import TrainRecipe, plan, train
from tuneloop.train.ability import measured
from tuneloop.train.general import SHIPPED, records, replayed
from tuneloop.train.general import measured as to_measure
from tuneloop.train.recipe import Resolved

from .conftest import MakeVersion, facts
from .test_train import losses

LORA = {"name": "lora", "rank": 4}


def mixed() -> list[Record]:
    return [*facts()[:16], *(Record("text", text=f"Cup {number} is red. " * 4) for number in range(8))]


def recipe(base: Path, stages: list[dict[str, Any]], **shared: Any) -> TrainRecipe:
    common = {"base": str(base), "max_steps": 4, "precision": "float32", "checkpoint_seconds": 0, "general": "none"}
    return TrainRecipe(**{**common, **shared, "stages": stages})


def weights(ws: Workspace, name: str = "newest") -> dict[str, torch.Tensor]:
    folder = ws.folder / next(one for one in models(ws) if name in ("newest", one.name)).folder
    return {key: value for file in folder.glob("*.safetensors") for key, value in load_file(file).items()}


def test_stages_with_one_tuner_go_on_with_the_adapter(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(mixed())
    stages = [{"objective": "cpt", "tuner": LORA}, {"objective": "sft", "tuner": LORA, "learning_rate": 0.01}]
    made = train(version, recipe(base, stages), workspace=ws)

    assert (made.form, made.objective, made.tuner) == ("adapter", "sft", "lora")
    assert made.metrics["steps"] == 8 == len(losses(ws, made.run))
    result = ws.folder / "runs" / str(made.run) / "stage-1" / "result"
    first = load_file(result / "adapter_model.safetensors")
    last = weights(ws, made.name)
    assert first.keys() == last.keys()
    assert any(float(tensor.abs().max()) > 0 for name, tensor in first.items() if "lora_B" in name)
    # The second stage began where the first one ended, and not with matrices of its own.
    downs = [name for name in first if "lora_A" in name]
    assert all(float((last[name] - first[name]).abs().max()) < 0.1 for name in downs)
    lm = load(base, "float32")
    lm.attach(load_adapter(result, lm))
    assert len(made.recipe["stages"]) == 2
    assert made.recipe["stages"][1]["train"]["learning_rate"] == 0.01


def test_a_change_of_tuners_folds_into_a_whole_model(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(mixed())
    stages = [{"objective": "cpt", "tuner": "full", "learning_rate": 1e-3}, {"objective": "sft", "tuner": LORA}]
    made = train(version, recipe(base, stages), workspace=ws)
    assert made.form == "full"
    middle = ws.folder / "runs" / str(made.run) / "stage-1" / "result"
    lm, before = load_version(ws, made, dtype="float32"), load(middle, "float32")
    ids = torch.arange(20, 60)
    changed = float((lm.logits(ids) - before.logits(ids)).detach().abs().max())
    assert changed > 0
    moved = [name for name, tensor in lm.state().items() if not tensor.equal(before.state()[name])]
    assert moved
    assert all(".layers." in name and name.endswith("proj.weight") for name in moved)  # what LoRA sat on, no more


@pytest.mark.parametrize("after", [2, 6])
def test_a_stopped_plan_goes_on_to_the_same_bits(
    ws: Workspace, make_version: MakeVersion, base: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the first stage, or in the second."""
    version = make_version(mixed())
    stages = [{"objective": "cpt", "tuner": LORA}, {"objective": "sft", "tuner": "full"}]
    settings = recipe(base, stages)
    straight = train(version, settings, workspace=ws)
    wanted, curve = weights(ws, straight.name), losses(ws, straight.run)

    from tuneloop.train.session import Session

    seen = []
    stop = Session.stop

    def asked(self: Session) -> str:
        seen.append(1)
        return "pause" if len(seen) == after + 1 else stop(self)

    monkeypatch.setattr(Session, "stop", asked)
    spec = {"data": version.name, "train": settings.model_dump(mode="json", exclude_unset=True)}
    run = queue.submit(ws, "train", spec)
    lease = queue.claim(ws, run)
    assert lease is not None
    with pytest.raises(StoppedError), lease:
        train(version, settings, workspace=ws, lease=lease)
    queue.resume(ws, run)
    lease = queue.claim(ws, run)
    assert lease is not None
    with lease:
        made = train(version, settings, workspace=ws, lease=lease)
    assert losses(ws, run) == curve
    found = weights(ws, made.name)
    assert found.keys() == wanted.keys()
    assert all(found[name].equal(tensor) for name, tensor in wanted.items())
    steps = [event.data["step"] for event in queue.events(ws, run) if event.kind == "resumed_from"]
    assert steps == [after % 4]


def test_the_plan_is_told_beforehand_and_repeats(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(mixed())
    settings = recipe(base, [{"objective": "cpt"}, {"objective": "sft", "tuner": "full"}])
    told = plan(version, settings, workspace=ws)
    assert [stage.recipe.tuner["name"] for stage in told.stages] == ["lora", "full"]  # type: ignore[index]
    assert [stage.recipe.objective for stage in told.stages] == ["cpt", "sft"]
    made = train(version, settings, workspace=ws)
    saved = yaml.safe_load((ws.folder / made.folder / "recipe.yaml").read_text(encoding="utf-8"))
    assert (
        saved["train"]["stages"][1]["learning_rate"] == Resolved.from_dict(made.recipe).stages[1].recipe.learning_rate
    )
    again = train(version, TrainRecipe.model_validate(saved["train"]), workspace=ws)
    first, second = weights(ws, made.name), weights(ws, again.name)
    assert all(second[name].equal(tensor) for name, tensor in first.items())


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ([{"objective": "cptt"}], "no objective is called 'cptt'"),
        ([{"objectve": "cpt"}], r"train\.stages\.1\.objectve.*'objective'"),
        ([{"base": "starter"}], "stage 1 says base, which is the same for the whole run"),
        ([], "stages holds none"),
    ],
)
def test_wrong_stages_are_refused(
    ws: Workspace, make_version: MakeVersion, base: Path, stages: list[dict[str, Any]], sentence: str
) -> None:
    from tuneloop.config import read

    with pytest.raises(SettingError, match=sentence):
        train(make_version(mixed()), read(TrainRecipe, {"base": str(base), "stages": stages}), workspace=ws)


def test_general_ability_is_told_before_and_after(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(facts())
    made = train(version, TrainRecipe(base=str(base), epochs=6, precision="float32"), workspace=ws)
    before, after = made.metrics["general_bits_before"], made.metrics["general_bits_after"]
    # One token a byte and nothing known: 8 bits a byte and the special tokens, log2(259).
    assert before == pytest.approx(8.0, abs=0.3)
    tuned = measured(load_version(ws, made, dtype="float32"), "shipped")
    assert tuned is not None
    assert after == pytest.approx(tuned.bits, rel=1e-4)
    without = train(version, TrainRecipe(base=str(base), max_steps=1, general="none"), workspace=ws)
    assert "general_bits_after" not in without.metrics


def test_forgetting_is_said_and_replay_lessens_it(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    """Continued on the shipped general text the model knows it; facts alone drive it out, replay keeps it."""
    settings = {"base": str(base), "precision": "float32", "tuner": "full", "learning_rate": 5e-3}
    general = make_version(list(records(SHIPPED)))
    knowing = train(general, TrainRecipe(**settings, objective="cpt", epochs=6, batch=8), workspace=ws)
    version = make_version(facts())
    ends = {}
    for replay in (0.0, 0.5):
        again = TrainRecipe(**{**settings, "base": knowing.name}, epochs=10, batch=16, replay=replay)
        ends[replay] = train(version, again, workspace=ws)
    told = [event.data.get("topic") for event in queue.events(ws, str(ends[0.0].run)) if event.kind == "advice"]
    assert "forgetting" in told
    assert ends[0.5].metrics["general_bits_after"] < ends[0.0].metrics["general_bits_after"] - 0.2


def test_what_is_replayed_is_never_measured() -> None:
    replay, measure = ({record.id for record in rows} for rows in (replayed(SHIPPED), to_measure(SHIPPED)))
    assert len(replay) + len(measure) == len(list(records(SHIPPED)))
    assert not replay & measure
    for rows in (replayed(SHIPPED), to_measure(SHIPPED)):
        texts = [record.full_text for record in rows]
        chinese = sum(any("一" <= letter <= "鿿" for letter in text) for text in texts)
        assert len(texts) / 3 < chinese < 2 * len(texts) / 3
