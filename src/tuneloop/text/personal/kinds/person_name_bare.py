"""Names of people that nothing announces, told by what they are made of; only where the kind is asked for.

Chinese: a surname and two characters that are common in given names, between boundaries.  Latin letters: a known given
name and a capitalised word.  Names of writers, brands and streets look the same.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.text.personal.kinds.person_name_en import TOKEN
from tuneloop.text.personal.kinds.person_name_zh import is_word
from tuneloop.text.personal.names import DOUBLE_SURNAMES, GIVEN, GIVEN_EN, NOT_NAMES_EN, SURNAMES
from tuneloop.wording import Words

_ZH = (
    f"(?:(?<![\u4e00-\u9fff])|(?<=[给和跟与找向对由是叫请让到问见把天了]))"
    f"(?:{'|'.join(DOUBLE_SURNAMES)}|[{''.join(sorted(SURNAMES))}])[{''.join(sorted(GIVEN))}]{{1,2}}"
    "(?=$|[^\u4e00-\u9fff]|[的了是在吗和与及来去说想要也给已没还])"
)
_EN = rf"(?<![A-Za-z])(?:{'|'.join(sorted(GIVEN_EN))})(?: [A-Z]\.?)?(?: {TOKEN}){{1,2}}"


class PersonNameBare(PersonalKind):
    title = Words("Name of a person by its form", "无提示的姓名")
    help = Words(
        "Names that no word announces, by known surnames and given names. It also takes writers, characters and "
        "brands; off unless it is named among the types.",
        "无任何提示、仅凭姓氏与常用名字判断的姓名；作家、人物和品牌名也会被识别，须在类型中列出才会启用。",
    )
    label = Words("NAME", "姓名")
    recurs = True
    usual = False
    hint = re.compile(f"[{''.join(sorted(SURNAMES))}]|[A-Z][a-z]+ [A-Z]")
    reach = 24
    digits = 0
    pattern = re.compile(f"{_ZH}|{_EN}")

    def judge(self, candidate: Candidate) -> float:
        name = candidate.value
        if name.isascii() or " " in name:
            return 0.0 if name.split()[-1] in NOT_NAMES_EN else 0.6
        return 0.0 if len(name) < 3 or is_word(name) else 0.5
