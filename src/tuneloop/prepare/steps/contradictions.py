"""Takes out records that answer one question in ways that cannot both be right, until a person decides.

One question is one text before the last answer, but for white space, case, punctuation and full-width forms.  Records
with the same question contradict each other when

    chat        one says yes and the other no; or the answers are worded alike and their numbers differ; or the
                question asks for a fact (who, when, how many, …), both are short, and neither holds the other
    label       their labels differ
    rating      the same answer is rated good and bad
    preference  what one chooses, the other rejects

All records of such a question are dropped for the reason `review`; a person looks at them (`tuneloop restore --reason
review`), takes the right one back, and the next version has it.  Different answers to an open question (write a poem)
are alternatives and stay, and so do lines of a play.

Memory: about 0.3 kB a record while reading.  Not covered: questions asked in other words, contradictions inside a long
answer, and those that take knowledge to see.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop
from tuneloop.prepare.step import Step, Summary
from tuneloop.prepare.taught import answers, question
from tuneloop.records import Record, Turn
from tuneloop.text.bare import bare
from tuneloop.text.numerals import numbers
from tuneloop.text.polarity import polarity
from tuneloop.text.similarity import Sketches
from tuneloop.wording import Words

if TYPE_CHECKING:
    import pyarrow as pa

_SKETCH = 24
_LONGEST = 4000  # characters of an answer that are looked at
_FACT = re.compile(
    r"谁是|是谁|几(?:个|点|天|次|号|月|年|岁|人|元|块)|多少|多久|多大|多长|多高|多远|何时|何地|什么时候|什么时间|哪(?:一|年|天|里|儿|个|国|位)"
    r"|是否|能否|可否|叫什么|是什么(?:颜色|时候|地方|名字)"
    r"|\b(?:who|when|where|which|whose|how\s+(?:many|much|long|old|far|tall|often)|what(?:['’]s|\s+is|\s+was)\s+the)\b",
    re.IGNORECASE,
)
_COMPARED = 32  # different answers of one question looked at pair by pair


class Contradictions(Step):
    title = Words("Contradictions", "自相矛盾")
    help = Words(
        "Finds questions that the data answers in ways that cannot both be right (yes and no, different numbers, "
        "different labels, a pair chosen both ways round), and sets all their records aside until a person decides. "
        "Different answers to an open question stay.",
        "找出同一问题的答案互相矛盾的记录（一个说可以一个说不行、数字不同、标签不同、偏好相反），全部搁置，等人来决定保留哪条。"
        "开放式问题有多种回答不算矛盾。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "review": Words("Contradicts another record; a person must decide", "与其他记录矛盾，需要人工确认")
    }

    short: int = setting(
        40,
        en="characters below which two unlike answers to a question for a fact contradict each other; 0: never",
        zh="询问事实的问题，两个不同回答都短于多少字符时视为矛盾；0 表示不按此判断",
        ge=0,
    )
    alike: float = setting(
        0.5, en="similarity from which answers are worded alike", zh="措辞相近的相似度阈值", gt=0, le=1
    )

    def observe(self, batch: pa.RecordBatch) -> Claims:
        rows = batch.column("row").to_pylist()
        records = batches.to_records(batch)
        claims = [_claim(row, record, self.short) for row, record in zip(rows, records, strict=True)]
        return Claims(_sketched([one for one in claims if one is not None]), self.alike)

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        if summary is None:
            return [KEEP] * batch.num_rows
        return [summary.decide(row) for row in batch.column("row").to_pylist()]


@dataclass(frozen=True, slots=True)
class _Claim:
    """`asked`, `said` and `against` are digests; `against` is what a pair rejects or the opposite of a rating.

    `brief` is the answer itself where it is short and a fact was asked for; `answer` leaves for its `sketch`, the
    smallest hashes of its shingles.
    """

    row: int
    asked: bytes
    said: bytes
    against: bytes = b""
    polarity: int = 0
    numbers: int = 0
    brief: str = ""
    answer: str = ""
    sketch: tuple[int, ...] = ()


def _claim(row: int, record: Record, short: int) -> _Claim | None:
    """None where a record claims nothing: texts, dialogues without an answer."""
    if record.kind == "label":
        text = record.text if record.text is not None else _joined(record.messages)
        return _Claim(row, _digest("label", bare(text)), _digest(str(record.label)))
    if record.kind == "rating":
        asked = _digest("rating", _joined(record.messages))
        return _Claim(row, asked, *((b"good", b"bad") if record.label else (b"bad", b"good")))
    if record.kind == "preference":
        asked = _digest("preference", _joined(record.messages))
        return _Claim(row, asked, _digest(_joined(record.chosen)), _digest(_joined(record.rejected)))
    said = [turn.text for turn in answers(record)]
    asked_turns = question(record)
    if record.kind != "chat" or not said or not asked_turns:
        return None
    answer = said[-1]
    found = numbers(answer[:_LONGEST])
    plain = bare(answer)
    return _Claim(
        row,
        _digest("chat", _joined(asked_turns)),
        _digest(plain),
        polarity=polarity(answer),
        numbers=int.from_bytes(_digest(*sorted(map(str, set(found))))) if found else 0,
        answer=answer[:_LONGEST],
        brief=plain if len(plain) < short and _FACT.search(asked_turns[-1].text) else "",
    )


def _sketched(claims: list[_Claim]) -> list[_Claim]:
    sketches = Sketches.of([one.answer for one in claims], _SKETCH)
    offsets, values = sketches.offsets.tolist(), sketches.values.tolist()
    return [
        replace(one, answer="", sketch=tuple(values[offsets[place] : offsets[place + 1]])) if one.answer else one
        for place, one in enumerate(claims)
    ]


def _joined(turns: Iterable[Turn]) -> str:
    return "\0".join(f"{turn.role}:{bare(turn.text)}" for turn in turns)


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\1".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()


class Claims(Summary):
    """What is answered to which question; once settled, for each row in doubt how many others it disagrees with."""

    def __init__(self, claims: list[_Claim], alike: float) -> None:
        self._claims, self._alike = claims, alike
        self._doubtful: dict[int, int] = {}

    def merge(self, other: Self) -> None:
        self._claims += other._claims

    def settle(self) -> None:
        self._claims.sort(key=lambda one: (one.asked, one.row))
        for _, group in itertools.groupby(self._claims, key=lambda one: one.asked):
            claims = list(group)
            different = list({one.said: one for one in reversed(claims)}.values())[::-1][:_COMPARED]
            if any(self._contradict(one, two) for one, two in itertools.combinations(different, 2)):
                self._doubtful |= {one.row: len(claims) - 1 for one in claims}
        self._claims = []

    def _contradict(self, one: _Claim, two: _Claim) -> bool:
        if one.against or two.against:
            return one.said == two.against and two.said == one.against
        if not one.sketch and not two.sketch:
            return True  # labels
        if one.polarity * two.polarity < 0:
            return True
        if _similarity(one.sketch, two.sketch) >= self._alike:
            return bool(one.numbers and two.numbers and one.numbers != two.numbers)
        return bool(one.brief and two.brief) and one.brief not in two.brief and two.brief not in one.brief

    def decide(self, row: int) -> Decision:
        others = self._doubtful.get(row)
        return KEEP if others is None else Drop("review", f"{others} other record{'s' if others > 1 else ''}")


def _similarity(one: tuple[int, ...], two: tuple[int, ...]) -> float:
    """The Jaccard index, estimated from the smallest hashes of both (exact for answers of up to 24 shingles)."""
    union = sorted({*one, *two})[:_SKETCH]
    both = {*one} & {*two}
    return sum(value in both for value in union) / len(union) if union else 0.0
