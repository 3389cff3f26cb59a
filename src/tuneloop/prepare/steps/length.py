"""Drops records that are too short to teach anything or too long to be one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tuneloop.config import Settings, setting
from tuneloop.prepare.decision import KEEP, Decision, Drop
from tuneloop.prepare.step import Step
from tuneloop.records import Kind
from tuneloop.wording import Words

if TYPE_CHECKING:
    import pyarrow as pa


class Range(Settings):
    """Both ends are allowed lengths; 0 as maximum means no limit."""

    minimum: int = setting(1, en="characters, at least", zh="最少字符数", ge=0)
    maximum: int = setting(0, en="characters, at most; 0: no limit", zh="最多字符数；0 表示不限", ge=0)


class Length(Step):
    title = Words("Length", "长度")
    help = Words(
        "Drops records whose whole text (all turns, with line breaks) has too few or too many characters; "
        "a Chinese character counts as one, and so does a Latin letter.",
        "丢弃全文（所有轮次，含换行）字符数过少或过多的记录；一个汉字算一个字符，一个字母也算一个字符。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "too_short": Words("Shorter than the minimum length", "短于最小长度"),
        "too_long": Words("Longer than the maximum length", "超过最大长度"),
    }

    text: Range = setting(Range(minimum=5, maximum=20_000_000), en="raw text", zh="纯文本")
    chat: Range = setting(Range(minimum=2, maximum=400_000), en="dialogues and instructions", zh="对话与指令")
    preference: Range = setting(Range(minimum=3, maximum=400_000), en="preference pairs", zh="偏好对")
    rating: Range = setting(Range(minimum=2, maximum=400_000), en="rated answers", zh="带评价的回答")
    label: Range = setting(Range(minimum=1, maximum=400_000), en="classified texts", zh="分类文本")

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        kinds, lengths = batch.column("kind").to_pylist(), batch.column("length").to_pylist()
        return [self._judge(kind, length) for kind, length in zip(kinds, lengths, strict=True)]

    def _judge(self, kind: Kind, length: int) -> Decision:
        limits: Range = getattr(self, kind)
        if length < limits.minimum:
            return Drop("too_short", f"{length} < {limits.minimum}")
        if limits.maximum and length > limits.maximum:
            return Drop("too_long", f"{length} > {limits.maximum}")
        return KEEP
