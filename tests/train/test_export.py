"""Exported files answer like the original, and are given out only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tuneloop.errors import ModelError, UsageError
from tuneloop.models.versions import load_version
from tuneloop.records import ModelVersion
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train
from tuneloop.train.export import export, exports
from tuneloop.train.exports import merged

from .conftest import MakeVersion, facts


@pytest.fixture
def tuned(ws: Workspace, make_version: MakeVersion, base: Path) -> ModelVersion:
    """An adapter that changed the model's answers for certain."""
    version = make_version([(r, "test" if n % 2 else "train", 1.0, "f.jsonl") for n, r in enumerate(facts())])
    recipe = TrainRecipe(base=str(base), epochs=8, learning_rate=2e-2, precision="float32")
    return train(version, recipe, workspace=ws)


def test_merged_float32_gives_the_same_text_in_transformers(ws: Workspace, tuned: ModelVersion, tmp_path: Path) -> None:
    done = export(tuned, tmp_path / "out", {"name": "merged", "dtype": "float32"}, workspace=ws)
    assert done.proof.figures["positions"] >= 1000
    assert done.proof.figures["mean_kl"] < 1e-6
    assert done.proof.figures["same_answers"] == done.proof.figures["answers"] == 6

    lm = load_version(ws, tuned, dtype="float32")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ids = torch.tensor(AutoTokenizer.from_pretrained(tmp_path / "out")("What is 3 hat?")["input_ids"])
    assert torch.allclose(plain(ids[None]).logits[0], lm.logits(ids), atol=1e-4)
    lm.detach()
    assert not torch.allclose(plain(ids[None]).logits[0], lm.logits(ids), atol=1e-2)  # the adapter is in it


def test_merged_bfloat16_stays_within_the_limits(ws: Workspace, tuned: ModelVersion, tmp_path: Path) -> None:
    done = export(tuned, tmp_path / "out", {"name": "merged", "dtype": "bfloat16"}, workspace=ws)
    assert 0 < done.proof.figures["mean_kl"] <= 0.01
    assert done.proof.figures["top1"] >= 0.98
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"


def test_the_base_precision_is_kept(ws: Workspace, tuned: ModelVersion, tmp_path: Path) -> None:
    export(tuned, tmp_path / "out", workspace=ws)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "float32"


def test_files_that_answer_otherwise_are_not_given_out(
    ws: Workspace, tuned: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tuneloop.models.adapters.lora.LoraAdapter.merge", lambda adapter, lm: None
    )  # forgets the adapter
    with pytest.raises(ModelError, match="do not answer like the original"):
        export(tuned, tmp_path / "out", workspace=ws)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".part-*"))


def test_peft_files_load_in_peft(ws: Workspace, tuned: ModelVersion, base: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    done = export(tuned, tmp_path / "out", "peft", workspace=ws)
    assert {path.name for path in done.folder.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), done.folder)
    lm = load_version(ws, tuned, dtype="float32")
    ids = torch.arange(3, 40)
    assert torch.allclose(plain(input_ids=ids[None]).logits[0], lm.logits(ids), atol=1e-4)


def test_a_whole_model_has_no_adapter(ws: Workspace, make_version: MakeVersion, base: Path, tmp_path: Path) -> None:
    recipe = TrainRecipe(base=str(base), tuner="full", max_steps=2, precision="float32")
    made = train(make_version(facts()), recipe, workspace=ws)
    with pytest.raises(UsageError, match="whole model"):
        export(made, tmp_path / "out", "peft", workspace=ws)
    assert export(made, tmp_path / "out", workspace=ws).proof.passed


def test_a_full_folder_is_refused(ws: Workspace, tuned: ModelVersion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="empty"):
        export(tuned, tmp_path, workspace=ws)
    assert (tmp_path / "file").read_text() == "mine"


def test_the_limits_are_those_that_are_promised() -> None:
    assert (merged.MEAN_KL, merged.TOP1) == (0.01, 0.98)
    assert exports.names() == ["merged", "peft"]
