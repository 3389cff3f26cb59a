"""A head on the decoder's last hidden row: classes, a reward, or a value at each token.

    scores [n, outputs] = hidden [n, width] · weight^T + bias

Files, beside those of the model or adapter it was trained with: `head.safetensors` (`weight` [outputs, width] and
perhaps `bias` [outputs], float32) and `head.json` (what else a `Head` says).  Weights are float32 whatever the base
computes in.
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
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.packed import Packed

Kind = Literal["classify", "reward", "value"]
Pool = Literal["last", "first", "mean"]
CONFIG, WEIGHTS = "head.json", "head.safetensors"


@dataclass
class Head:
    """`labels` name the outputs of a classifier, in order; `pool` is the token whose row is read, or the mean of all;
    `max_length` the tokens of a text that it was trained on at most (None: whatever the model holds), `counts` the
    examples of each label there."""

    kind: Kind
    weight: torch.nn.Parameter
    bias: torch.nn.Parameter | None = None
    labels: tuple[str, ...] = ()
    pool: Pool = "last"
    max_length: int | None = None
    counts: tuple[int, ...] = ()

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

    def read(self, lm: LanguageModel, batch: Packed) -> torch.Tensor:
        """[records, outputs] float32 scores of whole records; differentiable."""
        if self.pool != "mean":
            return self.scores(lm.hidden(batch, self.rows(batch)))
        return self.of(lm.hidden(batch, torch.arange(len(batch.ids), device=batch.ids.device)), batch)

    def of(self, hidden: torch.Tensor, batch: Packed) -> torch.Tensor:
        """The same from the rows of all tokens, [T, width]."""
        if self.pool != "mean":
            return self.scores(hidden[self.rows(batch)])
        lengths = torch.tensor(batch.lengths, device=hidden.device)
        owners = torch.arange(len(lengths), device=hidden.device).repeat_interleave(lengths)
        sums = hidden.new_zeros(len(lengths), hidden.shape[1], dtype=torch.float32).index_add(0, owners, hidden.float())
        return self.scores(sums / lengths[:, None])

    def rows(self, batch: Packed) -> torch.Tensor:
        """[records] the token of each record that is read, where it is one."""
        ends = torch.tensor(batch.lengths).cumsum(0)
        rows = ends - 1 if self.pool == "last" else ends - torch.tensor(batch.lengths)
        return rows.to(batch.ids.device)

    def save(self, folder: str | Path) -> None:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        tensors = {name.removeprefix("head."): one.detach().cpu().clone() for name, one in self.named_parameters()}
        write_tensors(path / WEIGHTS, tensors)
        about = {"kind": self.kind, "labels": self.labels, "pool": self.pool}
        text = json.dumps(about | {"max_length": self.max_length, "counts": self.counts}, ensure_ascii=False)
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
        rest = {"pool": about.get("pool", "last"), "max_length": about.get("max_length")}
        counts = tuple(int(one) for one in about.get("counts") or ())
        return cls(about["kind"], torch.nn.Parameter(weight.to(device)), bias, labels, counts=counts, **rest)
