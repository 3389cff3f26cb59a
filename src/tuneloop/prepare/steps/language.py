"""Drops records in languages that the model is not meant for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Drop
from tuneloop.prepare.step import Step
from tuneloop.text.language import KNOWN, UNDETERMINED
from tuneloop.wording import Words

if TYPE_CHECKING:
    import pyarrow as pa


class Language(Step):
    """Reads the promoted column only; how a language is told and what is not covered: `tuneloop.text.language`."""

    title = Words("Language", "语言")
    help = Words(
        "Keeps records in the named languages and drops the others. The language is that of most of the text; a text "
        "without letters (numbers, emoji) belongs to none.",
        "只保留指定语言的记录，其余丢弃。语言按正文的主体判断；没有文字的内容（数字、表情）不属于任何语言。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "other_language": Words("In a language that is not wanted", "语言不在保留范围内"),
        "no_language": Words("Holds no letters to tell a language by", "没有可判断语言的文字"),
    }

    allowed: tuple[str, ...] = setting(
        ("zh", "en"), en="codes of the languages to keep", zh="要保留的语言代码", min_length=1
    )
    undetermined: bool = setting(True, en="keep texts whose language nothing tells?", zh="无法判断语言的文本是否保留")

    @field_validator("allowed")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for one in codes:
            if one not in KNOWN:
                raise ValueError(f"no language code {one!r}; expected one of {', '.join(sorted(KNOWN))}")
        return codes

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        return [self._judge(one) for one in batch.column("lang").to_pylist()]

    def _judge(self, code: str) -> Decision:
        if code == UNDETERMINED:
            return KEEP if self.undetermined else Drop("no_language")
        return KEEP if code in self.allowed else Drop("other_language", code)
