"""The fast path equals transformers, family by family: logits to 1e-4 and the gradient of every weight (float32)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import save_hf

from tuneloop.models import load
from tuneloop.models.fast import FastModel
from tuneloop.models.packed import Packed

SMALL = {
    "vocab_size": 259,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,  # so that every part of a layer shows in the logits
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def rope(kind: str, **options: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 500.0, **options}}


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {"tie_word_embeddings": True}),
    "llama untied": ("llama", {"tie_word_embeddings": False}),
    "llama biased": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama head size": ("llama", {"head_dim": 20}),
    "llama linear": ("llama", rope("linear", factor=4.0)),
    "llama dynamic": ("llama", {**rope("dynamic", factor=2.0), "max_position_embeddings": 16}),
    "llama llama3": (
        "llama",
        rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32),
    ),
    "llama yarn": ("llama", rope("yarn", factor=4.0, original_max_position_embeddings=16)),
    "mistral": ("mistral", {"sliding_window": None, "head_dim": 16}),
    "mistral window": ("mistral", {"sliding_window": 7}),
    "qwen2": ("qwen2", {"tie_word_embeddings": True}),
    "qwen2 windows": ("qwen2", {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}),
    "qwen3": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "qwen3 biased": ("qwen3", {"head_dim": 16, "attention_bias": True}),
    "phi3": ("phi3", {"sliding_window": 9}),
    "phi3 part": (
        "phi3",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5}},
    ),
    "phi3 longrope": (
        "phi3",
        {
            **rope("longrope", short_factor=[1.0, 1.1, 1.2, 1.3, 1.5, 2.0], long_factor=[1.0, 2, 3, 4, 6, 8]),
            "original_max_position_embeddings": 22,
        },
    ),
    "gemma": ("gemma", {"head_dim": 16}),
    "gemma2": (
        "gemma2",
        {
            "head_dim": 16,
            "sliding_window": 6,
            "query_pre_attn_scalar": 20,
            "final_logit_softcapping": 5.0,
            "attn_logit_softcapping": 3.0,
        },
    ),
    "gemma3": (
        "gemma3_text",
        {
            "head_dim": 16,
            "sliding_window": 6,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "query_pre_attn_scalar": 20,
        },
    ),
    "gemma3 scaled": (
        "gemma3_text",
        {
            "head_dim": 16,
            "sliding_window": 6,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e5},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e3},
            },
        },
    ),
}


def hf_model(model_type: str, differences: dict[str, Any]) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(model_type, **{**SMALL, **differences})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or name.endswith("bias"):  # ones and zeros would hide a mistake
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def records() -> list[tuple[list[int], list[float]]]:
    torch.manual_seed(1)
    made = []
    # ascending: transformers remembers the longest record for "dynamic", we rotate each by its own length
    for length, prompt in ((5, 1), (22, 3), (23, 9), (30, 20)):
        ids = torch.randint(3, 259, (length,)).tolist()
        made.append((ids, [0.0] * prompt + [1.0] * (length - prompt)))
    return made


def hf_loss(model: Any, weight: float = 1.0) -> torch.Tensor:
    total = torch.zeros(())
    for ids, mask in records():
        row = torch.tensor([ids])
        logits = model(row).logits[0].float()
        nats = -logits[:-1].log_softmax(-1).gather(1, row[0, 1:, None])[:, 0]
        total = total + (nats * torch.tensor(mask[1:])).sum()
    return total * weight


@pytest.mark.parametrize("case", CASES)
def test_equals_transformers(case: str, tmp_path: Path) -> None:
    model_type, differences = CASES[case]
    reference = hf_model(model_type, differences)
    ours = load(save_hf(reference, tmp_path), dtype="float32", path="fast")
    assert isinstance(ours, FastModel)

    for ids, _ in records():
        expected = reference(torch.tensor([ids])).logits[0]
        torch.testing.assert_close(ours.logits(torch.tensor(ids)), expected, atol=1e-4, rtol=1e-4)

    hf_loss(reference).backward()
    batch = Packed.of(records())
    loss = (ours.token_nll(batch, batch.target_weights) * batch.target_weights).sum()
    loss.backward()
    held, named = dict(ours.module.named_parameters()), dict(reference.named_parameters())
    for slot in ours.slots:
        gradient = held[slot.parameter].grad
        assert gradient is not None, slot
        expected = named[slot.file_name].grad
        ours_here = gradient[slot.start : slot.start + slot.rows]
        scale = expected.abs().max().clamp_min(1e-3)
        assert (ours_here - expected).abs().max() <= 2e-4 * scale, slot.file_name


def test_computing_activations_again_changes_nothing(tmp_path: Path) -> None:
    lm = load(save_hf(hf_model("qwen3", {"head_dim": 16}), tmp_path), "float32", "fast")
    batch = Packed.of(records())
    gradients = []
    for again in (False, True):
        lm.checkpointing = again
        lm.module.zero_grad()
        (lm.token_nll(batch, batch.target_weights) * batch.target_weights).sum().backward()
        gradients.append({name: one.grad.clone() for name, one in lm.module.named_parameters() if one.grad is not None})
    assert len(gradients[0]) == len(list(lm.module.parameters()))
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_packing_changes_nothing(tmp_path: Path) -> None:
    lm = load(save_hf(hf_model("gemma2", {"head_dim": 16, "sliding_window": 6}), tmp_path), "float32", "fast")
    together = lm.token_nll(Packed.of(records()))
    alone = torch.cat([lm.token_nll(Packed.of([record])) for record in records()])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_bfloat16_stays_as_near_to_float32_as_transformers(tmp_path: Path) -> None:
    reference = hf_model("qwen3", {"head_dim": 16, "initializer_range": 0.1})
    folder = save_hf(reference.bfloat16(), tmp_path)
    batch = Packed.of(records())
    with torch.no_grad():
        exact = load(folder, "float32").token_nll(batch)
        ours = load(folder, "bfloat16", "fast").token_nll(batch)
        theirs = load(folder, "bfloat16", "plain").token_nll(batch)
    assert (ours - exact).abs().mean() <= 1.2 * (theirs - exact).abs().mean()
    assert abs(ours.mean() - exact.mean()) < 5e-3
