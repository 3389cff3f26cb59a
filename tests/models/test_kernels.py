"""Compiled kernels equal their torch twins, forward and backward, and a missing compiler changes nothing but the speed.

Float32 results may differ by the order of their sums; bfloat16 ones by the rounding of what the twin keeps between two
steps.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch

from tuneloop.models.kernels import building, compiled
from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.kernels.blocks import Blocks
from tuneloop.models.kernels.gate import gated
from tuneloop.models.kernels.heads import Layout, rotated_heads
from tuneloop.models.kernels.linear import linear
from tuneloop.models.kernels.nll import linear_nll
from tuneloop.models.kernels.norm import add_norm, norm

Operation = Callable[..., torch.Tensor | Sequence[torch.Tensor]]
KINDS = [torch.float32, torch.bfloat16]


@pytest.fixture(scope="module")
def library() -> Path:
    """The library of these sources, from the user's cache: named by its content, and dear to make."""
    return building.published()


@pytest.fixture(params=KINDS, ids=["float32", "bfloat16"])
def kind(request: pytest.FixtureRequest) -> torch.dtype:
    made: torch.dtype = request.param
    return made


@pytest.fixture(autouse=True)
def _two_threads() -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def both_ways(operation: Operation, inputs: Sequence[torch.Tensor], library: Path | None) -> list[torch.Tensor]:
    """Results and gradients for fixed random gradients from above."""
    random = torch.Generator().manual_seed(1)
    inputs = [one.clone().requires_grad_() for one in inputs]
    with compiled.using(library):
        out = operation(*inputs)
        results = [out] if isinstance(out, torch.Tensor) else list(out)
        above = [torch.randn(one.shape, generator=random).to(one.dtype) for one in results]
        grads = torch.autograd.grad(results, inputs, above)
    return [one.detach() for one in results] + list(grads)


def assert_agrees(operation: Operation, sizes: Sequence[tuple[int, ...]], kind: torch.dtype, library: Path) -> None:
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(size, generator=random).to(kind) for size in sizes]
    expected, given = both_ways(operation, inputs, None), both_ways(operation, inputs, library)
    again = both_ways(operation, inputs, library)
    tolerance = 1e-5 if kind == torch.float32 else 2e-2
    for index, (one, other, same) in enumerate(zip(given, expected, again, strict=True)):
        assert one.dtype == other.dtype
        assert (one - other).abs().max() <= tolerance * other.abs().max(), index
        assert torch.equal(one, same), f"{index} differs between two runs"


@pytest.mark.parametrize(("rows", "width"), [(1, 3), (3, 37), (17, 64), (40, 515)])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_norm(rows: int, width: int, offset: float, kind: torch.dtype, library: Path) -> None:
    assert_agrees(lambda x, weight: norm(x, weight, 1e-5, offset), [(rows, width), (width,)], kind, library)
    sizes = [(rows, width), (rows, width), (width,)]
    assert_agrees(lambda x, delta, weight: add_norm(x, delta, weight, 1e-5, offset), sizes, kind, library)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_norm_without_gradients_and_kernels(rows: int, offset: float) -> None:
    """One row, as in a step of writing an answer, goes another way; both are the norm that gradients go through."""
    random = torch.Generator().manual_seed(0)
    x, delta = torch.randn(rows, 515, generator=random), torch.randn(rows, 515, generator=random)
    weight = torch.randn(515, generator=random)
    with compiled.using(None):
        wanted = norm(x, weight, 1e-5, offset), *add_norm(x, delta, weight, 1e-5, offset)
        with torch.no_grad():
            given = norm(x, weight, 1e-5, offset), *add_norm(x, delta, weight, 1e-5, offset)
    for one, other in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (5, 31), (33, 700)])
def test_gate(rows: int, width: int, kind: torch.dtype, library: Path) -> None:
    assert_agrees(lambda x: gated(x, "silu"), [(rows, 2 * width)], kind, library)


def test_gate_far_from_zero(library: Path) -> None:
    far = torch.tensor([[-1e4, -100.0, -50.0, 50.0, 100.0, 1e4, float("nan"), *[1.0] * 7]], requires_grad=True)
    with compiled.using(library):
        out = gated(far, "silu")
        (grad,) = torch.autograd.grad(out[0, :6].sum(), far)
    torch.testing.assert_close(out[0, :6], torch.tensor([0.0, 0, 0, 50, 100, 1e4]))
    assert out[0, 6].isnan()
    torch.testing.assert_close(grad[0, :6], torch.tensor([0.0, 0, 0, 1, 1, 1]))


@pytest.mark.parametrize(("heads", "kv_heads", "size", "half"), [(3, 1, 16, 8), (4, 2, 20, 10), (2, 2, 36, 7)])
@pytest.mark.parametrize("normed", [True, False])
def test_heads(heads: int, kv_heads: int, size: int, half: int, normed: bool, kind: torch.dtype, library: Path) -> None:
    tokens, layout = 23, Layout(heads, kv_heads, size, 1e-6, 0.5)
    angles = torch.randn(tokens, half, generator=torch.Generator().manual_seed(2))

    def operation(qkv: torch.Tensor, *weight: torch.Tensor) -> Sequence[torch.Tensor]:
        return rotated_heads(qkv, angles.cos(), angles.sin(), weight[0] if weight else None, layout)

    sizes = [(tokens, (heads + 2 * kv_heads) * size), (heads + kv_heads, size)]
    assert_agrees(operation, sizes[: 1 + normed], kind, library)


def test_heads_takes_gradients_in_any_layout(library: Path) -> None:
    layout, tokens = Layout(4, 2, 16, 1e-6), 9
    qkv, angles = torch.randn(tokens, 8 * 16), torch.randn(tokens, 8)

    def operation(x: torch.Tensor) -> list[torch.Tensor]:
        # the gradients that come back lie as [heads, tokens, size]
        return [one.transpose(0, 1) * 2 for one in rotated_heads(x, angles.cos(), angles.sin(), None, layout)]

    for one, other in zip(both_ways(operation, [qkv], library), both_ways(operation, [qkv], None), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("rows", "width", "vocabulary"), [(1, 8, 2), (70, 24, 301)])
@pytest.mark.parametrize("promised", [True, False])
def test_nll(rows: int, width: int, vocabulary: int, promised: bool, kind: torch.dtype, library: Path) -> None:
    random = torch.Generator().manual_seed(3)
    targets = torch.randint(vocabulary, (rows,), generator=random)
    weights = torch.rand(rows, generator=random)

    def operation(hidden: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        return linear_nll(hidden, matrix, targets, weights if promised else None) * weights

    assert_agrees(operation, [(rows, width), (vocabulary, width)], kind, library)


def test_nll_refuses_a_target_outside_of_the_vocabulary(library: Path) -> None:
    with compiled.using(library), pytest.raises(IndexError, match="vocabulary of 7"):
        linear_nll(torch.zeros(2, 3), torch.zeros(7, 3), torch.tensor([1, 7]))


@pytest.mark.parametrize(("heads", "kv_heads", "size"), [(1, 1, 8), (4, 2, 20), (6, 2, 64)])
@pytest.mark.parametrize(("lengths", "window"), [([3], None), ([70, 33, 32, 5, 1], None), ([70, 40, 16], 18)])
def test_attention(
    heads: int, kv_heads: int, size: int, lengths: list[int], window: int | None, kind: torch.dtype, library: Path
) -> None:
    plan, tokens = Plan.of(lengths), sum(lengths)

    def operation(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return attention(q, k, v, plan, scale=size**-0.5, window=window)

    assert_agrees(operation, [(tokens, heads, size), (tokens, kv_heads, size), (tokens, kv_heads, size)], kind, library)


def test_attention_takes_views(library: Path) -> None:
    """Queries and keys come as parts of one tensor."""
    plan, size = Plan.of([9, 4]), 16

    def operation(together: torch.Tensor) -> torch.Tensor:
        q, k, v = together.split((4, 2, 2), 1)
        return attention(q, k, v, plan, scale=0.25)

    assert_agrees(operation, [(13, 8, size)], torch.float32, library)


def test_threads_do_not_change_the_result(library: Path) -> None:
    x, weight = torch.randn(300, 256), torch.randn(256)
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(both_ways(lambda a, b: norm(a, b, 1e-6), [x, weight], library))
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def openmp_runtimes() -> set[str]:
    maps = Path("/proc/self/maps").read_text().splitlines()
    return {line.split()[-1] for line in maps if "omp" in line and ".so" in line}


def test_no_second_openmp_runtime(library: Path) -> None:
    """It would start threads of its own."""
    torch.zeros(1)
    before = openmp_runtimes()
    with compiled.using(library):
        gated(torch.zeros(512, 512), "silu")
    assert openmp_runtimes() == before


def test_a_library_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.c").write_text("int NAME_OF_NOTHING;\n")
    monkeypatch.setattr(building, "HERE", tmp_path)
    monkeypatch.setattr(building, "_check", lambda made: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(building, "KINDS", {torch.float32: "float32"})
    made = building.published()
    assert {file.name for file in made.parent.iterdir()} == {made.name, building.LOCK}, "something was left behind"
    monkeypatch.setattr(building, "build", None)  # building again would fail
    assert building.published() == made


def test_of_several_who_want_it_at_once_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.c").write_text("int small(void) { return 7; }\n")
    monkeypatch.setattr(building, "HERE", tmp_path)
    monkeypatch.setattr(building, "KINDS", {torch.float32: "float32"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    checked: list[Path] = []
    monkeypatch.setattr(building, "_check", checked.append)
    start = Barrier(4)

    def want() -> Path:
        start.wait(60)
        return building.published()

    with ThreadPoolExecutor(4) as pool:
        (made,) = {one.result() for one in [pool.submit(want) for _ in range(4)]}
    assert len(checked) == 1
    assert ctypes.CDLL(str(made)).small() == 7
    assert {file.name for file in made.parent.iterdir()} == {made.name, building.LOCK}


@pytest.fixture
def untried() -> Generator[None]:
    """Nothing is known yet about the library."""
    compiled._made.cache_clear()
    yield
    compiled._made.cache_clear()


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize(("compiler", "says"), [("no-such-compiler", "C compiler"), ("false", "could not be made")])
def test_without_a_working_compiler_torch_does_it(
    compiler: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TUNELOOP_KERNELS", raising=False)
    on, text = compiled.status()
    assert not on
    assert says in text.en
    assert "torch" in text.zh
    assert float(gated(torch.ones(1, 2), "silu")) == pytest.approx(0.731, abs=1e-3)


def test_a_source_that_does_not_compile_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong.c").write_text("int f(void) { return missing; }\n")
    monkeypatch.setattr(building, "HERE", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(building.NotMade, match="missing"):
        building.published()


@pytest.mark.slow
def test_a_kernel_that_computes_something_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in building.HERE.glob("*.[ch]"):
        text = source.read_text()
        (tmp_path / source.name).write_text(text.replace("1.0f - s", "1.1f - s") if source.name == "gate.c" else text)
    monkeypatch.setattr(building, "HERE", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(building.NotMade, match="gate"):
        building.published()
    assert not list((tmp_path / "cache" / "tuneloop" / "kernels").glob("*.so"))


@pytest.mark.usefixtures("untried")
def test_off_means_the_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNELOOP_KERNELS", "off")
    assert compiled.kernel("norm_forward", torch.zeros(2, 2)) is None
    assert not compiled.status().on


def test_other_tensors_go_to_the_twins(library: Path) -> None:
    with compiled.using(library):
        x = torch.zeros(4, 6)
        assert compiled.kernel("norm_forward", x) is not None
        for other in (x.double(), x.t(), x.to("meta")):
            assert compiled.kernel("norm_forward", other) is None
        assert compiled.kernel("norm_forward", x, x.bfloat16()) is None


@pytest.mark.parametrize("rows", [2, 3, 5, 16, 31])
@pytest.mark.parametrize(("outputs", "inputs"), [(1, 3), (66, 48), (35, 515)])
def test_linear_of_few_rows(rows: int, outputs: int, inputs: int, kind: torch.dtype, library: Path) -> None:
    random = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(size, generator=random).to(kind) for size in ((rows, inputs), (outputs, inputs), (outputs,))
    )
    for added in (None, bias):
        expected = torch.nn.functional.linear(x, weight, added)
        with torch.no_grad(), compiled.using(library):
            given, again = linear(x, weight, added), linear(x, weight, added)
        assert (given - expected).abs().max() <= (1e-5 if kind == torch.float32 else 2e-2) * expected.abs().max()
        assert torch.equal(given, again)


def test_linear_sums_a_row_the_same_in_any_company(library: Path) -> None:
    x, weight = torch.randn(13, 300), torch.randn(40, 300)
    with torch.no_grad(), compiled.using(library):
        together = linear(x, weight)
        for rows in (range(3), range(4, 9), range(7, 13)):
            assert torch.equal(together[list(rows)], linear(x[list(rows)], weight))


def test_linear_has_gradients(library: Path) -> None:
    x, weight = torch.randn(5, 8, requires_grad=True), torch.randn(6, 8)
    with compiled.using(library):
        linear(x, weight).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0).expand(5, 8))


@pytest.mark.parametrize("exact", [True, False], ids=["bfloat16", "float32"])
@pytest.mark.parametrize(("outputs", "inputs"), [(7, 5), (64, 33), (200, 128)])
def test_blocks_equal_a_linear_layer_whatever_the_other_rows(
    exact: bool, outputs: int, inputs: int, library: Path
) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(outputs, inputs), torch.randn(outputs)
    weight = weight.bfloat16().float() if exact else weight
    held = Blocks(weight)
    assert held.held.dtype == (torch.bfloat16 if exact else torch.float32)
    assert torch.equal(held.dense(torch.float32), weight)
    x = torch.randn(17, inputs)
    with compiled.using(library):
        whole = linear(x, held, bias)
        alone = torch.cat([linear(x[row : row + 1], held, bias) for row in range(17)])
        without = linear(x, held)
    expected = torch.nn.functional.linear(x.double(), weight.double(), bias.double())
    assert (whole - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert torch.equal(whole, alone)
    torch.testing.assert_close(without, whole - bias)
    with compiled.using(None):
        torch.testing.assert_close(linear(x, held, bias), whole, rtol=1e-4, atol=1e-4)
