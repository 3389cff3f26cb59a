"""Names of people in Latin letters, where words announce them: Mr., Dear, my name is, Name:, Regards.

A surname after a title (Mr. Smith) names many people and counts for little, and so does the name of what need not be a
person (the cat's name is, Product name:).  Names that nothing announces are `person_name_bare`.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.text.personal.names import GIVEN_EN, NOT_NAMES_EN, OWNERS_EN
from tuneloop.wording import Words

_LETTER = r"[A-Za-z\u00c0-\u024f]"  # a Chinese character right behind a name is none of its letters
TOKEN = rf"[A-Z\u00c0-\u00de\u0141\u015a\u0160\u017d\u010c]{_LETTER}{{1,20}}(?:['’-]{_LETTER}{{1,20}})?"
NAME = rf"{TOKEN}(?: [A-Z]\.?(?= [A-Z]))?(?: (?:van|von|de|der|da|di|bin|al))?(?: {TOKEN}){{0,2}}"
_WEAK = "i am|i'm|i[’']m|this is|dear|hi|hello|hey"
_STRONG = (
    "name(?: is|'s|:)|mr[.]?|mrs[.]?|ms[.]?|miss|dr[.]?|prof[.]?|professor|contact(?: person)?:|attn[.:]"
    "|(?:regards|sincerely|cheers|yours|wishes|signed),"
)
_TITLE = re.compile("(?:mr|mrs|ms|miss|dr|prof|professor)[.]? {1,4}$", re.IGNORECASE)
_OWNER = re.compile(r"([A-Za-z]+)(?:['’]s)?[ _-]name(?: is|'s|:)\s{1,4}$", re.IGNORECASE)
_AFTER_WEAK = re.compile(f"(?:{_WEAK}) $", re.IGNORECASE)


class PersonNameEn(PersonalKind):
    title = Words("Announced name of a person in Latin letters", "有提示的英文姓名")
    help = Words(
        "Capitalised words after Dear, my name is, Name:, Mr., Regards and the like. A surname alone "
        "(Mr. Smith) is left, and so is the name of a pet or a thing (the cat's name is, Product name:).",
        "Dear、my name is、Name:、Mr.、Regards 等字样之后首字母大写的姓名。单独的姓（如 Mr. Smith）"
        "以及宠物、物品的名字（如 the cat's name is、Product name:）不算。",
    )
    label = Words("NAME", "姓名")
    recurs = True
    words = (
        "name", "mr", "ms", "miss ", "dr", "prof", "contact", "attn", "regards,", "sincerely,", "cheers,", "yours,",
        "wishes,", "signed,", "i am ", "i'm ", "this is ", "dear ", "hi ", "hello ", "hey ",
    )  # fmt: skip
    hint = None
    digits = 0
    pattern = re.compile(rf"(?<![A-Za-z0-9+/_])(?i:{_STRONG}|{_WEAK})\s{{1,4}}(?P<value>{NAME})(?![A-Za-z0-9])")

    def judge(self, candidate: Candidate) -> float:
        parts = candidate.value.split()
        if parts[0] in NOT_NAMES_EN or parts[-1] in NOT_NAMES_EN:
            return 0.0
        known = parts[0] in GIVEN_EN
        if candidate.follows(_AFTER_WEAK, 10):
            return 0.9 * known
        if (owner := _OWNER.search(candidate.text[max(0, candidate.start - 40) : candidate.start])) and (
            owner[1].lower() not in OWNERS_EN
        ):
            return 0.4  # the cat's name is Waffles
        if known or len(parts) > 1:
            return 0.9
        return 0.4 if candidate.follows(_TITLE, 8) else 0.7  # Mr. Smith is many people
