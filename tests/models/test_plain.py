"""Architectures that only transformers can run: the same interface, the same scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.test_families import hf_loss, hf_model, records
from tests.tiny import save_hf

from tuneloop.models import load
from tuneloop.models.packed import Packed
from tuneloop.models.plain import PlainModel

CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "gpt_neox": ({}, True),
    "cohere": ({"logit_scale": 0.25}, False),  # logits are scaled, so the model's own are used
    "gpt2": ({"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 64, "resid_pdrop": 0.5}, True),
}


@pytest.mark.parametrize("model_type", CASES)
def test_scores_and_gradients_are_transformers_own(model_type: str, tmp_path: Path) -> None:
    differences, by_rows = CASES[model_type]
    reference = hf_model(model_type, differences).eval()
    lm = load(save_hf(reference, tmp_path), "float32")
    assert isinstance(lm, PlainModel)
    assert f"'{model_type}' has no fast path" in lm.why.en
    assert (lm.head is not None) == by_rows
    hf_loss(reference).backward()
    for recompute in (False, True):
        lm.checkpointing = recompute
        lm.module.zero_grad()
        batch = Packed.of(records())
        loss = (lm.token_nll(batch, batch.target_weights) * batch.target_weights).sum()
        loss.backward()
        assert loss.item() == pytest.approx(hf_loss(reference).item(), rel=1e-5)
        named = dict(reference.named_parameters())
        for name, parameter in lm.module.named_parameters():
            expected = named[name].grad
            assert parameter.grad is not None, name
            assert (parameter.grad - expected).abs().max() <= 2e-4 * expected.abs().max().clamp_min(1e-3), name


def test_saved_and_restored(tmp_path: Path) -> None:
    lm = load(save_hf(hf_model("gpt_neox", {}), tmp_path / "one"), "float32")
    ids = torch.arange(5, 20)
    expected = lm.logits(ids)
    lm.save(tmp_path / "two")
    torch.testing.assert_close(load(tmp_path / "two", "float32").logits(ids), expected)
    with torch.no_grad():
        for parameter in lm.module.parameters():
            parameter.zero_()
    lm.restore(tmp_path / "two")
    torch.testing.assert_close(lm.logits(ids), expected)
