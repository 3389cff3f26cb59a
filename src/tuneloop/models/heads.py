"""A head on the decoder's last hidden row: classes, a reward, or a value at each token.

    scores [n, outputs] = hidden [n, width] · weight^T + bias

Files, beside those of the model or adapter it was trained with: `head.safetensors` (`weight` [outputs, width] and
perhaps `bias` [outputs], float32) and `head.json` (kind, labels, pool).  Weights are float32 whatever the base computes
in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import torch
import torch.nn.functional as F

from tuneloop.errors import ModelError, Where
from tuneloop.models.checkpoint import open_adapter, write_tensors
from tuneloop.models.tokenizer import read_json

if TYPE_CHECKING:
    from tuneloop.models.packed import Packed

Kind = Literal["classify", "reward", "value"]
Pool = Literal["last", "first"]
CONFIG, WEIGHTS = "head.json", "head.safetensors"


@dataclass
class Head:
    """`labels` name the outputs of a classifier, in order; `pool` is the token whose row is read."""

    kind: Kind
    weight: torch.nn.Parameter
    bias: torch.nn.Parameter | None = None
    labels: tuple[str, ...] = ()
    pool: Pool = "last"

    @classmethod
    def new(
        cls,
        kind: Kind,
        width: int,
        *,
        labels: tuple[str, ...] = (),
        pool: Pool = "last",
        bias: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> Head:
        """Weights drawn from a normal distribution of deviation 0.02, as transformers does; one output unless there
        are labels."""
        outputs = len(labels) or 1
        drawn = torch.empty(outputs, width).normal_(0.0, 0.02, generator=torch.Generator().manual_seed(seed))
        shift = torch.nn.Parameter(torch.zeros(outputs, device=device)) if bias else None
        return cls(kind, torch.nn.Parameter(drawn.to(device)), shift, labels, pool)

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        named = [("head.weight", self.weight)]
        return named if self.bias is None else [*named, ("head.bias", self.bias)]

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """[n, width] in any dtype → [n, outputs] float32."""
        return F.linear(hidden.float(), self.weight, self.bias)

    def rows(self, batch: Packed) -> torch.Tensor:
        """[records] the token of each record that is read."""
        ends = torch.tensor(batch.lengths).cumsum(0)
        rows = ends - 1 if self.pool == "last" else ends - torch.tensor(batch.lengths)
        return rows.to(batch.ids.device)

    def save(self, folder: str | Path) -> None:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        tensors = {name.removeprefix("head."): one.detach().cpu().clone() for name, one in self.named_parameters()}
        write_tensors(path / WEIGHTS, tensors)
        text = json.dumps({"kind": self.kind, "labels": list(self.labels), "pool": self.pool}, ensure_ascii=False)
        (path / CONFIG).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path, device: torch.device | str = "cpu") -> Head:
        """The head in a model version's folder; raises ModelError where there is none, or its files do not agree."""
        path = Path(folder)
        file = path / CONFIG
        if not file.is_file():
            raise ModelError(
                "has no head.json",
                expected="a model that was trained by reward or classify",
                where=Where(file=path),
            )
        about = read_json(file)
        if about.get("kind") not in get_args(Kind) or about.get("pool", "last") not in get_args(Pool):
            raise ModelError(
                f"says kind {about.get('kind')!r}, pool {about.get('pool')!r}",
                expected=f"a kind of {', '.join(get_args(Kind))} and a pool of {', '.join(get_args(Pool))}",
                where=Where(file=file),
            )
        tensors = open_adapter(path / WEIGHTS)
        labels = tuple(str(one) for one in about.get("labels") or ())
        weight = tensors["weight"].float()
        if labels and len(labels) != len(weight):
            raise ModelError(
                f"names {len(labels)} labels for {len(weight)} outputs", expected="as many", where=Where(file=file)
            )
        bias = torch.nn.Parameter(tensors["bias"].float().to(device)) if "bias" in tensors else None
        return cls(about["kind"], torch.nn.Parameter(weight.to(device)), bias, labels, about.get("pool", "last"))
