"""Tuners: what moves and what rests, what is kept, and results that answer as the run left them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.tiny import byte_tokenizer

from tuneloop.config import read
from tuneloop.errors import SettingError
from tuneloop.models import load
from tuneloop.models.new import NewModel, create
from tuneloop.models.versions import load_version
from tuneloop.records.needs import missing
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, plan, train
from tuneloop.train.defaults import Facts
from tuneloop.train.objective import objectives
from tuneloop.train.tuner import tuners
from tuneloop.train.tuners.freeze import Freeze, spot_of

from .conftest import SHAPE, MakeVersion, chat, facts
from .schooled import school

FACTS = Facts(10**6, 256, False, 50, 1000, 0, {"chat": 50}, False)
IDS = torch.arange(3, 60)


def tiny(**shape: Any) -> Any:
    return create(NewModel(**{**SHAPE, **shape}), byte_tokenizer(), "float32")


def recipe(base: Path, **given: Any) -> TrainRecipe:
    return TrainRecipe(**{"base": str(base), "precision": "float32", "max_steps": 6, "learning_rate": 0.01, **given})


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "lora", "dora": True, "plus": 16, "rank": 4},
        {"name": "bottleneck", "placement": "houlsby"},
        {"name": "prefix", "projection": True, "width": 8},
        {"name": "prefix", "text": "What is"},
        {"name": "prompt", "text": "answer"},
        {"name": "p_tuning", "network": "lstm", "width": 8},
        {"name": "freeze", "layers": [1], "gradual": 2},
    ],
    ids=lambda spec: "-".join(str(value) for value in spec.values()),
)
def test_the_result_answers_as_the_run_left_it(
    ws: Workspace, make_version: MakeVersion, base: Path, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    cls = tuners.load(spec["name"])
    save = cls.save
    monkeypatch.setattr(
        cls, "save", lambda self, lm, folder: (held.append(lm.logits(IDS).detach()), save(self, lm, folder))
    )
    made = train(make_version(facts()), recipe(base, tuner=spec), workspace=ws)
    again = load_version(ws, made, dtype="float32")
    torch.testing.assert_close(again.logits(IDS).detach(), held[0], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(held[0], load(base, "float32").logits(IDS), atol=1e-3)


@pytest.mark.parametrize("name", ["p_tuning", "prefix"])
def test_the_network_is_in_the_checkpoints_and_not_in_the_result(
    ws: Workspace, make_version: MakeVersion, base: Path, name: str
) -> None:
    spec = {"name": name, "tokens": 5, "width": 8} | ({"projection": True} if name == "prefix" else {})
    folders: list[Path] = []
    made = train(
        make_version(facts()), recipe(base, tuner=spec, checkpoint_seconds=0), workspace=ws,
        on_checkpoint=lambda folder, step, figures: folders.append(folder),
    )  # fmt: skip
    kept = set(load_file(folders[-1] / "weights.safetensors"))
    network = {"p_tuning": "mlp_head.0.weight", "prefix": "transform.0.weight"}[name]
    assert {"prompt_encoder.embedding.weight", f"prompt_encoder.{network}"} <= kept
    result = load_file(ws.folder / made.folder / "adapter_model.safetensors")
    assert {key: len(rows) for key, rows in result.items()} == {"prompt_embeddings": 5}


def test_lora_plus_moves_b_faster() -> None:
    tuner = tuners.create({"name": "lora", "plus": 16})
    assert tuner.rate("base_model.model.q_proj.lora_B.weight") == 16
    assert tuner.rate("base_model.model.q_proj.lora_A.weight") == 1
    assert tuner.rate("base_model.model.q_proj.lora_magnitude_vector") == 1


def test_virtual_tokens_leave_less_room_for_records(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    version = make_version(facts())
    prompt = {"name": "prompt", "tokens": 30}
    assert plan(version, recipe(base, tuner=prompt), workspace=ws).recipe.max_length == SHAPE["max_positions"] - 30
    with pytest.raises(SettingError, match="at most 226, the model's own limit less the tuner's 30 virtual tokens"):
        plan(version, recipe(base, tuner=prompt, max_length=256), workspace=ws)


MLPS = {f"layers.{layer}.{name}" for layer in (0, 2) for name in ("gate_up", "down")}
MOVES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "last": ({"layers": "last-1"}, {"layers.3.", "norm"}),
    "first": ({"layers": "first-2"}, {"layers.0.", "layers.1."}),
    "numbers": ({"layers": [0, 2], "parts": ["mlp"]}, MLPS),
    "attention": ({"layers": [3], "parts": ["attention"]}, {"layers.3.qkv", "layers.3.o"}),
    "norms": ({"layers": "all", "parts": ["norms"]}, {".norm1", ".norm2", "_norm", "norm"}),
    "embeddings": ({"layers": [0], "parts": ["embeddings"]}, {"embed"}),
    "head": ({"layers": [0], "parts": ["head"]}, {"head"}),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_what_is_frozen_does_not_change_by_a_bit(name: str) -> None:
    settings, wanted = MOVES[name]
    lm = tiny(layers=4, tied=False)
    tuner = tuners.create({"name": "freeze", **settings})
    tuner.attach(lm, 0)
    moving = {key for key, _ in tuner.trainable(lm)}
    assert moving == {key for key, one in lm.module.named_parameters() if one.requires_grad}
    names = [key for key, _ in lm.module.named_parameters()]
    expected = {key for key in names if any(part == key or (part != "norm" and part in key) for part in wanted)}
    assert moving == expected


def test_frozen_weights_rest_in_a_run_and_the_result_is_whole(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    spec = {"name": "freeze", "layers": "last-1", "parts": ["mlp"]}
    made = train(make_version(facts()), recipe(base, tuner=spec, weight_decay=0.1), workspace=ws)
    assert made.form == "full"
    before, after = (load(folder, "float32").state() for folder in (base, ws.folder / made.folder))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"model.layers.1.mlp.{name}_proj.weight" for name in ("gate", "up", "down")}


def test_layers_thaw_from_the_top_by_the_share_of_the_run() -> None:
    lm = tiny(layers=4)
    tuner = tuners.create({"name": "freeze", "gradual": 3, "parts": ["attention", "mlp", "norms", "embeddings"]})
    tuner, _ = tuner.fitted(FACTS)
    tuner.attach(lm, 0)

    def moving(share: float) -> set[str]:
        tuner.thaw(lm, share)
        return {key.rpartition(".")[0] or key for key, one in lm.module.named_parameters() if one.requires_grad}

    top = {"layers.3", "layers.2", "norm"}
    assert moving(0) == moving(0.33) == top
    assert moving(1 / 3) == moving(0.5) == top | {"layers.1"}
    assert moving(2 / 3) == moving(0.99) == top | {"layers.1", "layers.0", "embed"}
    assert moving(0.1) == top  # a function of the share alone
    assert {tuner.stage(key) for key, _ in tuner.trainable(lm)} == {0, 1, 2}


def test_waiting_layers_are_not_touched_by_weight_decay(
    ws: Workspace, make_version: MakeVersion, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    thaw = Freeze.thaw

    def watched(self: Freeze, lm: Any, share: float) -> None:
        seen.append({key: one.detach().clone() for key, one in lm.module.named_parameters()})
        thaw(self, lm, share)

    monkeypatch.setattr(Freeze, "thaw", watched)
    spec = {"name": "freeze", "gradual": 2}
    train(make_version(facts()), recipe(base, tuner=spec, weight_decay=0.5, max_steps=6), workspace=ws)
    for name in ("layers.0.qkv", "layers.0.down"):
        assert torch.equal(seen[0][name], seen[3][name])
        assert not torch.equal(seen[3][name], seen[4][name])
    assert not torch.equal(seen[0]["layers.1.qkv"], seen[1]["layers.1.qkv"])
    assert torch.equal(seen[0]["embed"], seen[5]["embed"])


@pytest.mark.parametrize(
    ("name", "layers", "spot"),
    [
        ("layers.1.qkv_bias", 4, (1, "attention")),
        ("layers.1.o", 4, (1, "attention")),
        ("layers.0.q_norm", 4, (0, "norms")),
        ("norm", 4, (3, "norms")),
        ("transformer.h.2.attn.c_attn.weight", 4, (2, "attention")),
        ("transformer.h.2.mlp.c_fc.bias", 4, (2, "mlp")),
        ("transformer.h.2.ln_1.weight", 4, (2, "norms")),
        ("transformer.ln_f.bias", 4, (3, "norms")),
        ("transformer.wpe.weight", 4, (None, "embeddings")),
        ("model.embed_tokens.weight", 4, (None, "embeddings")),
        ("lm_head.weight", 4, (None, "head")),
        ("encoder.layer.1.attention.output.LayerNorm.weight", 4, (1, "norms")),
        ("encoder.layer.1.intermediate.dense.weight", 4, (1, "mlp")),
        ("embeddings.LayerNorm.weight", 4, (None, "embeddings")),
        ("pooler.dense.weight", 4, None),
    ],
)
def test_parts_are_known_by_name(name: str, layers: int, spot: Any) -> None:
    assert spot_of(name, layers) == spot


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"layers": "last"}, "all, last-N, first-N"),
        ({"layers": []}, "all, last-N, first-N"),
        ({"parts": ["atention"]}, "'attention'"),
        ({"gradual": -1}, "greater than or equal to 0"),
    ],
)
def test_freeze_settings_are_checked(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        read(Freeze, given, path="tuner")


def test_a_layer_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingError, match="found layer 7; expected 0 to 1, as this model has 2 layers"):
        tuners.create({"name": "freeze", "layers": [7]}).attach(tiny(), 0)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    torch.manual_seed(0)
    shape = GPT2Config(vocab_size=byte_tokenizer().size, n_positions=128, n_embd=32, n_layer=2, n_head=2)
    GPT2LMHeadModel(shape).save_pretrained(folder)
    byte_tokenizer().save(folder)
    return school(load(folder, "float32"), tmp_path_factory.mktemp("schooled"))


@pytest.mark.parametrize("name", ["bottleneck", "freeze", "prefix", "prompt", "p_tuning"])
def test_they_learn_on_a_model_of_transformers(ws: Workspace, make_version: MakeVersion, gpt2: Path, name: str) -> None:
    given = recipe(gpt2, tuner=name, max_steps=15, learning_rate=0.03)
    rows = [chat(f"What is {number} cup?", "a cup") for number in range(24)]
    made = train(make_version(rows), given, workspace=ws)
    curve = [metric.value for metric in queue.metrics(ws, str(made.run), ["loss"])]
    assert max(curve[-3:]) < 0.8 * curve[0]


def test_every_pair_that_is_refused_has_a_reason() -> None:
    """The generated table of pairs says the same."""
    for objective in objectives:
        needs = objectives.load(objective).needs
        for tuner in tuners:
            lacking = list(missing(needs, tuners.load(tuner).traits))
            assert set(lacking) <= needs.capabilities
