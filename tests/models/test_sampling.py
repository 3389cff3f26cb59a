"""Drawing the next token: the shares are those of the settings, and a row depends on itself alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tuneloop.models.counting import key, uniform
from tuneloop.models.sampling import Sampling, choose

VOCABULARY = 300  # more than are looked at before a row is sorted whole
DRAWS = 20_000


def shares(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """How often each token is drawn."""
    rows = logits.expand(DRAWS, -1)
    chosen = choose(rows, [sampling] * DRAWS, [7] * DRAWS, range(DRAWS))
    return torch.bincount(chosen, minlength=logits.shape[-1]) / DRAWS


def nucleus(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The distribution as the settings define it, token by token."""
    likely = (logits / sampling.temperature).softmax(-1).tolist()
    order = sorted(range(len(likely)), key=lambda token: -likely[token])
    kept, mass = torch.zeros(len(likely)), 0.0
    for rank, token in enumerate(order):
        if mass >= sampling.top_p or (sampling.top_k and rank >= sampling.top_k):
            break
        kept[token] = likely[token]
        mass += likely[token]
    return kept / kept.sum()


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=1.0),
        Sampling(temperature=0.7, top_k=5),
        Sampling(temperature=1.3, top_p=0.8),
        Sampling(temperature=1.0, top_p=0.95, top_k=290),
    ],
)
def test_shares_are_those_of_the_settings(sampling: Sampling, flat: bool) -> None:
    torch.manual_seed(0)
    logits = torch.randn(VOCABULARY) * (0.01 if flat else 3.0)
    found, wanted = shares(logits, sampling), nucleus(logits, sampling)
    assert not bool((found[wanted == 0] > 0).any())
    # Pearson's statistic over the tokens that are drawn: its mean is their number less one, its deviation sqrt(2 n)
    drawn = wanted > 0
    count = int(drawn.sum()) - 1
    statistic = float((DRAWS * (found - wanted).square()[drawn] / wanted[drawn]).sum())
    assert abs(statistic - count) < 5 * (2 * count) ** 0.5 + 5


def test_a_row_depends_on_itself_alone() -> None:
    torch.manual_seed(1)
    logits = torch.randn(6, VOCABULARY)
    settings = [
        Sampling(temperature=1.0), Sampling(), Sampling(temperature=0.5, top_p=0.9),
        Sampling(temperature=2.0, top_k=3), Sampling(temperature=5.0, top_p=0.99), Sampling(temperature=1.0),
    ]  # fmt: skip
    keys, places = [3, 1, 4, 1, 5, 9], [0, 1, 2, 3, 4, 5]
    together = choose(logits, settings, keys, places).tolist()
    alone = [int(choose(logits[[n]], [settings[n]], [keys[n]], [places[n]])[0]) for n in range(6)]
    assert together == alone
    assert together[1] == int(logits[1].argmax())
    backwards = choose(logits.flip(0), settings[::-1], keys[::-1], places[::-1]).tolist()
    assert backwards == together[::-1]


def test_a_token_without_probability_is_never_drawn() -> None:
    logits = torch.full((4000, 130), -torch.inf)
    logits[:, [0, 63, 64, 129]] = 0.0
    chosen = choose(logits, [Sampling(temperature=1.0)] * 4000, [0] * 4000, range(4000))
    assert sorted(set(chosen.tolist())) == [0, 63, 64, 129]


def test_random_numbers_by_counting() -> None:
    assert uniform([5], [3])[0] == uniform([9, 5, 5], [3, 2, 3])[2]
    neighbours = uniform(list(range(10_000)), [0] * 10_000)
    along = uniform([42] * 10_000, list(range(10_000)))
    for numbers in (neighbours, along):
        assert 0 <= numbers.min() < numbers.max() < 1
        assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(1000, abs=150)
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.04
    assert len({key(a, b) for a in range(50) for b in range(50)}) == 2500
    assert uniform([-1], [0])[0] == uniform([2**64 - 1], [0])[0]
