"""Street addresses in English: number, name and kind of street, perhaps a flat, a town, a state and a postcode.

Without the kind of street (846 31 Rue Al…) only after words that announce an address, or with a flat's number.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.text.personal.places import STATES
from tuneloop.wording import Words

_TYPES = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Ter|Parkway|Pkwy|"
    "Close|Crescent|Cres|Circle|Cir|Highway|Hwy|Row|Walk|Mews|Grove|Gardens|Alley|Plaza|Trail|Quay"
)
_NAME = r"[A-Z\u00c0-\u024f][\w'’.-]{0,20}"
_DIRECTION = r"(?:(?:North|South|East|West|[NSEW]|N[EW]|S[EW])\.? )"
_FLAT = r"(?:,? ?\n?(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Box|#)\.? ?#?[0-9][0-9A-Za-z-]{0,5})"
_POSTCODE = (
    rf"(?:(?:{'|'.join(STATES)})\.?,? ?(?:[0-9]{{5}}(?:-[0-9]{{4}})?)?|[A-Z]{{1,2}}[0-9][0-9A-Z]? ?[0-9][A-Z]{{2}})"
)
_TOWN = (
    rf"(?:,? ?\n?{_NAME}(?: {_NAME}){{0,2}},? {_POSTCODE}(?![A-Za-z0-9])(?:,? (?:USA|UK|United (?:States|Kingdom)))?)"
)
_STREET = (
    rf"[0-9]{{1,6}}[A-Za-z]?(?:-[0-9]{{1,4}})? {_DIRECTION}?(?:{_NAME} ){{1,4}}(?:{_TYPES})(?![A-Za-z0-9])\.?"
    r"(?: [NSEW]{1,2}(?![A-Za-z]))?"
)
_FLATTED = rf"[0-9]{{1,6}}(?: [\w'’.-]{{1,20}}){{1,5}}?{_FLAT}"
_BOX = r"(?i:unit|psc) [0-9]{1,5},? (?i:box) [0-9]{1,6}(?:\n(?i:dpo|apo|fpo) (?i:a[aep]) [0-9]{5})?"
_FREE = rf"[0-9]{{1,6}}(?:,? (?:[0-9]{{1,5}}|{_NAME}|de|la|van|der)){{1,6}}"
_WORDS = (
    r"(?:[Aa]ddress(?: is)?|[Ll]iv(?:e|es|ed|ing) (?:at|on)|[Ll]ocated (?:at|on)|[Rr]esid(?:es|ing) at|office is at"
    r"|(?:[Ss]hip|[Ss]end|[Dd]eliver|[Rr]eturn)(?: (?:it|this|them))? to)"
)
_ANNOUNCED = re.compile(rf"{_WORDS}[: \n]{{1,3}}$")
_TYPED = re.compile(rf" (?:{_TYPES})(?![A-Za-z0-9])")
_ENDED = re.compile(rf"{_POSTCODE}(?![A-Za-z0-9])")


class AddressEn(PersonalKind):
    title = Words("Street address in English", "英文地址")
    help = Words(
        "A number with the name and kind of a street (12 Oak Lane), with a flat's number, or after words such as "
        "address or lives at; town, state and postcode after it; army post boxes.",
        "门牌号加街名和街道类型（如 12 Oak Lane）、带公寓号的地址，或 address、lives at 等字样之后的地址，"
        "连同其后的城市、州与邮编；军邮信箱。",
    )
    label = Words("ADDRESS", "地址")
    hint = re.compile("[0-9][A-Za-z]?,? [A-Z\u00c0-\u024f0-9b]")
    reach = 96
    pattern = re.compile(
        rf"(?:({_WORDS}[: \n]{{1,3}})|(?<![0-9A-Za-z.,$€£#/-])(?<![0-9] ))"
        rf"(?P<value>(?(1)(?:{_STREET}{_FLAT}?{_TOWN}?|{_FREE}{_FLAT}?{_TOWN}?)"
        rf"|(?:{_STREET}{_FLAT}?{_TOWN}?|{_FLATTED}{_TOWN}?|{_BOX}))(?![A-Za-z0-9]))"
    )

    def judge(self, candidate: Candidate) -> float:
        announced = candidate.follows(_ANNOUNCED, 24)
        if _TYPED.search(candidate.value):
            return 0.9 if announced or _ENDED.search(candidate.value) else 0.6
        return 0.8 if announced else 0.6

    def normal(self, value: str) -> str:
        return " ".join(value.replace(",", " ").lower().split())
