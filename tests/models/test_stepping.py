"""A compiled step of generation equals the decoder's own, family by family, with adapters and in any company."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.test_families import CASES, hf_model
from tests.models.test_generation import shaken
from tests.tiny import save_hf

from tuneloop.models import load
from tuneloop.models.adapters.bottleneck import BottleneckAdapter
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.engine import Finished, Request, Token
from tuneloop.models.fast import FastModel
from tuneloop.models.kernels import building, compiled
from tuneloop.models.sampling import Sampling

PROMPTS = [[5, 9, 40, 41], [100], [7] * 12, [250, 3, 30, 31, 32], *([place + 3, place + 9] for place in range(5))]
SAMPLING = Sampling(max_tokens=14, min_tokens=14, logprobs=2)


def loaded(folder: Path, *, laid_out: bool) -> FastModel:
    lm = load(folder, "float32", "fast")
    assert isinstance(lm, FastModel)
    if laid_out:
        lm.lay_out()
    return lm


def answers(lm: FastModel, adapters: dict[str, Path] | None = None, sampling: Sampling = SAMPLING) -> list[list[Token]]:
    """Of all prompts at once, the base and the adapters in turn."""
    engine = lm.engine()
    for name, folder in (adapters or {}).items():
        engine.add_adapter(name, folder)
    names = [None, *(adapters or {})]
    handles = [
        engine.submit(Request(prompt, sampling, names[place % len(names)])) for place, prompt in enumerate(PROMPTS)
    ]
    told = [list(engine.events(handle)) for handle in handles]
    assert all(isinstance(events[-1], Finished) for events in told)
    return [[event for event in events if isinstance(event, Token)] for events in told]


def assert_same(given: list[list[Token]], expected: list[list[Token]]) -> None:
    assert [[token.id for token in one] for one in given] == [[token.id for token in one] for one in expected]
    told = [torch.tensor([token.logprob for one in answer for token in one]) for answer in (given, expected)]
    torch.testing.assert_close(*told, rtol=0, atol=1e-4)


class Calls:
    """Counts the decoder's own passes."""

    def __init__(self, lm: FastModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        forward = lm.module.forward

        def counted(*inputs: Any, **named: Any) -> torch.Tensor:
            self.count += 1
            return forward(*inputs, **named)

        monkeypatch.setattr(lm.module, "forward", counted)


@pytest.fixture(scope="module", autouse=True)
def _library() -> Path:
    return building.published()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hf(hf_model("qwen3", {"head_dim": 16, "attention_bias": True}), tmp_path_factory.mktemp("qwen3"))


@pytest.mark.parametrize("case", CASES)
def test_a_step_equals_the_decoder(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_hf(hf_model(*CASES[case]), tmp_path)
    laid_out = loaded(folder, laid_out=True)
    calls = Calls(laid_out, monkeypatch)
    given = answers(laid_out)
    assert calls.count == 1, "only the prompts are read by the decoder"
    assert_same(given, answers(loaded(folder, laid_out=False)))


def test_weights_of_either_kind_on_one_and_on_two_threads(folder: Path) -> None:
    lm = loaded(folder, laid_out=False)
    with torch.no_grad():
        for weight in lm.module.parameters():
            weight.copy_(weight.bfloat16())
    expected = answers(lm)
    lm.lay_out()
    assert lm.module.scoring is not None
    assert lm.module.scoring.held.dtype == torch.bfloat16
    given, before = answers(lm), torch.get_num_threads()
    assert_same(given, expected)
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert answers(lm) == given
    finally:
        torch.set_num_threads(before)


def test_a_row_is_the_same_in_any_company(folder: Path) -> None:
    lm = loaded(folder, laid_out=True)
    sampling = Sampling(max_tokens=20, temperature=0.9, seed=5)
    together = [lm.generate(PROMPTS[:count], sampling)[0] for count in (1, 5, 9)]
    assert together[0] == together[1] == together[2]


def test_adapters_mix_in_one_compiled_step(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lm, laid_out = loaded(folder, laid_out=False), loaded(folder, laid_out=True)
    half = LoraAdapter.new({site: size for site, size in lm.sites().items() if "k_proj" in site}, r=3, alpha=6, seed=1)
    torch.manual_seed(1)
    for site in half.sites.values():
        torch.nn.init.normal_(site.up, std=0.5)
    made = {"all": shaken(lm, 2), "keys": half, "dora": turned(lm)}
    folders = {name: adapter.save(tmp_path / name) for name, adapter in made.items()}
    expected = answers(lm, folders)
    calls = Calls(laid_out, monkeypatch)
    given = answers(laid_out, folders)
    assert calls.count == 1
    assert_same(given, expected)
    assert given != answers(laid_out)


def turned(lm: FastModel) -> LoraAdapter:
    adapter = LoraAdapter.new(lm.sites(), r=5, alpha=8, seed=4, dora=lm)
    torch.manual_seed(4)
    for site in adapter.sites.values():
        torch.nn.init.normal_(site.up, std=0.2)
    return adapter


def test_an_adapter_of_another_sort_goes_through_the_decoder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm, laid_out = loaded(folder, laid_out=False), loaded(folder, laid_out=True)
    adapter = BottleneckAdapter.new(lm, size=6, placement="houlsby", seed=1)
    torch.manual_seed(0)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folders = {"bottleneck": adapter.save(tmp_path)}
    calls = Calls(laid_out, monkeypatch)
    assert_same(answers(laid_out, folders), answers(lm, folders))
    assert calls.count == SAMPLING.max_tokens


def test_without_compiled_code_the_same_model_answers_the_same(folder: Path) -> None:
    lm = loaded(folder, laid_out=True)
    given = answers(lm)
    with compiled.using(None):
        assert_same(answers(lm), given)
