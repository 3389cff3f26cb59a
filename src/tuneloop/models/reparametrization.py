"""Small networks that make virtual tokens while these are trained; the file then holds what they give.

    PromptEncoder    P-tuning (arXiv 2103.10385): a row for each virtual token, through an MLP or a bidirectional LSTM
    PrefixEncoder    prefix tuning (arXiv 2101.00190): the same through a two-layer MLP, to all layers' keys and values

Layout, names and initial weights are PEFT's, so that weights can be carried over; float32.  Not covered: dropout.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

Network = Literal["mlp", "lstm"]


class PromptEncoder(nn.Module):
    """[tokens, hidden] from `tokens` trained rows of the same size."""

    def __init__(self, tokens: int, hidden: int, width: int, network: Network, layers: int, seed: int) -> None:
        super().__init__()
        self.network, self.width, self.layers = network, width, layers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(tokens, hidden)
            if network == "lstm":
                self.lstm_head = nn.LSTM(hidden, width, layers, bidirectional=True, batch_first=True)
                wide = 2 * width
                self.mlp_head = nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, hidden))
            else:
                self.mlp_head = nn.Sequential(
                    nn.Linear(hidden, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, hidden)
                )

    def forward(self) -> torch.Tensor:
        rows = self.embedding.weight
        if self.network == "lstm":
            rows = self.lstm_head(rows[None])[0][0]
        return self.mlp_head(rows)  # type: ignore[no-any-return]


class PrefixEncoder(nn.Module):
    """[tokens, layers · 2 · key rows] from `tokens` trained rows of [key rows]."""

    def __init__(self, tokens: int, key_rows: int, layers: int, width: int, seed: int) -> None:
        super().__init__()
        self.width, self.per_layer = width, 2 * key_rows
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(tokens, key_rows)
            self.transform = nn.Sequential(
                nn.Linear(key_rows, width), nn.Tanh(), nn.Linear(width, layers * self.per_layer)
            )

    def forward(self) -> torch.Tensor:
        return self.transform(self.embedding.weight)  # type: ignore[no-any-return]

    def layer(self, index: int) -> torch.Tensor:
        """[tokens, 2 · key rows]: the part of `forward` that is one layer's."""
        last = self.transform[2]
        rows = slice(index * self.per_layer, (index + 1) * self.per_layer)
        return F.linear(self.transform[:2](self.embedding.weight), last.weight[rows], last.bias[rows])  # type: ignore[index]
