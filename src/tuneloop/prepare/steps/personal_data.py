"""Puts names in place of personal data, so that a model cannot learn it and a person can still be followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import PrivateAttr, field_validator, model_validator

from tuneloop.config import setting
from tuneloop.errors import nearest
from tuneloop.prepare.decision import KEEP, Decision, Keep, Replace
from tuneloop.prepare.pseudonyms import PATTERN, pseudonym
from tuneloop.prepare.rewrite import rewrite
from tuneloop.prepare.step import Step, StepContext
from tuneloop.prepare.tally import Tally
from tuneloop.records import Advice, Record
from tuneloop.text import language
from tuneloop.text.personal import Finder, Span
from tuneloop.text.personal.finder import usual
from tuneloop.text.personal.kind import kinds
from tuneloop.wording import Words

_NAMES = Words(
    "Names of people gave way to pseudonyms ({count}). If the model is to know these people (a family, a team, the "
    "characters of a story), leave them: --set 'steps.personal_data.leave=[{kinds}]'",
    "有 {count} 处人名被替换为化名。如果希望模型记住这些人（家人、团队、故事人物），可以保留："
    "--set 'steps.personal_data.leave=[{kinds}]'",
)


class PersonalData(Step):
    title = Words("Personal data", "个人信息")
    help = Words(
        "Finds identity cards, phones, e-mail addresses, bank cards, plates, keys and more by form and checksum, and "
        "puts a pseudonym in their place that is the same for the same value everywhere; the original is kept "
        "encrypted. Of names and addresses it finds those that words announce or that have the usual form; more than "
        "half of the others stay.",
        "按格式和校验码识别身份证、电话、邮箱、银行卡、车牌、密钥等，替换为化名：同一个值在各处的化名一致；原文加密保存。"
        "姓名和住址只能识别有提示语或格式规范的，其余多半会漏掉。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "personal_data": Words("Holds personal data, left as it is", "含有个人信息，按设置原样保留")
    }
    private: ClassVar[bool] = True

    mode: Literal["pseudonym", "redact", "flag"] = setting(
        "pseudonym",
        en="pseudonym: one name for each value; redact: one word for each kind; flag: mark the record, change nothing",
        zh="pseudonym：每个值一个化名；redact：每类一个词；flag：只标记，不改动",
    )
    types: tuple[str, ...] = setting(
        (),
        en="kinds to look for; none: all but names that nothing announces",
        zh="要识别的类型；留空表示除无提示姓名外的全部类型",
    )
    leave: tuple[str, ...] = setting(
        (),
        en="kinds to leave as they are, such as person_name_en where the model is to know the people",
        zh="不处理的类型；如希望模型记住人名，可填 person_name_zh",
    )
    confidence: float = setting(
        0.5,
        en="how sure a find must be: 0.9 checksum or announced, 0.7 form, 0.5 form and some context",
        zh="识别的最低把握：0.9 有校验码或前文提示，0.7 格式吻合，0.5 格式加少量语境",
        ge=0,
        le=1,
    )

    _secret: bytes = PrivateAttr(b"")

    @field_validator("types", "leave")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in kinds.names():
                raise ValueError(f"kinds of personal data, and none is called {name!r}; {nearest(name, kinds)}")
        return names

    @model_validator(mode="after")
    def _left_of_those(self) -> Self:
        if self.types and (others := sorted({*self.leave} - {*self.types})):
            raise ValueError(f"in leave only kinds that types names, and not {', '.join(others)}")
        return self

    @cached_property
    def _finder(self) -> Finder:
        return Finder([name for name in self.types or usual() if name not in self.leave], self.confidence)

    def start(self, context: StepContext) -> Self:
        ready = self.model_copy()
        ready._secret = context.secret
        return ready

    def concerns(self, payload: str) -> bool:
        return self._finder.concerns(payload)

    def decide_one(self, record: Record) -> Decision:
        texts: list[str] = []

        def take(text: str) -> str:
            texts.append(text)
            return text

        rewrite(record, take, numbers=True)
        spans = dict(zip(texts, map(_outside, texts, self._finder.find_all(texts)), strict=True))
        if not any(spans.values()):
            return KEEP
        if self.mode == "flag":
            return Keep(("personal_data",))
        found = Counter(span.kind for text in texts for span in spans[text])
        tongue = language.detect(record.full_text)
        changed = rewrite(record, lambda text: self._without(text, spans[text], tongue), numbers=True)
        return Replace(changed, dict(found))

    def advise(self, tally: Tally) -> Iterable[Advice]:
        names = {kind: count for kind, count in tally.edits.items() if kind.startswith("person_name")}
        if names:
            count = sum(names.values())
            kinds_left = sorted({*self.leave, *names})
            yield Advice("names", _NAMES.format(count=f"{count:,}", kinds=",".join(kinds_left)), count)

    def _without(self, text: str, spans: list[Span], tongue: str) -> str:
        pieces: list[str] = []
        end = 0
        for span in spans:
            pieces += [text[end : span.start], self._stand_in(span, tongue)]
            end = span.end
        return "".join([*pieces, text[end:]])

    def _stand_in(self, span: Span, tongue: str) -> str:
        label = kinds.load(span.kind).label
        if self.mode == "redact":
            return f"[{label.to('zh' if tongue == 'zh' else 'en')}]"
        return pseudonym(self._secret, span.kind, span.normal, label, tongue)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_finder"}


def _outside(text: str, spans: list[Span]) -> list[Span]:
    """A pseudonym is not looked into again."""
    if not spans or "[" not in text:
        return spans
    taken = [match.span() for match in PATTERN.finditer(text)]
    return [one for one in spans if not any(start < one.end and one.start < end for start, end in taken)]
