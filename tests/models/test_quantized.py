"""Quantized bases against bitsandbytes, against dense models with the same numbers, and in size."""

from __future__ import annotations

import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.tiny import byte_tokenizer, save_hf

from tuneloop.errors import ModelError, UsageError
from tuneloop.models import load
from tuneloop.models.adapter import Adapter
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.checkpoint import Weights
from tuneloop.models.fast import FastModel
from tuneloop.models.kernels.lora_linear import Block, lora_linear
from tuneloop.models.new import NewModel, create
from tuneloop.models.quantized import Kind, QuantizedMatrix, quantize, quantized_linear

KINDS: list[Kind] = ["nf4", "nf4-double", "int8"]
MOST = {"nf4": 0.30, "nf4-double": 0.30, "int8": 0.52}
SHAPE = {"hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 16, "intermediate": 96, "max_positions": 128}
IDS = torch.tensor([5, 6, 7, 8, 9, 40, 50, 80])

every_kind = pytest.mark.parametrize("kind", KINDS)


def random(*size: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    return (torch.randn(*size, generator=torch.Generator().manual_seed(seed)) * 0.02).to(dtype)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("base")
    create(NewModel(family="qwen2", **SHAPE), byte_tokenizer(), "float32").save(place)
    return place


def dense_twin(folder: Path, kind: Kind) -> FastModel:
    """A dense model whose matrices hold what the quantized ones stand for."""
    twin, held = load(folder, "float32", "fast"), load(folder, "float32", "fast", quantize=kind)
    assert isinstance(twin, FastModel)
    parameters = dict(twin.module.named_parameters())
    with torch.no_grad():
        for name, part in held.module.named_modules():
            if isinstance(part, QuantizedMatrix):
                parameters[name].copy_(part.dense(torch.float32))
    return twin


def adapter_for(lm: Any) -> LoraAdapter:
    adapter = LoraAdapter.new(lm.sites(), r=4, alpha=8.0, seed=1)
    with torch.no_grad():
        for number, site in enumerate(adapter.sites.values()):
            site.up.copy_(random(*site.up.shape, seed=number))
    return adapter


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(96, 40), (7, 30), (5000, 64)])
def test_nf4_is_that_of_bitsandbytes(size: tuple[int, int], dtype: torch.dtype, double: bool) -> None:
    weight = random(*size, dtype=dtype)
    found = quantize(weight, "nf4-double" if double else "nf4")
    from bitsandbytes import functional

    codes, state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=double)
    assert torch.equal(found.dense(dtype), functional.dequantize_4bit(codes, state))
    assert torch.equal(found.codes.view(-1)[: len(codes)], codes.view(-1))


def test_int8_is_row_by_row_as_in_bitsandbytes() -> None:
    weight = random(1500, 96, dtype=torch.float16)
    weight[3] = 0
    found = quantize(weight, "int8")
    from bitsandbytes import functional

    codes, largest, _ = functional.int8_vectorwise_quant(weight)
    assert torch.allclose(found.scales * 127, largest)
    apart = (found.codes.int() - codes.int()).abs()
    assert apart.max() <= 1  # they round a product with 127 / largest, so ties may go the other way
    assert (apart > 0).float().mean() < 1e-3
    error = (found.dense(torch.float32) - weight.float()).abs()
    assert bool((error <= found.scales[:, None] * 0.5001).all())
    assert not found.dense(torch.float32)[3].any()


@every_kind
def test_size_at_the_shape_of_a_real_layer(kind: Kind) -> None:
    """The gate and up projections of Qwen2.5-0.5B."""
    matrix = quantize(random(2 * 4864, 896, dtype=torch.bfloat16), kind)
    assert matrix.bytes <= MOST[kind] * 2 * 4864 * 896 * 2
    assert matrix.bytes == sum(one.untyped_storage().nbytes() for one in matrix.buffers())


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_linear_layer_is_that_of_bitsandbytes(dtype: torch.dtype, double: bool) -> None:
    weight, bias, x = random(48, 64, dtype=dtype), random(48, dtype=dtype, seed=1), random(9, 64, dtype=dtype, seed=2)
    matrix = quantize(weight, "nf4-double" if double else "nf4")
    from bitsandbytes.nn import Linear4bit, Params4bit

    theirs = Linear4bit(64, 48, compute_dtype=dtype, compress_statistics=double, quant_type="nf4")
    theirs.weight = Params4bit(weight, requires_grad=False, compress_statistics=double, quant_type="nf4")
    theirs.bias = torch.nn.Parameter(bias.clone())
    theirs = theirs.to("cpu")
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    own = bias.clone().requires_grad_()
    out, wanted = quantized_linear(left, matrix, own), theirs(right)
    assert torch.allclose(out, wanted, rtol=1e-5, atol=1e-6)
    grad = random(9, 48, dtype=dtype, seed=3)
    out.backward(grad)
    wanted.backward(grad)
    assert left.grad is not None
    assert right.grad is not None
    assert own.grad is not None
    assert torch.allclose(left.grad, right.grad, rtol=1e-5, atol=1e-6)
    assert torch.allclose(own.grad, theirs.bias.grad, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-5)


@every_kind
def test_lora_over_codes_is_lora_over_their_dense_matrix(kind: Kind) -> None:
    matrix = quantize(random(48, 64), kind)
    bias = random(48, seed=1)
    blocks = [Block(0, 32, 4, 2.0), Block(40, 8, 2, 0.5)]
    results = []
    for weight in (matrix, matrix.dense(torch.float32)):
        x = random(9, 64, seed=2).requires_grad_()
        pairs = [random(*size, seed=3).requires_grad_() for size in ((4, 64), (2, 64), (32, 4), (8, 2))]
        out = lora_linear(x, weight, bias, blocks, pairs[:2], pairs[2:])
        out.square().sum().backward()
        results.append([out.detach(), x.grad, *(pair.grad for pair in pairs)])
    for found, wanted in zip(*results, strict=True):
        assert torch.equal(found, wanted)


@every_kind
def test_no_dense_copy_is_kept_for_the_backward_pass(folder: Path, kind: Kind) -> None:
    lm = load(folder, "float32", "fast", quantize=kind)
    lm.freeze()
    lm.attach(adapter_for(lm))
    kept: list[tuple[int, ...]] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        lm.logits(IDS).sum().backward()
    matrices = {tuple(part.shape) for part in lm.module.modules() if isinstance(part, QuantizedMatrix)}
    assert kept
    assert matrices == {(128, 64), (64, 64), (192, 64), (64, 96)}
    assert not matrices & set(kept)
    assert all(parameter.grad is not None for parameter in lm.adapter.parameters())  # type: ignore[union-attr]


@every_kind
def test_quantized_model_answers_as_a_dense_one_with_the_same_numbers(folder: Path, kind: Kind) -> None:
    models = [load(folder, "float32", "fast", quantize=kind), dense_twin(folder, kind)]
    if kind != "nf4-double":  # there fused matrices share the mean of their scales, and the plain path fuses none
        models.append(load(folder, "float32", "plain", quantize=kind))
    lm = models[0]
    for attached in (False, True):
        if attached:
            for model in models:
                model.attach(adapter_for(model))
        for model in models[1:]:
            assert torch.allclose(lm.logits(IDS), model.logits(IDS), atol=1e-5)
    asked = [[5, 6, 7], [40, 41]]
    for adapter in (True, False):
        answers = [[one.ids for one in model.generate(asked, max_tokens=6, adapter=adapter)] for model in models]
        assert all(answer == answers[0] for answer in answers)


@every_kind
@pytest.mark.parametrize("path", ["fast", "plain"])
def test_what_a_quantized_model_says_of_itself(folder: Path, path: Any, kind: Kind) -> None:
    dense, lm = load(folder, "float32", path), load(folder, "bfloat16", path, quantize=kind)
    assert (dense.quantized, lm.quantized) == (None, kind)
    assert lm.parameters == dense.parameters
    assert lm.sites() == dense.sites()
    assert (lm.dtype, lm.device) == (torch.bfloat16, torch.device("cpu"))
    held = sum(part.bytes for part in lm.module.modules() if isinstance(part, QuantizedMatrix))
    whole = sum(outputs * inputs for outputs, inputs in lm.sites().values()) * 2
    assert held <= (MOST[kind] + 0.02) * whole  # the constants of rows this short weigh more


@every_kind
def test_constants_stay_exact_whatever_the_model_is_cast_to(folder: Path, kind: Kind) -> None:
    lm, same = load(folder, "float32", "fast", quantize=kind), load(folder, "float32", "fast", quantize=kind)
    same.module.to(torch.bfloat16).to(torch.float32)
    parts = [
        [m.dense(torch.float32) for m in one.module.modules() if isinstance(m, QuantizedMatrix)] for one in (lm, same)
    ]
    assert all(torch.equal(left, right) for left, right in zip(*parts, strict=True))


def test_weights_are_not_given_out(folder: Path, tmp_path: Path) -> None:
    for path in ("fast", "plain"):
        lm = load(folder, "float32", path, quantize="nf4")
        adapter: Adapter = adapter_for(lm)
        for refused in (lm.state, lambda lm=lm: lm.save(tmp_path / "out"), lambda lm=lm, a=adapter: a.merge(lm)):
            with pytest.raises(ModelError, match=r"held in nf4.*Load it again in 16 or 32 bits"):
                refused()
    assert not (tmp_path / "out").exists()


def test_an_unknown_kind_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="no quantization is called 'int4'; expected nf4, nf4-double, int8"):
        load(folder, quantize="int4")  # type: ignore[arg-type]


def test_loading_holds_one_matrix_dense_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0
    read = Weights.read

    def watched(self: Weights, name: str) -> torch.Tensor:
        nonlocal most
        tensor = read(self, name)
        alive.append(weakref.ref(tensor))
        most = max(most, sum(one.numel() for ref in alive if (one := ref()) is not None))
        return tensor

    monkeypatch.setattr(Weights, "read", watched)
    lm = load(folder, "float32", "fast", quantize="nf4")
    largest = max(part.weights for part in lm.module.modules() if isinstance(part, QuantizedMatrix))
    assert 0 < most <= max(largest, lm.module.get_parameter("embed").numel())
    assert all(not parameter.is_meta for parameter in lm.module.parameters())


def test_layers_with_transposed_weights_on_the_plain_path(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=2, n_positions=64)
    place = save_hf(GPT2LMHeadModel(config), tmp_path)
    dense, lm = load(place, "float32"), load(place, "float32", quantize="int8")
    assert not lm.fast
    assert lm.sites() == dense.sites()
    assert torch.allclose(lm.logits(IDS), dense.logits(IDS), atol=2e-2)
    assert not torch.equal(lm.logits(IDS), dense.logits(IDS))
    lm.freeze()
    lm.attach(adapter_for(lm))
    lm.logits(IDS).square().sum().backward()
    assert all(parameter.grad is not None for parameter in lm.adapter.parameters())  # type: ignore[union-attr]


OFFLINE = """
import ctypes, sys, types
real = ctypes.CDLL.__getattr__
ctypes.CDLL.__getattr__ = lambda self, name: (lambda: 1) if name == "has_avx512bf16_cpu" else real(self, name)
asked = []
fake = types.ModuleType("kernels")
fake.get_kernel = lambda *names, **rest: asked.append(names) or types.SimpleNamespace(gemm_4bit_forward=None)
sys.modules["kernels"] = fake
import torch
compiler = torch.compile
if sys.argv[1] == "ours":
    import tuneloop.models.loading
    from tuneloop.models.quantized import quantize
    assert "bitsandbytes" not in sys.modules
    quantize(torch.ones(4, 64), "nf4-double").dense(torch.float32)
    assert "torch._dynamo" not in sys.modules
else:
    torch.compile = compiler = lambda function, **_: function  # only to be quick
import bitsandbytes
assert torch.compile is compiler and sys.modules["kernels"] is fake
print(len(asked))
"""


@pytest.mark.parametrize(("who", "downloads"), [("ours", "0"), ("theirs", "1")])
def test_no_kernel_is_fetched_from_a_hub(who: str, downloads: str) -> None:
    """On a processor with bfloat16 units bitsandbytes asks the package `kernels` for one; by itself it does so here."""
    done = subprocess.run([sys.executable, "-c", OFFLINE, who], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, downloads), done.stderr
    assert who == "theirs" or "gemm_4bit_forward" not in done.stderr


def test_linear_layer_of_three_axes() -> None:
    """As transformers calls it: [records, tokens, inputs]."""
    from tuneloop.models.quantized import QuantizedLinear

    matrix = quantize(random(10, 64), "int8")
    x = random(2, 3, 64, seed=1)
    assert torch.allclose(QuantizedLinear(matrix, None)(x), F.linear(x, matrix.dense(torch.float32)))
