"""`train` from end to end on a tiny model: it learns, and leaves a whole model version with its story behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tuneloop.errors import SettingError
from tuneloop.records import Record
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.store.models import model
from tuneloop.train import TrainRecipe, plan, train

from .conftest import SHAPE, MakeVersion, chat, facts


def losses(ws: Workspace, run: str | None, name: str = "loss") -> list[float]:
    return [metric.value for metric in queue.metrics(ws, str(run), [name])]


def test_full_tuning_learns_a_rule(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    rows = facts()
    version = make_version([(r, "validation" if n % 6 == 0 else "train", 1.0, "f.jsonl") for n, r in enumerate(rows)])
    seen = []
    recipe = TrainRecipe(base=str(base), tuner="full", epochs=20, learning_rate=5e-3, precision="float32")
    made = train(version, recipe, workspace=ws, progress=seen.append)

    curve = losses(ws, made.run)
    assert curve[0] > 5  # 259 tokens, nothing known: ln(259) = 5.6
    assert min(curve[-5:]) < 1.2
    assert made.metrics["best_validation_loss"] < 1.5
    assert made == model(ws)
    assert (made.form, made.objective, made.tuner, made.dataset) == ("full", "sft", "full", version.name)
    assert (ws.folder / made.folder / "model.safetensors").is_file()
    assert seen[-1].done == seen[-1].total == len(curve)
    assert {"loss", "tokens_per_second", "seconds_left"} <= set(seen[-1].values)


def test_lora_lowers_the_loss_and_keeps_the_base(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    before = (base / "model.safetensors").read_bytes()
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    made = train(version, TrainRecipe(base=str(base), epochs=10, precision="float32"), workspace=ws)

    curve = losses(ws, made.run)
    assert min(curve[-5:]) < curve[0] - 0.3
    assert {path.name for path in (ws.folder / made.folder).iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "recipe.yaml"
    }  # fmt: skip
    assert (base / "model.safetensors").read_bytes() == before


def test_a_new_model_begins_with_its_own_tokenizer(ws: Workspace, make_version: MakeVersion) -> None:
    texts = [Record("text", text=f"Story {n}: Anna went home, 小明也回家了。" * 4) for n in range(30)]
    version = make_version(
        [(text, "train", 1.0, "stories.jsonl") for text in texts]
        + [(row, "train", 1.0, "talk.jsonl") for row in facts()]
    )
    recipe = TrainRecipe(
        base={"new": {"vocabulary": 350, "shape": SHAPE}},
        objective="sft",
        mixture={"stories": 3, "talk": 1},
        epochs=6,
        batch_tokens=512,
        precision="float32",
    )
    made = train(version, recipe, workspace=ws)
    curve = losses(ws, made.run)
    assert curve[-1] < 0.6 * curve[0]
    assert (made.base, made.form) == ("new", "full")
    assert (ws.folder / made.folder / "tokenizer.json").is_file()
    resolved = next(event for event in queue.events(ws, str(made.run)) if event.kind == "resolved")
    assert resolved.data["repeats"]["stories"] > 0


def test_the_saved_recipe_repeats_the_run(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    first = train(version, TrainRecipe(base=str(base), max_steps=6, precision="float32"), workspace=ws)
    saved = yaml.safe_load((ws.folder / first.folder / "recipe.yaml").read_text(encoding="utf-8"))
    second = train(version, TrainRecipe.model_validate(saved["train"]), workspace=ws)
    assert losses(ws, first.run) == losses(ws, second.run)


def test_every_value_has_an_origin(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    resolved = plan(version, TrainRecipe(base=str(base), epochs=2, precision="float32"), workspace=ws)
    assert set(TrainRecipe.model_fields) <= set(resolved.origins)
    assert resolved.origins["epochs"] == "recipe"
    assert resolved.origins["seed"] == "default"
    assert "parameters" in str(resolved.origins["learning_rate"])
    text = resolved.as_yaml()
    assert yaml.safe_load(text)["train"] == resolved.recipe.model_dump(mode="json")
    assert "epochs: 2.0  # recipe" in text


def test_validation_keeps_the_best_weights(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    """Held-out answers that contradict the training answers: validation gets worse, and training stops early."""
    version = make_version(
        [(chat(f"What is {n}?", "yes, yes"), "train", 1.0, "f.jsonl") for n in range(20)]
        + [(chat(f"What is {n}?", "never"), "validation", 1.0, "f.jsonl") for n in range(20, 30)]
    )
    recipe = TrainRecipe(
        base=str(base), tuner="full", epochs=40, learning_rate=5e-3, eval_every=5, early_stopping=2, precision="float32"
    )
    made = train(version, recipe, workspace=ws)
    held_out = losses(ws, made.run, "validation_loss")
    assert made.metrics["best_validation_loss"] == min(held_out)
    assert held_out[-1] > held_out[-2] > held_out[-3] == min(held_out)
    assert made.metrics["steps"] < 40 * 4
    again = train(version, TrainRecipe(base=str(ws.folder / made.folder), tuner="full", max_steps=1, eval_every=1,
                                       learning_rate=1e-12, precision="float32"), workspace=ws)  # fmt: skip
    assert losses(ws, again.run, "validation_loss")[0] == pytest.approx(min(held_out), abs=1e-4)


def test_curves_are_drawn_in_both_languages(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version([(r, "train", 1.0, "f.jsonl") for r in facts()])
    made = train(version, TrainRecipe(base=str(base), max_steps=3, precision="float32"), workspace=ws)
    folder = ws.folder / "runs" / str(made.run)
    assert "损失" in (folder / "loss.zh.svg").read_text(encoding="utf-8")
    assert "loss" in (folder / "loss.en.svg").read_text(encoding="utf-8").lower()


def test_replay_mixes_in_what_the_base_brings(
    ws: Workspace, make_version: MakeVersion, base: Path, tmp_path: Path
) -> None:
    version = make_version(facts())
    brings = shutil.copytree(base, tmp_path / "base")
    general = [chat(f"Say {n}", f"I say {n}.") for n in range(200)]
    (brings / "replay.jsonl").write_bytes(b"".join(record.canonical + b"\n" for record in general))
    made = train(version, TrainRecipe(base=str(brings), epochs=2, precision="float32"), workspace=ws)
    told = {event.kind: event.data for event in queue.events(ws, str(made.run)) if event.kind != "encoded"}
    assert told["resolved"]["train"]["replay"] == 0.3
    assert told["resolved"]["repeats"]["facts"] == pytest.approx(2, abs=0.1)
    encoded = next(event.data for event in queue.events(ws, str(made.run)) if event.kind == "encoded")
    share = 0.3 / 0.7 * encoded["tokens"]
    assert 0 < told["resolved"]["repeats"]["replay"] < 2
    assert made.metrics["tokens"] < 2 * share / 0.3

    # A base that brings none takes the shipped ones when it is asked for, and a file that is named comes first.
    for data, count in ((None, 30), (str(brings / "replay.jsonl"), 200)):
        recipe = TrainRecipe(base=str(base), replay=0.3, replay_data=data, max_steps=1, precision="float32")
        run = train(version, recipe, workspace=ws).run
        encoded = next(event.data for event in queue.events(ws, str(run)) if event.kind == "encoded")
        assert encoded["records"] == len(facts()) + count


def test_gradient_checkpointing_changes_memory_and_not_the_numbers(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    version = make_version(facts())
    curves = []
    for on in (False, True):
        recipe = TrainRecipe(base=str(base), tuner="full", max_steps=4, gradient_checkpointing=on, precision="float32")
        curves.append(losses(ws, train(version, recipe, workspace=ws).run))
    assert curves[0] == pytest.approx(curves[1], rel=1e-6)


def test_bfloat16_learns_as_float32_does(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(facts())
    curves = []
    for precision in ("float32", "bfloat16"):
        recipe = TrainRecipe(base=str(base), tuner="full", max_steps=30, learning_rate=3e-3, precision=precision)
        curves.append(losses(ws, train(version, recipe, workspace=ws).run))
    assert curves[1][-1] < 0.7 * curves[1][0]
    assert curves[1] == pytest.approx(curves[0], abs=0.1)


def test_an_adapter_can_be_tuned_further_and_is_warned_of(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(facts())
    first = train(version, TrainRecipe(base=str(base), max_steps=30, precision="float32"), workspace=ws)
    second = train(version, TrainRecipe(base=first.name, max_steps=1, precision="float32"), workspace=ws)
    assert second.base == first.name
    assert losses(ws, second.run)[0] == pytest.approx(losses(ws, first.run)[-1], abs=0.5)
    assert losses(ws, second.run)[0] < losses(ws, first.run)[0] - 0.3
    advice = [event.data for event in queue.events(ws, str(second.run)) if event.kind == "advice"]
    assert "tuned before" in advice[0]["text"]["en"]


def test_hooks_see_each_checkpoint(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    seen = []
    recipe = TrainRecipe(base=str(base), max_steps=3, checkpoint_seconds=0, precision="float32")
    train(
        make_version(facts()),
        recipe,
        workspace=ws,
        on_checkpoint=lambda folder, step, values: seen.append(
            (step, (folder / "state.json").is_file(), "loss" in values)
        ),
    )
    assert seen == [(1, True, True), (2, True, True), (3, True, True)]


def test_nothing_trainable_is_refused(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    recipe = TrainRecipe(base=str(base), tuner={"name": "lora", "targets": []}, precision="float32")
    with pytest.raises(SettingError, match="leaves nothing to train"):
        train(make_version(facts()), recipe, workspace=ws)
