"""Drops records that a model finds far more surprising than the rest of the set: broken text, another language in
disguise, keyboard noise, answers cut from elsewhere.

The measure is the mean loss per token (the logarithm of perplexity) of texts and of answers, given their question
(`scores/surprise.py`).  It is compared with records of the same language and about the same length, since short answers
and some languages are surprising by nature:

    z            distance from the median over 1.4826 times the median absolute deviation (a robust standard deviation)
    percentile   share of the records of the group that are less surprising
    perplexity   exp(loss), the same bound for all

A group of fewer than 30 records is compared with all of its language, and where these are fewer than 30 with all
records.  Below 30 records in all, z and percentile strike nobody.  Not in the default steps: it costs a model's pass
over the data, and what is rare is surprising too.  Noise that looks like a language with few records here is compared
with all records, and may pass among them; `language` is the step for it.

Speed: the starter reads about 8,000 tokens a second on one core, so `sample` or a graphics card is for large sets.
Memory: 0.1 kB a record while reading.  Not covered: texts that are false but fluent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr, model_validator

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop, Keep
from tuneloop.prepare.step import Step, StepContext, Summary
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tuneloop.models.language_model import LanguageModel

_GROUP = 30
_EDGES = (16, 64, 256)
"""Tokens at which a record counts as longer."""
_LEAST_SPREAD = 0.05
"""Nats: a set whose losses are all alike has no outliers within this."""
_USUAL = {"z": 4.0, "percentile": 99.5, "perplexity": 1000.0}


class Perplexity(Step):
    title = Words("Perplexity", "困惑度")
    help = Words(
        "Measures by a model how surprising each text or answer is and drops those far from the rest of the set: "
        "noise, broken text, foreign matter. Costs a pass of the model; what is merely rare may be struck too.",
        "用模型测量每条文本或回答的困惑度，丢弃明显偏离整个数据集的记录：乱码、残缺文本、混入的异类内容。"
        "需要模型把数据读一遍；少见但正常的内容也可能被误伤。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "surprising": Words("Far more surprising to the model than its like", "困惑度远高于同类记录"),
        "unmeasured": Words("Could not be measured", "无法测量困惑度"),
    }

    model: str = setting(
        "starter",
        en="who measures: starter, a model version (model-2), a folder",
        zh="用哪个模型测量：starter、模型版本（如 model-2）或文件夹",
        min_length=1,
    )
    by: Literal["z", "percentile", "perplexity"] = setting(
        "z",
        en="how far is too far: robust z, percentile, or perplexity itself",
        zh="判断依据：稳健 z 值、百分位或困惑度本身",
    )
    limit: float | None = setting(
        None,
        en="bound above which a record is dropped; none: z 4, percentile 99.5, perplexity 1000",
        zh="超过多少时丢弃；不填则 z 为 4，百分位为 99.5，困惑度为 1000",
        gt=0,
    )
    max_tokens: int = setting(256, en="tokens of a record that are read", zh="每条记录最多读取的词元数", ge=8)
    sample: float = setting(
        1.0, en="share of the records that is measured; the others stay", zh="测量的记录比例；其余记录保留", gt=0, le=1
    )
    action: Literal["drop", "flag"] = setting(
        "drop", en="drop the record, or keep it with a mark", zh="drop：丢弃记录；flag：保留并标记"
    )

    _workspace: str | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.by == "percentile" and self.limit is not None and self.limit >= 100:
            raise ValueError("a percentile below 100")
        return self

    def start(self, context: StepContext) -> Self:
        ready = self.model_copy()
        ready._workspace = str(context.ws.folder) if context.ws else None
        return ready

    def observe(self, batch: pa.RecordBatch) -> Surprises:
        import numpy as np

        from tuneloop.scores.surprise import surprises

        chosen = [place for place, id_ in enumerate(batch.column("id").to_pylist()) if self._drawn(id_)]
        records = [record for place, record in enumerate(batches.to_records(batch)) if place in set(chosen)]
        found = list(surprises(_model(self.model, self._workspace), records, self.max_tokens)) if records else []
        rows, languages = batch.column("row").to_pylist(), batch.column("lang").to_pylist()
        measured = [(rows[place], languages[place], one) for place, one in zip(chosen, found, strict=True) if one]
        able = batch.column("kind").to_pylist()
        failed = {
            rows[place]
            for place, one in zip(chosen, found, strict=True)
            if one is None and able[place] in ("text", "chat", "preference")
        }
        return Surprises(
            np.array([row for row, _, _ in measured], dtype=np.int64),
            np.array([one.nats for _, _, one in measured], dtype=np.float64),
            [(language, _length(one.tokens)) for _, language, one in measured],
            failed,
            self.by,
            self.limit or _USUAL[self.by],
        )

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        if summary is None:
            return [KEEP] * batch.num_rows
        found = [summary.decide(row) for row in batch.column("row").to_pylist()]
        if self.action == "flag":
            return [Keep((one.reason,)) if isinstance(one, Drop) else one for one in found]
        return found

    def _drawn(self, identity: str) -> bool:
        """By the record's id, so that the same records are measured each time."""
        if self.sample == 1:
            return True
        digest = hashlib.blake2b(identity.encode(), digest_size=4).digest()
        return int.from_bytes(digest) < self.sample * 2**32


Group = tuple[str, int]
"""Language, and how many edges of length are passed."""


def _length(tokens: int) -> int:
    return sum(tokens >= edge for edge in _EDGES)


class Surprises(Summary):
    """Rows [n], their nats per token [n] and groups [n]; once settled, a decision for each row in question."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        nats: NDArray[np.float64],
        groups: list[Group],
        failed: set[int],
        by: str,
        limit: float,
    ) -> None:
        self._parts = [(rows, nats, groups)]
        self._failed, self._by, self._limit = failed, by, limit
        self._struck: dict[int, Decision] = {}

    def merge(self, other: Self) -> None:
        self._parts += other._parts
        self._failed |= other._failed

    def settle(self) -> None:
        import numpy as np

        rows = np.concatenate([part[0] for part in self._parts])
        nats = np.concatenate([part[1] for part in self._parts])
        groups = [group for part in self._parts for group in part[2]]
        self._parts = []
        odd = ~np.isfinite(nats)
        self._failed |= set(rows[odd].tolist())
        for places, like in _compared(groups):
            own = places[~odd[places]]
            measure = self._measured(nats[own], nats[like[~odd[like]]])
            for place, value in zip(own.tolist(), measure.tolist(), strict=True):
                if value > self._limit:
                    told = f"{self._by} {value:.4g} > {self._limit:g}, perplexity {np.exp(min(nats[place], 700)):.4g}"
                    self._struck[int(rows[place])] = Drop("surprising", told)
        self._struck |= {row: Keep(("unmeasured",)) for row in self._failed}

    def _measured(self, nats: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is compared with the limit: of `nats`, among those that they are `like`."""
        import numpy as np

        if self._by == "perplexity":
            return np.asarray(np.exp(np.minimum(nats, 700)))
        if len(like) < _GROUP:
            return np.zeros(len(nats))
        if self._by == "percentile":
            return np.asarray(100 * np.searchsorted(np.sort(like), nats, side="left") / len(like))
        middle = np.median(like)
        spread = max(1.4826 * float(np.median(np.abs(like - middle))), _LEAST_SPREAD)
        return np.asarray((nats - middle) / spread)

    def decide(self, row: int) -> Decision:
        return self._struck.get(row, KEEP)


def _compared(groups: Sequence[Group]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each group the places of its records, and of those that they are compared with: the group's own where they
    are enough, else the language's, else all."""
    import numpy as np

    held: dict[Group, list[int]] = {}
    languages: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        held.setdefault(group, []).append(place)
        languages.setdefault(group[0], []).append(place)
    compared = []
    for (language, _), places in held.items():
        wider = (places, languages[language])
        like = next((one for one in wider if len(one) >= _GROUP), list(range(len(groups))))
        compared.append((np.array(places, dtype=np.int64), np.array(like, dtype=np.int64)))
    return compared


_loaded: dict[tuple[str, str | None], LanguageModel] = {}


def _model(name: str, workspace: str | None) -> LanguageModel:
    """The last model that was asked for, loaded when it is first needed; on the graphics card where there is one."""
    if (name, workspace) not in _loaded:
        import torch

        from tuneloop.models.loading import load
        from tuneloop.models.versions import load_named
        from tuneloop.store import Workspace

        device = "cuda" if torch.cuda.is_available() else "cpu"
        _loaded.clear()
        if workspace is None:
            _loaded[name, workspace] = load(name, device=device)
        else:
            with Workspace.find(Path(workspace), create=False) as ws:
                _loaded[name, workspace] = load_named(ws, name, device=device)
    return _loaded[name, workspace]
