"""Finds advertising and spam, in Chinese and English: by rules, and by a small classifier.

    ad_…      a rule: a trade together with how to reach it (`text/spam/rules.py`)
    spam      the classifier's score is at least `threshold` (`text/spam`)

A long text is not spam because of the line that was glued to it (关注公众号…领取): advertising lines at its beginning
and its end are cut out, and what is left is looked at.  Lines of code, and lines in the middle, are left alone.

Looked at are texts and the answers that are trained on; records with a label are never dropped, as spam may be what
they teach.  Not covered: advertising that reads like an article, pictures, other languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop, Keep, Replace
from tuneloop.prepare.spam_model import fitted_by, is_fitted_by_run
from tuneloop.prepare.step import Step, StepContext
from tuneloop.prepare.taught import answers
from tuneloop.records import Record, Turn
from tuneloop.text import code
from tuneloop.text.spam import detector
from tuneloop.text.spam.folding import folded
from tuneloop.text.spam.rules import RULES, broken, warns
from tuneloop.text.spam.signs import SIGNS
from tuneloop.wording import Words

if TYPE_CHECKING:
    import pyarrow as pa

_ENDS = 4
"""Lines at either end of a text that may be glued to it."""
_SHORTEST = 12
"""Characters that must be left when lines are cut; else the text is judged as a whole."""
_RULED = 200
"""Characters of a text up to which rules are asked about the whole: they are for messages, and not for articles."""
_SENTENCE = re.compile(r"(?<=[。！？!?])(?=[^。！？!?”’」』）)\s])")
_CERTAIN = 0.95
"""Score from which a text is spam even though it speaks about spam or fraud."""
_CALLS = tuple(SIGNS[name] for name in ("unsubscribe", "contact", "line", "url", "act"))


class Spam(Step):
    title = Words("Advertising and spam", "广告与垃圾信息")
    help = Words(
        "Drops advertising, fraud and spam, and cuts advertising lines off the ends of longer texts. Clear cases are "
        "found by rules, the others by a small classifier for Chinese and English that can be fitted on own examples.",
        "丢弃广告、诈骗和垃圾信息，并剪掉长文本首尾夹带的广告行。明显的情况由规则识别，其余由一个中英文小分类器判断；"
        "分类器可以用自己的样例重新训练。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "spam": Words("Looks like advertising or spam to the classifier", "分类器判为广告或垃圾信息"),
        "glued_ad": Words("An advertisement is glued to the text", "文本中夹带广告"),
        **{rule.name: rule.why for rule in RULES},
    }

    threshold: float = setting(
        0.5,
        en="score from which a text is spam, 0 to 1; 1: rules alone",
        zh="判为垃圾信息的分数，0 到 1；1 表示只用规则",
        gt=0,
        le=1,
    )
    rules: bool = setting(True, en="look for the clear patterns too", zh="是否同时使用规则")
    look_at: Literal["taught", "turns", "whole"] = setting(
        "taught",
        en="taught: texts and answers that are trained on; turns: questions too, one by one; whole: all as one text",
        zh="taught：原始文本和要训练的回答；turns：每一轮，包括提问；whole：整条记录合为一段",
    )
    glued: Literal["cut", "drop", "keep"] = setting(
        "cut",
        en="advertising lines at the ends of a longer text: cut them out, drop the record, or look at the whole only",
        zh="长文本首尾夹带的广告行：cut 剪掉这些行，drop 丢弃整条记录，keep 不单独处理",
    )
    line_threshold: float = setting(
        0.8, en="score from which a line that calls to act is an advertisement", zh="首尾单行判为广告的分数", gt=0, le=1
    )
    action: Literal["drop", "flag"] = setting(
        "drop", en="drop the record, or keep it with a mark", zh="drop：丢弃记录；flag：保留并标记"
    )
    model: str = setting(
        "",
        en="a classifier fitted on own examples: its file (spam.npz), or the run that fitted it",
        zh="用自己的样例训练的分类器：文件（spam.npz）或训练它的运行编号",
    )

    _file: Path | None = PrivateAttr(None)

    def start(self, context: StepContext) -> Self:
        ready = self.model_copy()
        ready._file = Path(self.model) if self.model else None
        if context.ws is not None and is_fitted_by_run(self.model):
            ready._file = fitted_by(context.ws, self.model)
        ready._detector()
        return ready

    def decide_one(self, record: Record) -> Decision:
        return self._decide([record])[0]

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        return self._decide(list(batches.to_records(batch)))

    def _decide(self, records: Sequence[Record]) -> list[Decision]:
        seen = [self._seen(record) for record in records]
        found = self._looked_at([text for one in seen for text in one])
        decisions: list[Decision] = []
        for record, texts in zip(records, seen, strict=True):
            looks, found = found[: len(texts)], found[len(texts) :]
            decisions.append(self._decision(record, looks))
        return decisions

    def _seen(self, record: Record) -> list[str]:
        if record.kind == "label":
            return []
        if self.look_at == "whole":
            return [record.full_text]
        if record.text is not None:
            return [record.text]
        if self.look_at == "taught":
            return [turn.text for turn in answers(record)]
        return [turn.text for turn in (*record.messages, *record.chosen)]

    def _looked_at(self, texts: Sequence[str]) -> list[_Look]:
        looks = [_Look(text, text, 0) for text in texts]
        if self.glued != "keep":
            looks = self._unglued(looks)
        scores = self._detector().scores([code.without(look.rest) for look in looks]).tolist()
        for look, score in zip(looks, scores, strict=True):
            prose = code.without(look.rest)
            rule = broken(prose) if self.rules and len(prose) <= _RULED else None
            if rule is not None:
                look.reason = rule.name
            elif score >= self.threshold and self.threshold < 1 and (score >= _CERTAIN or not warns(look.rest)):
                look.reason, look.detail = "spam", f"{score:.2f}"
        return looks

    def _unglued(self, looks: Sequence[_Look]) -> list[_Look]:
        """Each text less the advertising at its ends; a text of one piece, or that would lose all, as it is."""
        pieces = [_pieces(look.text) for look in looks]
        doubtful = [[place for place in _ends(one) if _calls(one[place])] if len(one) > 1 else [] for one in pieces]
        asked = [one[place] for one, places in zip(pieces, doubtful, strict=True) for place in places]
        scores = iter(self._detector().scores(asked).tolist())
        for look, one, places in zip(looks, pieces, doubtful, strict=True):
            bad = {
                place
                for place in places
                if (next(scores) >= self.line_threshold and self.threshold < 1)
                or (self.rules and broken(one[place]) is not None)
            }
            first, last = 0, len(one)
            while last > first and (last - 1 in bad or (not one[last - 1].strip() and bad)):
                last -= 1
            while first < last and (first in bad or (not one[first].strip() and bad)):
                first += 1
            rest = "".join(one[first:last]).strip()
            if bad and (first, last) != (0, len(one)) and len(rest) >= _SHORTEST:
                cut = sum(place < first or place >= last for place in bad)
                if cut:
                    look.rest, look.cut = rest, cut
        return list(looks)

    def _decision(self, record: Record, looks: Sequence[_Look]) -> Decision:
        for look in looks:
            if look.reason:
                return Drop(look.reason, look.detail) if self.action == "drop" else Keep((look.reason,))
        cut = {look.text: look.rest for look in looks if look.cut}
        if not cut:
            return KEEP
        if self.action == "flag":
            return Keep(("glued_ad",))
        if self.glued == "drop" or self.look_at == "whole":
            return Drop("glued_ad", f"{sum(look.cut for look in looks)} lines")
        changed = _with(record, cut)
        return (
            Replace(changed, {"ad_lines": sum(look.cut for look in looks)})
            if changed != record
            else Keep(("glued_ad",))
        )

    def _detector(self) -> Any:
        file = self._file or (Path(self.model) if self.model else None)
        return detector() if file is None else detector(file)


@dataclass
class _Look:
    """A text, its `rest` after `cut` lines were taken off, and for which reason the rest is spam."""

    text: str
    rest: str
    cut: int
    reason: str = ""
    detail: str = ""


def _pieces(text: str) -> list[str]:
    """Lines with their ends; the last line, where there is only one, in sentences."""
    lines = text.splitlines(keepends=True)
    return lines if len(lines) > 1 else _SENTENCE.split(text)


def _ends(pieces: Sequence[str]) -> list[int]:
    """The places at either end that may be looked at: up to a fence of code, from the outside in."""
    written = [place for place, piece in enumerate(pieces) if piece.strip()]
    outer: list[int] = []
    for side in (written[:_ENDS], written[: -_ENDS - 1 : -1]):
        for place in side:
            if "```" in pieces[place] or pieces[place].startswith(("    ", "\t", "|", ">")):
                break
            outer.append(place)
    return sorted(set(outer))


def _calls(piece: str) -> bool:
    """Does a line call to act, or say whom to reach?"""
    plain = folded(piece)
    return any(sign.search(plain) for sign in _CALLS)


def _with(record: Record, texts: Mapping[str, str]) -> Record:
    """The record with some turns' texts replaced; turns of several parts stay as they are."""

    def turn(one: Turn) -> Turn:
        given = one.content
        return replace(one, content=texts[given]) if isinstance(given, str) and given in texts else one

    if record.text is not None:
        return replace(record, text=texts.get(record.text, record.text))
    sides = [tuple(turn(one) for one in turns) for turns in (record.messages, record.chosen)]
    return replace(record, messages=sides[0], chosen=sides[1])
