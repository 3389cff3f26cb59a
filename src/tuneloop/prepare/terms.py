"""What is known of each input: its kind, grade, licence, who agreed to what, and the tags that all of it has.

    source: {kind: client, licence: contract 12}          # of all inputs
    sources:                                              # of some, by name or pattern; later ones win
      "faq*.csv": {kind: expert, grade: A, consent: "service team, 2026-03"}
      "https://*": {kind: public, grade: C, licence: CC-BY-4.0}
    grades: [A, B, C]                                     # the best first

A pattern is compared with the input as it was named and with its last part (`*`, `?` and `[…]` as in file names).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath

from pydantic import model_validator

from tuneloop.config import Settings, setting
from tuneloop.errors import SettingError, Where, nearest
from tuneloop.prepare.tagging import LONGEST
from tuneloop.records import SourceKind

SCALES: tuple[tuple[str, ...], ...] = (
    ("a+", "a", "a-", "b+", "b", "b-", "c+", "c", "c-", "d+", "d", "d-", "e", "f"),
    ("gold", "silver", "bronze"),
    ("high", "medium", "low"),
    ("高", "中", "低"),
    ("优", "良", "中", "差"),
    ("优秀", "良好", "一般", "较差"),
    ("一级", "二级", "三级", "四级", "五级"),
)
"""Orders of grades that need not be told."""


class SourceTerms(Settings):
    """What is known of where input comes from; every record's origin remembers it."""

    kind: SourceKind = setting("own", en="what kind of source it is", zh="来源类型")
    grade: str | None = setting(
        None, en="quality grade, in the team's own words", zh="质量等级，按团队自己的叫法", max_length=32
    )
    licence: str | None = setting(None, en="licence or terms of use", zh="许可证或使用条款")
    consent: str | None = setting(
        None, en="who agreed to what use, and when", zh="同意情况：谁、何时、同意何种用途", max_length=2000
    )
    tags: tuple[str, ...] = setting((), en="tags of everything in it", zh="其中全部记录共有的标签")

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _short_tags(self) -> SourceTerms:
        long = [tag for tag in self.tags if not tag.strip() or len(tag) > LONGEST]
        if long:
            raise ValueError(f"tags of 1 to {LONGEST} characters, found {long[0][:40]!r}")
        return self


def terms_of(
    inputs: Sequence[str], general: SourceTerms, patterns: Mapping[str, SourceTerms], grades: Sequence[str]
) -> list[SourceTerms]:
    """The terms of each input; raises `SettingError` for a pattern that fits none, and a grade that is in no order."""
    fitting = {pattern: [_fits(one, pattern) for one in inputs] for pattern in patterns}
    for pattern, found in fitting.items():
        if not any(found):
            hint = nearest(pattern, [PurePath(one).name for one in inputs])
            raise SettingError(
                f"no input is called {pattern!r}",
                expected="an input's name, its last part, or a pattern such as '*.csv'",
                where=Where(field="prepare.sources"),
                do=hint[0].upper() + hint[1:],
            )
    made = []
    for place in range(len(inputs)):
        own = general
        for pattern, terms in patterns.items():
            if fitting[pattern][place]:
                own = own.model_copy(update={name: getattr(terms, name) for name in terms.model_fields_set})
        made.append(own)
    for one in made:
        if grades and one.grade is not None and one.grade not in grades:
            raise SettingError(
                f"the grade {one.grade!r} is not in the order of grades",
                expected=" or ".join(repr(grade) for grade in grades),
                where=Where(field="prepare.grades"),
            )
    return made


def _fits(name: str, pattern: str) -> bool:
    last = PurePath(name).name
    return pattern in (name, last) or fnmatchcase(name, pattern) or fnmatchcase(last, pattern)


def rank(grade: str | None, grades: Sequence[str] = ()) -> int | None:
    """The place of a grade in the order, 0 the best; None where it has none: it counts as worse than every other."""
    if grade is None:
        return None
    if grades:
        return list(grades).index(grade) if grade in grades else None
    plain = grade.strip().casefold()
    return next((scale.index(plain) for scale in SCALES if plain in scale), None)
