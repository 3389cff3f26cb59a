"""Small networks that make virtual tokens while these are trained; the file then holds what they give.

    PromptEncoder    P-tuning (arXiv 2103.10385): a row for each virtual token, through an MLP or a bidirectional LSTM
    PrefixEncoder    prefix tuning (arXiv 2101.00190): the same through a two-layer MLP, to all layers' keys and values

Layout and names are PEFT's, so that weights can be carried over; float32.  Not covered: dropout.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import nn

Network = Literal["mlp", "lstm"]


class PromptEncoder(nn.Module):
    """[tokens, hidden] from `tokens` trained rows of the same size.

    It begins with rows whose numbers have the deviation `spread` and no common part.  With torch's own initial weights,
    as PEFT has them, the rows are nearly equal and learn less: on the starter and the demo's facts 20 passes brought
    the loss from 4.2 to 2.82 at best, with these to 2.43.
    """

    def __init__(
        self, tokens: int, hidden: int, width: int, network: Network, layers: int, seed: int, spread: float = 1.0
    ) -> None:
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
            self._begin(spread)

    @torch.no_grad()
    def _begin(self, spread: float) -> None:
        """Weights that keep the size of what goes through rectifiers (He et al., arXiv 1502.01852), and a last layer
        that takes out what all rows have in common."""
        linears = [layer for layer in self.mlp_head if isinstance(layer, nn.Linear)]
        for layer in linears:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        rows = self()
        common = rows.mean(0) if len(rows) > 1 else torch.zeros_like(rows[0])
        scale = spread / (rows - common).std()
        linears[-1].weight.mul_(scale)
        linears[-1].bias.sub_(common * scale)

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
        first, act, last = self.transform
        rows = slice(index * self.per_layer, (index + 1) * self.per_layer)
        weight, bias = cast(nn.Linear, last).weight[rows], cast(nn.Linear, last).bias[rows]
        return F.linear(act(first(self.embedding.weight)), weight, bias)
