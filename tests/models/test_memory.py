"""The memory estimate: known sizes, sane answers to every change, and a real run beside it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest

from tuneloop.models import activations, duration, rules_of_thumb, tunings
from tuneloop.models.kernels import attention, nll
from tuneloop.models.memory import TITLES, Work, cache_bytes, estimate, weight_bytes
from tuneloop.models.shape import Shape
from tuneloop.models.shape_from import from_config, from_figures, from_sizes

SMOL = from_sizes(
    hidden=576, layers=30, heads=9, kv_heads=3, head_dim=64, intermediate=1536, vocab=49152, tied=True, context=2048
)
LLAMA_7B = from_sizes(
    hidden=4096, layers=32, heads=32, kv_heads=32, head_dim=128, intermediate=11008, vocab=32000, tied=False
)
WORK = Work(tokens=2048, longest=512)
WAYS = {
    "full": tunings.full(SMOL),
    "freeze": tunings.freeze(SMOL, 4),
    "lora": tunings.lora(SMOL, 16),
    "dora": tunings.lora(SMOL, 16, dora=True),
    "qlora": tunings.qlora(SMOL, 16),
    "bottleneck": tunings.bottleneck(SMOL, 64, 2),
    "prefix": tunings.prefix(SMOL, 20),
    "prompt": tunings.prompt(SMOL, 20),
    "p_tuning": tunings.p_tuning(SMOL, 20, 576),
}


def total(shape: Shape = SMOL, tuning: tunings.Tuning | None = None, **changes: object) -> int:
    return estimate(shape, tuning or tunings.full(shape), replace(WORK, **changes)).total  # type: ignore[arg-type]


def test_models_whose_count_is_published() -> None:
    assert tunings.parameters(SMOL) == 134_515_008  # SmolLM-135M
    assert tunings.parameters(LLAMA_7B) == 6_738_415_616  # Llama 2 7B


def test_rules_of_thumb_at_seven_billion() -> None:
    assert rules_of_thumb.sixteen_bytes(7e9) == pytest.approx(104.3, abs=0.05)
    assert rules_of_thumb.eight_bytes(7e9) == 56.0
    assert rules_of_thumb.eight_bytes(70e9) == 560.0


def test_the_states_of_full_tuning_are_those_of_the_rule_of_sixteen() -> None:
    parts = estimate(LLAMA_7B, tunings.full(LLAMA_7B), WORK).parts
    states = parts["weights"] + parts["gradients"] + parts["moments"]
    assert states / 1024**3 == pytest.approx(rules_of_thumb.sixteen_bytes(tunings.parameters(LLAMA_7B)))


def test_bfloat16_keeps_float32_masters() -> None:
    parts = estimate(SMOL, tunings.full(SMOL), replace(WORK, dtype="bfloat16")).parts
    count = tunings.parameters(SMOL)
    assert (parts["weights"], parts["masters"]) == (2 * count, 4 * count)
    assert (parts["gradients"], parts["moments"]) == (4 * count, 8 * count)


def test_which_rule_applies_is_told() -> None:
    assert "16 bytes applies" in rules_of_thumb.applies(WAYS["full"], WORK).en
    assert "16 bytes is near" in rules_of_thumb.applies(WAYS["full"], replace(WORK, dtype="bfloat16")).en
    assert "Neither" in rules_of_thumb.applies(WAYS["lora"], WORK).en


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("changes", [{}, {"dtype": "bfloat16"}, {"checkpointing": True}, {"device": "cuda"}], ids=str)
def test_parts_sum_to_the_largest_phase(way: str, changes: dict[str, object]) -> None:
    found = estimate(SMOL, WAYS[way], replace(WORK, **changes))  # type: ignore[arg-type]
    assert found.total == sum(found.parts.values()) == found.phases[found.phase] == max(found.phases.values())
    assert all(size > 0 for size in found.parts.values())
    assert set(found.parts) <= set(TITLES)
    assert found.needed <= found.total


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("tokens", (1024, 2048, 4096, 16384)),
        ("targets", (0.1, 0.5, 1.0)),
        ("checkpointing", (True, False)),
        ("dtype", ("bfloat16", "float32")),
    ],
)
def test_more_work_never_takes_less(way: str, field: str, values: tuple[object, ...]) -> None:
    if (way, field) == ("full", "dtype"):
        values = values[::-1]  # masters and a working copy: the states are larger in bfloat16
    sizes = [total(tuning=WAYS[way], **{field: value}) for value in values]
    if (way, field) == ("full", "dtype"):
        return
    assert all(one <= other for one, other in pairwise(sizes)), sizes
    assert field == "targets" or sizes[0] < sizes[-1]


@pytest.mark.parametrize("field", ["hidden", "layers", "intermediate", "vocab", "heads", "kv_heads"])
def test_a_larger_model_takes_more(field: str) -> None:
    for way in (tunings.full, lambda shape: tunings.lora(shape, 8)):
        larger = replace(SMOL, **{field: 3 * getattr(SMOL, field)})
        assert total(larger, way(larger)) > total(SMOL, way(SMOL))


def test_ranks_lengths_references_and_rollouts_count() -> None:
    assert total(tuning=tunings.lora(SMOL, 64)) > total(tuning=tunings.lora(SMOL, 8))
    assert total(tuning=WAYS["dora"]) > total(tuning=WAYS["lora"])
    assert total(longest=2048) >= total(longest=256)
    assert total(reference="copy") - total() == 4 * tunings.parameters(SMOL)
    assert total(optimizer="muon") < total()
    few = replace(WORK, tokens=64, longest=64)
    many = replace(few, rollouts=512, rollout_tokens=1000)
    found = estimate(SMOL, WAYS["lora"], many)
    assert found.phase == "rollouts"
    assert found.parts["cache"] == cache_bytes(SMOL, many) == 2 * 30 * 512 * 1024 * 192 * 4


def test_a_frozen_base_in_four_bits_takes_a_quarter_of_its_sixteen() -> None:
    matrices = SMOL.layers * tunings.layer_matrices(SMOL)
    rest = 2 * (tunings.parameters(SMOL) - matrices)
    assert (weight_bytes(SMOL, WAYS["qlora"], "bfloat16") - rest) / (2 * matrices) == pytest.approx(0.258, abs=0.001)


def test_only_the_last_layers_keep_anything_where_the_first_are_frozen() -> None:
    work = replace(WORK, tokens=16384)
    few, many = (estimate(SMOL, tunings.freeze(SMOL, count), work).parts["activations"] for count in (3, 30))
    assert 8 < many / few < 12


def test_numbers_that_the_kernels_use_are_the_same_here() -> None:
    assert activations.CHUNK == nll.CHUNK
    assert activations.BLOCK == attention.BLOCK


def test_a_shape_from_a_config_our_decoder_cannot_run() -> None:
    gpt2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
    shape = from_config(gpt2)
    assert tunings.parameters(shape) == pytest.approx(124e6, rel=0.01)
    bert = {
        "model_type": "bert", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "vocab_size": 21128, "max_position_embeddings": 512,
    }  # fmt: skip
    assert tunings.parameters(from_config(bert)) == pytest.approx(102e6, rel=0.02)


@pytest.mark.parametrize("count", [0.5e9, 1.7e9, 7e9, 32e9, 70e9])
def test_a_shape_from_a_catalogue_has_the_parameters_told(count: float) -> None:
    assert tunings.parameters(from_figures(count)) == pytest.approx(count, rel=0.001)


def test_figures_that_are_known_are_kept() -> None:
    shape = from_figures(6.738e9, hidden=4096, layers=32, heads=32, kv_heads=32, vocab=32000, tied=False)
    assert shape.intermediate == pytest.approx(11008, abs=2)


def test_operations_of_a_token() -> None:
    """6 a weight in full tuning, 4 with LoRA (no weight gradients), 2 more where activations are computed again."""
    matrices = LLAMA_7B.layers * tunings.layer_matrices(LLAMA_7B)
    short = replace(WORK, longest=1, targets=0.0)
    full = duration.flops_per_token(LLAMA_7B, tunings.full(LLAMA_7B), short)
    assert full == pytest.approx(6 * matrices, rel=0.001)
    lora = duration.flops_per_token(LLAMA_7B, tunings.lora(LLAMA_7B, 8), short)
    assert lora == pytest.approx(4 * matrices, rel=0.01)
    again = duration.flops_per_token(LLAMA_7B, tunings.full(LLAMA_7B), replace(short, checkpointing=True))
    assert again == pytest.approx(8 * matrices, rel=0.001)
    assert duration.tokens_per_second(LLAMA_7B, tunings.full(LLAMA_7B), short, 1000.0) == pytest.approx(700e9 / full)


CHILD = """
import json, sys, torch
from tuneloop.models.decoder import Decoder
from tuneloop.models.kernels.nll import linear_nll
from tuneloop.models.room import Growth
from tuneloop.models.shape_from import from_sizes
from tuneloop.train.optimizer import Weight
from tuneloop.train.optimizers.adamw import AdamW
sizes, tokens, length = json.loads(sys.argv[1])
torch.set_num_threads(1)
growth = Growth()
shape = from_sizes(**sizes)
module = Decoder(shape, torch.float32)
with torch.no_grad():
    for parameter in module.parameters():
        parameter.normal_(0.0, 0.02)
weights = [Weight(n, p, "layers" in n, (len(p),)) for n, p in module.named_parameters()]
updater = AdamW().build(weights, 1e-4, 0.0)
ids = torch.arange(tokens) % 250
positions = torch.arange(length).repeat(tokens // length)
ones = torch.ones(tokens)
for _ in range(2):
    hidden = module(ids, positions, [length] * (tokens // length))
    (linear_nll(hidden, module.vocabulary, ids, ones) * ones).sum().backward()
    updater.step(1.0, tokens)
print(growth.peak())
"""


@pytest.mark.slow
def test_a_real_run_takes_about_what_is_estimated() -> None:
    sizes = {
        "hidden": 384, "layers": 6, "heads": 6, "kv_heads": 2, "head_dim": 64, "intermediate": 1024, "vocab": 8192,
        "tied": True,
    }  # fmt: skip
    call = [sys.executable, "-c", CHILD, json.dumps([sizes, 1024, 256])]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    measured = int(done.stdout)
    shape = from_sizes(**sizes)  # type: ignore[arg-type]
    found = estimate(shape, tunings.full(shape), Work(tokens=1024, longest=256, threads=1))
    without = found.total - found.parts["process"]  # this child has no database and no tokenizer
    assert math.isclose(measured, without, rel_tol=0.35), (measured, without)
