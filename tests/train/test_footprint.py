"""What a tuner says it moves is what it moves, to the last parameter."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.tiny import byte_tokenizer

from tuneloop.models import tunings
from tuneloop.models.fast import FastModel
from tuneloop.models.new import NewModel, create
from tuneloop.train.tuner import tuners

SIZES = {"hidden": 32, "layers": 3, "heads": 4, "kv_heads": 2, "head_dim": 16, "intermediate": 80, "max_positions": 64}


def model(**settings: Any) -> FastModel:
    return create(NewModel(**{**SIZES, **settings}), byte_tokenizer(), "float32")


CASES: list[dict[str, Any]] = [
    {"name": "full"},
    {"name": "freeze", "layers": "last-2"},
    {"name": "freeze", "layers": "first-1", "parts": ["attention"]},
    {"name": "freeze", "layers": [0, 2], "parts": ["mlp", "norms", "embeddings"]},
    {"name": "freeze", "layers": "last-1", "parts": ["mlp", "head"]},
    {"name": "lora", "rank": 4, "alpha": 8.0},
    {"name": "lora", "rank": 3, "alpha": 8.0, "targets": ["q_proj", "self_attn.v_proj"], "dora": True},
    {"name": "qlora", "rank": 4, "alpha": 8.0, "bits": "int8"},
    {"name": "bottleneck", "size": 6},
    {"name": "bottleneck", "placement": "houlsby", "reduction": 4},
    {"name": "prefix", "tokens": 5},
    {"name": "prefix", "tokens": 5, "projection": True, "width": 24},
    {"name": "prompt", "tokens": 5},
    {"name": "p_tuning", "tokens": 5},
    {"name": "p_tuning", "tokens": 5, "width": 12, "network": "lstm", "depth": 3},
]


@pytest.mark.parametrize("family", ["qwen3", "qwen2", "llama"])
@pytest.mark.parametrize("settings", CASES, ids=lambda one: "-".join(map(str, one.values())))
def test_the_count_is_the_real_one(settings: dict[str, Any], family: str) -> None:
    lm = model(family=family, tied=family != "llama")
    tuner = tuners.create(settings)
    found = tuner.footprint(lm.config)
    assert found is not None
    tuner.attach(lm, 0)
    moving = tuner.trainable(lm)
    assert found.moving == sum(parameter.numel() for _, parameter in moving)
    own = {name for name, _ in lm.module.named_parameters()}
    assert found.own == sum(parameter.numel() for name, parameter in moving if name in own)
    matrices = sum(p.numel() for name, p in moving if p.dim() == 2 and ".layers." in f".{name}" and name in own)
    assert found.own_matrices == matrices


@pytest.mark.parametrize("name", list(tuners))
def test_every_tuner_tells_it(name: str) -> None:
    settings = {"rank": 4, "alpha": 8.0} if name in ("lora", "qlora") else {}
    assert tuners.create({"name": name, **settings}).footprint(model().config) is not None


def test_a_model_is_counted_exactly() -> None:
    for family in ("qwen3", "qwen2", "llama", "mistral"):
        for tied in (True, False):
            lm = model(family=family, tied=tied)
            assert tunings.parameters(lm.config) == lm.parameters


def test_quantized_weights_take_the_bits_that_are_told() -> None:
    from tuneloop.models.quantized import QuantizedMatrix

    for kind in ("nf4", "nf4-double", "int8"):
        lm = model(hidden=256, intermediate=512, head_dim=64)
        lm.quantize(kind)  # type: ignore[arg-type]
        held = sum(one.bytes for one in lm.module.modules() if isinstance(one, QuantizedMatrix))
        counted = lm.config.layers * tunings.layer_matrices(lm.config) * tunings.BITS[kind] / 8
        assert math.isclose(held, counted, rel_tol=0.02), kind
