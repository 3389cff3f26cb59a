"""`classify`: it learns classes on decoders and encoders, tells its figures, and says what cannot be learnt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.tiny import byte_tokenizer

from tuneloop.errors import InputError, SettingError, UsageError
from tuneloop.models import load
from tuneloop.models.classifier import encode, load_classifier
from tuneloop.models.heads import Head
from tuneloop.models.packed import Packed
from tuneloop.records import Record, Turn
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, examples, train
from tuneloop.train.batches import Batches, Size, pack
from tuneloop.train.defaults import Facts
from tuneloop.train.examples import Item
from tuneloop.train.learner import Scene
from tuneloop.train.learners.classify import ClassifyLearner
from tuneloop.train.objective import objectives
from tuneloop.train.resolve import check, resolve

from .conftest import MakeVersion, chat

THINGS = {"animal": ["cat", "dog", "hen", "cow"], "colour": ["red", "blue", "grey", "pink"], "数": ["一", "二", "三"]}
EPOCHS = 20
QUICK: dict[str, Any] = {"precision": "float32", "learning_rate": 1e-2, "batch": 8, "early_stopping": 0}


def rows() -> list[Any]:
    """Texts whose class a small model can tell from one word; a few in validation and test."""
    frames = ["I see {}", "{} again", "it is {} now", "the {}"]
    found = []
    for name, words in THINGS.items():
        made = [Record("label", text=frame.format(word), label=name) for word in words for frame in frames]
        splits = ["validation" if n % 5 == 3 else "test" if n % 5 == 4 else "train" for n in range(len(made))]
        found += [(record, split, 1.0, "things.csv") for record, split in zip(made, splits, strict=True)]
    return found


def bert(folder: Path) -> Path:
    import transformers

    tokenizer = byte_tokenizer(None)
    torch.manual_seed(0)
    shape = transformers.BertConfig(
        vocab_size=tokenizer.size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    transformers.BertForMaskedLM(shape).save_pretrained(folder)
    tokenizer.save(folder)
    return folder


def curve(ws: Workspace, run: str | None, name: str) -> list[float]:
    return [point.value for point in queue.metrics(ws, str(run), [name])]


@pytest.mark.parametrize("kind", ["decoder, lora", "decoder, full", "encoder, lora", "encoder, full"])
def test_it_learns_and_the_model_says_the_classes(
    ws: Workspace, make_version: MakeVersion, base: Path, tmp_path: Path, kind: str
) -> None:
    what, tuner = kind.split(", ")
    place = base if what == "decoder" else bert(tmp_path / "bert")
    version = make_version(rows())
    objective = {"name": "classify", "noise": 0}  # one letter of a word tells the class here
    recipe = TrainRecipe(base=str(place), tuner=tuner, objective=objective, epochs=EPOCHS, **QUICK)
    made = train(version, recipe, workspace=ws)
    assert made.objective == "classify"
    losses = curve(ws, made.run, "class_loss") or curve(ws, made.run, "loss")
    assert losses[-1] < losses[0] / 2
    assert made.metrics["validation_macro_f1"] > 0.8
    assert len(curve(ws, made.run, "validation_auroc")) == EPOCHS  # once an epoch
    model = load_classifier(ws, made.name, dtype="float32")
    assert model.labels == ("animal", "colour", "数")
    assert model.head.pool == ("mean" if what == "decoder" else "first")
    said = model.predict(["I see cat", "the 二"])
    assert [next(iter(one)) for one in said] == ["animal", "数"]
    assert sum(said[0].values()) == pytest.approx(1, abs=1e-5)
    assert (ws.folder / made.folder / "confusion.json").is_file()


def test_each_validation_leaves_figures_matrix_and_picture(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    made = train(make_version(rows()), TrainRecipe(base=str(base), tuner="lora", epochs=2, **QUICK), workspace=ws)
    events = [event.data for event in queue.events(ws, str(made.run)) if event.kind == "classified"]
    assert len(events) == 2
    table = np.array(events[-1]["confusion"])
    assert table.shape == (3, 3)
    assert table.sum() == sum(split == "validation" for _, split, *_ in rows())
    accuracy = np.trace(table) / table.sum()
    assert made.metrics["validation_accuracy"] == pytest.approx(accuracy)
    folder = next(ws.folder.rglob("encoded")).parent
    kept = json.loads((folder / "confusion.json").read_text(encoding="utf-8"))
    assert kept == events[-1]
    picture = (folder / "confusion.zh.svg").read_text(encoding="utf-8")
    assert "animal" in picture
    assert "预测类别" in picture


def scene_of(base: Path, tmp_path: Path, records: list[Record], spec: Mapping[str, Any]) -> ClassifyLearner:
    lm = load(base, dtype="float32")
    objective = objectives.create({"name": "classify", "labels": ["a", "b"], "pool": "last", **spec})
    encoded = examples.write([Item(r) for r in records], objective, lm, 64, tmp_path / "encoded", {})
    batches = Batches(encoded, Size(4096, examples=8), 0, None)
    scene = Scene(lm, batches, None, TrainRecipe(max_length=64), 1, tmp_path, None)  # type: ignore[arg-type]
    return ClassifyLearner(objective, scene)  # type: ignore[arg-type]


@pytest.mark.parametrize("pool", ["last", "mean", "first"])
@pytest.mark.parametrize("balanced", [False, True])
def test_the_loss_is_that_of_torch_on_each_text_alone(base: Path, tmp_path: Path, pool: str, balanced: bool) -> None:
    texts = [("one", "a"), ("three four", "a"), ("five", "b"), ("a longer text", "a")]
    records = [Record("label", text=text, label=label) for text, label in texts]
    learner = scene_of(base, tmp_path, records, {"pool": pool, "balanced": balanced})
    (batch,) = learner.scene.batches.once()
    found = learner.loss(batch)
    lm = learner.lm
    pooled = []
    for text, _ in texts:
        ids = [*lm.tokenizer.encode(text), lm.tokenizer.eos]
        hidden = lm.hidden(Packed.of([(ids, [0.0] * len(ids))]), torch.arange(len(ids)))
        pooled.append({"last": hidden[-1], "mean": hidden.mean(0), "first": hidden[0]}[pool])
    scores = torch.stack(pooled) @ learner.head.weight.t() + learner.head.bias
    right = torch.tensor([0, 0, 1, 0])
    weights = torch.tensor([4 / (2 * 3), 4 / (2 * 1)]) if balanced else None  # as scikit-learn's "balanced"
    expected = torch.nn.functional.cross_entropy(scores, right, weight=weights)
    torch.testing.assert_close(found.total / found.weight, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", ["last", "mean"])
def test_the_next_token_of_the_same_texts_counts_beside_the_class(base: Path, tmp_path: Path, pool: str) -> None:
    texts = [("one", "a"), ("three four", "a"), ("five", "b"), ("a longer text", "a")]
    records = [Record("label", text=text, label=label) for text, label in texts]
    learner = scene_of(base, tmp_path, records, {"pool": pool, "balanced": True, "language": 0.3})
    plain = scene_of(base, tmp_path / "plain", records, {"pool": pool, "balanced": True, "language": 0})
    plain.head.weight.data.normal_(generator=torch.Generator().manual_seed(1))
    learner.head.weight.data.copy_(plain.head.weight)
    (whole,) = learner.scene.batches.once()
    learner.survey([whole])
    found = learner.loss(whole)
    lm, nats = learner.lm, []
    for text, _ in texts:
        ids = torch.tensor([*lm.tokenizer.encode(text), lm.tokenizer.eos])
        nats.append(torch.nn.functional.cross_entropy(lm.logits(ids)[:-1], ids[1:], reduction="none"))
    classes = plain.loss(next(plain.scene.batches.once()))
    expected = classes.total / classes.weight + 0.3 * torch.cat(nats).mean()
    torch.testing.assert_close(found.total / found.weight, expected, rtol=1e-5, atol=1e-6)
    assert found.metrics["language_loss"] / found.weight == pytest.approx(torch.cat(nats).mean().item(), rel=1e-5)
    assert found.metrics["class_loss"] / found.weight == pytest.approx(classes.total.item() / classes.weight, rel=1e-5)
    # micro-batches of a step add up to the whole step
    parts = [pack(whole.examples, whole.numbers[rows]) for rows in (slice(0, 1), slice(1, 4))]
    learner.survey(parts)
    total = torch.stack([learner.loss(part).total for part in parts]).sum()
    torch.testing.assert_close(total, found.total, rtol=1e-5, atol=1e-6)


def test_a_share_of_the_tokens_is_read_as_others_and_still_to_be_predicted(base: Path, tmp_path: Path) -> None:
    letters = "abcdefgh"
    records = [Record("label", text=letters[n % 8] * 40, label="ab"[n % 2]) for n in range(16)]
    learner = scene_of(base, tmp_path, records, {"noise": 0.25, "language": 0.5})
    plain = scene_of(base, tmp_path / "plain", records, {"noise": 0.0, "language": 0.5})
    known = set(learner.lm.tokenizer.encode(letters))
    seen = []
    for step in range(4):  # two epochs of two steps
        (before,), (after,) = plain.micro_batches(step), learner.micro_batches(step)
        assert torch.equal(before.packed.targets, after.packed.targets)
        changed = before.packed.ids != after.packed.ids
        ends = before.packed.ids == learner.lm.tokenizer.eos
        assert not bool((changed & ends).any())
        assert set(after.packed.ids[changed].tolist()) <= known
        seen.append(float(changed[~ends].float().mean()))
        (again,) = learner.micro_batches(step)
        assert torch.equal(again.packed.ids, after.packed.ids)  # a run that goes on reads the same
    # of the tokens that are drawn, those that are drawn as themselves do not show: one in eight
    assert np.mean(seen) == pytest.approx(0.25 * 7 / 8, abs=0.04)
    assert len(set(seen)) > 1
    (held,) = learner.scene.batches.once()
    assert set(held.packed.ids.tolist()) <= known | {learner.lm.tokenizer.eos}
    assert all(len(set(row.tolist())) == 2 for row in held.packed.ids.split(held.packed.lengths))  # never noisy


def test_validation_and_the_kept_weights_go_by_the_classes_alone(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    objective = {"name": "classify", "language": 5.0}
    recipe = TrainRecipe(base=str(base), tuner="full", objective=objective, epochs=2, **QUICK)
    made = train(make_version(rows()), recipe, workspace=ws)
    names = ("loss", "class_loss", "language_loss")
    total, classes, words = (np.array(curve(ws, made.run, name)) for name in names)
    np.testing.assert_allclose(total, classes + 5.0 * words, rtol=1e-4)
    assert words[-1] < words[0]
    model = load_classifier(ws, made.name, dtype="float32")
    held = [record for record, split, *_ in rows() if split == "validation"]
    said = model.probabilities(held).log()
    right = torch.tensor([model.labels.index(str(record.label)) for record in held])
    loss = torch.nn.functional.nll_loss(said, right)
    assert float(loss) == pytest.approx(min(curve(ws, made.run, "validation_loss")), rel=1e-3)


def test_an_encoder_has_no_next_token(ws: Workspace, make_version: MakeVersion, tmp_path: Path) -> None:
    objective = {"name": "classify", "language": 0.5}
    recipe = TrainRecipe(base=str(bert(tmp_path / "bert")), objective=objective, **QUICK)
    with pytest.raises(SettingError, match=r"language 0\.5, and this base is an encoder"):
        train(make_version(rows()), recipe, workspace=ws)


def test_what_is_read_of_a_text(base: Path) -> None:
    lm = load(base, dtype="float32")
    end = lm.tokenizer.eos
    asked = Record("label", messages=(Turn("user", "hi"),), label="a")
    short, long, dialogue = encode([Record("label", text="abc"), Record("label", text="abcdefgh"), asked], lm, 5)
    assert lm.tokenizer.decode(short.ids[:-1]) == "abc"
    assert short.ids[-1] == long.ids[-1] == end
    assert (lm.tokenizer.decode(long.ids[:-1]), long.cut) == ("abcd", 4)
    whole = lm.tokenizer.encode(lm.template.render(asked.messages, (), add_generation_prompt=True))
    assert (dialogue.ids, dialogue.cut) == (whole[-5:], len(whole) - 5)


def test_labels_outside_the_scheme_and_empty_texts_are_set_aside_and_counted(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    extra = [
        (Record("label", text="the oak", label="tree"), "train", 1.0, "things.csv"),
        (Record("label", text="  ", label="animal"), "train", 1.0, "things.csv"),
        (Record("label", text="the elm", label="tree"), "validation", 1.0, "things.csv"),
    ]
    version = make_version(rows() + extra)
    objective = {"name": "classify", "labels": ["animal", "colour", "数"]}
    made = train(version, TrainRecipe(base=str(base), objective=objective, max_steps=2, **QUICK), workspace=ws)
    told = {e.data["split"]: e.data for e in queue.events(ws, str(made.run)) if e.kind == "encoded"}
    assert told["train"]["aside"] == {"label": 1, "too_short": 1}
    assert told["validation"]["aside"] == {"label": 1}
    assert told["train"]["aside_cases"]["label"][0]["why"].startswith("'tree', expected one of animal")
    # a class that only validation has is outside of the scheme that the training data give
    again = make_version([*rows(), extra[2]])
    made = train(again, TrainRecipe(base=str(base), max_steps=2, **QUICK), workspace=ws)
    told = {e.data["split"]: e.data for e in queue.events(ws, str(made.run)) if e.kind == "encoded"}
    assert told["validation"]["aside"] == {"label": 1}


def test_texts_that_are_too_long_are_cut_and_counted(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    made = train(make_version(rows()), TrainRecipe(base=str(base), max_length=3, max_steps=2, **QUICK), workspace=ws)
    told = next(e.data for e in queue.events(ws, str(made.run)) if e.kind == "encoded")
    assert told["cut_records"] == told["examples"] == told["records"]
    assert load_classifier(ws, made.name, dtype="float32").head.max_length == 3


def test_one_class_is_refused(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    animals = [row for row in rows() if row[0].label == "animal"]
    with pytest.raises(InputError, match="all training records are of one class, 'animal'"):
        train(make_version(animals), TrainRecipe(base=str(base), **QUICK), workspace=ws)
    objective = {"name": "classify", "labels": ["animal", "plant"]}
    with pytest.raises(InputError, match="that are left are of one class, 'animal'"):
        train(make_version(rows()), TrainRecipe(base=str(base), objective=objective, **QUICK), workspace=ws)


@pytest.mark.parametrize(("labels", "found"), [(["a"], r"the labels \['a'\]"), (["a", "b", "a"], "'a' twice")])
def test_a_scheme_needs_two_classes(
    ws: Workspace, make_version: MakeVersion, base: Path, labels: list[str], found: str
) -> None:
    recipe = TrainRecipe(base=str(base), objective={"name": "classify", "labels": labels})
    with pytest.raises(SettingError, match=found):
        train(make_version(rows()), recipe, workspace=ws)


def test_an_encoder_is_not_trained_to_write(ws: Workspace, make_version: MakeVersion, tmp_path: Path) -> None:
    place = str(bert(tmp_path / "bert"))
    with pytest.raises(SettingError, match=r"the objective 'sft' trains models that write .* this base is an encoder"):
        check(TrainRecipe(base=place), {"chat": 3}, "data-1")
    check(TrainRecipe(base=place), {"label": 3}, "data-1")
    with pytest.raises(SettingError, match=r"'cpt' .* is an encoder"):
        train(make_version([chat("a", "b")]), TrainRecipe(base=place, objective="cpt"), workspace=ws)


def test_another_models_version_has_no_classes(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version([chat("a", "b"), chat("c", "d")])
    made = train(version, TrainRecipe(base=str(base), max_steps=1, precision="float32"), workspace=ws)
    with pytest.raises(UsageError, match="was trained by sft and has no classes"):
        load_classifier(ws, made.name)


def test_a_head_is_kept_with_its_labels_and_pool(tmp_path: Path) -> None:
    head = Head.new("classify", 4, labels=("a", "b", "c"), pool="mean", bias=True, seed=3)
    head.max_length, head.counts = 9, (2, 0, 5)
    head.save(tmp_path)
    again = Head.load(tmp_path)
    assert (again.labels, again.pool, again.max_length, again.counts) == (head.labels, "mean", 9, (2, 0, 5))
    assert torch.equal(again.weight, head.weight)


def facts(parameters: float, **other: Any) -> Facts:
    common = {"positions": 512, "fresh": False, "examples": 9000, "tokens": 200_000, "held_out": 400}
    rest = {"kinds": {"label": 9000}, "replay": False, "labels": ("a", "b")}
    return Facts(parameters=int(parameters), **{**common, **rest, **other})


def test_defaults_are_those_of_classification() -> None:
    small = resolve(TrainRecipe(), facts(4.2e6), steps_per_epoch=282).recipe
    shared = {"name": "classify", "labels": ["a", "b"], "balanced": False}
    assert small.objective == {**shared, "pool": "mean", "language": 0.5, "noise": 0.1}
    assert (small.tuner, small.epochs, small.batch, small.eval_every) == ({"name": "full"}, 5.0, 32, 282)
    large = resolve(TrainRecipe(), facts(7e9)).recipe
    assert large.tuner["name"] == "lora"  # type: ignore[index]
    assert large.objective == {**shared, "pool": "last", "language": 0.0, "noise": 0.0}
    bert = resolve(TrainRecipe(), facts(110e6, generates=False)).recipe
    assert bert.objective == {**shared, "pool": "first", "language": 0.0, "noise": 0.0}
    assert bert.epochs == 3.0
    assert 2e-5 <= (bert.learning_rate or 0) <= 5e-5


def test_a_stage_that_classifies_folds_in_what_the_one_before_trained(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    version = make_version([*rows(), *(chat(f"q {n}", "a") for n in range(4))])
    stages = [{"objective": "sft", "max_steps": 2}, {"objective": "classify", "max_steps": 2}]
    made = train(version, TrainRecipe(base=str(base), stages=stages, general="none", **QUICK), workspace=ws)
    assert (made.form, made.tuner) == ("full", "full")
    assert load_classifier(ws, made.name, dtype="float32").labels == ("animal", "colour", "数")
