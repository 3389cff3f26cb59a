"""Beginnings in common are computed once, and rows, losses and gradients stay what they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.test_families import CASES, hf_model
from tests.tiny import save_hf

from tuneloop.models import load, sharing
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.fast import FastModel
from tuneloop.models.packed import Packed
from tuneloop.models.sharing import Sharing, beginnings, can_share


def answers() -> Packed:
    """Two prompts with three and two answers, apart; a record of its own; one that is another's beginning."""
    torch.manual_seed(4)
    one, two, alone = (torch.randint(3, 259, (length,)).tolist() for length in (14, 9, 11))
    tails = [torch.randint(3, 259, (length,)).tolist() for length in (6, 11, 8, 3, 12)]
    rows = [one + tails[0], two + tails[1], one + tails[2], alone, two + tails[3], one + tails[4], one]
    prompts = [14, 9, 14, 2, 9, 14, 1]
    pairs = zip(rows, prompts, strict=True)
    return Packed.of([(ids, [0.0] * prompt + [1.0] * (len(ids) - prompt)) for ids, prompt in pairs])


def trained(lm: FastModel, batch: Packed) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Losses and gradients of all weights and of the adapter."""
    weights = dict(lm.module.named_parameters()) | (dict(lm.adapter.named_parameters()) if lm.adapter else {})
    nats = lm.token_nll(batch)
    (nats * torch.linspace(0.5, 2, len(nats))).sum().backward()
    found = {name: weight.grad.clone() for name, weight in weights.items() if weight.grad is not None}
    for weight in weights.values():
        weight.grad = None
    return nats.detach(), found


@pytest.fixture(params=["qwen3", "llama llama3", "mistral window", "gemma2", "gemma3 scaled"])
def lm(request: pytest.FixtureRequest, tmp_path: Path) -> FastModel:
    loaded = load(save_hf(hf_model(*CASES[request.param]), tmp_path), "float32", "fast")
    assert isinstance(loaded, FastModel)
    for weight in loaded.module.parameters():
        weight.requires_grad_(True)
    return loaded


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(sharing, "WORTH", 2.0)
    return monkeypatch


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_losses_and_gradients_stay(
    lm: FastModel, adapted: bool, checkpointing: bool, never: pytest.MonkeyPatch
) -> None:
    lm.checkpointing = checkpointing
    if adapted:
        adapter = LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=1, base=lm.reference)
        for site in adapter.sites.values():
            torch.nn.init.normal_(site.up, std=0.2)
        lm.attach(adapter)
    expected, slopes = trained(lm, answers())
    never.undo()
    found, gradients = trained(lm, answers())
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)
    assert gradients.keys() == slopes.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, slopes[name], atol=1e-4, rtol=1e-4, msg=name)


def test_logits_of_every_token_stay(lm: FastModel, never: pytest.MonkeyPatch) -> None:
    batch = answers()
    expected = lm.logits(batch.ids, batch.lengths)
    never.undo()
    torch.testing.assert_close(lm.logits(batch.ids, batch.lengths), expected, atol=2e-5, rtol=2e-5)


def test_each_beginning_is_computed_once() -> None:
    batch = answers()
    found = Sharing.of(batch.ids, batch.lengths)
    assert found is not None
    # 14 tokens of three followers, one of them wholly, and 9 of one
    assert len(found.kept) == len(batch.ids) - 3 * 14 - 9
    assert torch.equal(batch.ids[found.kept][found.place], batch.ids)
    assert torch.equal(batch.positions[found.kept][found.place], batch.positions)


def test_the_longest_beginning_is_found_wherever_it_stands() -> None:
    rows = [[1, 2, 3, 9], [7, 7], [1, 2, 4], [1, 2, 3, 8, 8]]
    saved, begins = beginnings(np.concatenate([np.array(row) for row in rows]), [len(row) for row in rows])
    common = {record: tokens for record, _, tokens in begins if tokens}
    assert saved == sum(common.values()) == 2 + 3
    come = {min(range(4), key=lambda record: rows[record])}
    for record, like, tokens in begins:
        assert like in come
        assert rows[record][:tokens] == rows[like][:tokens]
        come.add(record)


def test_too_little_is_not_shared() -> None:
    rows = [[1, *range(10, 50)], [1, *range(60, 99)]]
    assert Sharing.of(torch.tensor(rows[0] + rows[1]), [len(row) for row in rows]) is None


@pytest.mark.parametrize("case", ["llama dynamic", "phi3 longrope"])
def test_rotations_by_length_are_left_alone(case: str, tmp_path: Path) -> None:
    lm = load(save_hf(hf_model(*CASES[case]), tmp_path), "float32", "fast")
    assert isinstance(lm, FastModel)
    assert not can_share(lm.config)
    batch = answers()
    alone = [lm.logits(ids) for ids in batch.ids.split(batch.lengths)]
    torch.testing.assert_close(lm.logits(batch.ids, batch.lengths), torch.cat(alone), atol=2e-5, rtol=2e-5)
