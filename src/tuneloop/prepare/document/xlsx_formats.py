"""How XLSX shows numbers: which cells hold dates, lengths of time or percents (ECMA-376, part 1, 18.8.30)."""

from __future__ import annotations

import datetime
import re

from tuneloop.prepare.document.package import Package
from tuneloop.prepare.document.sheets import date_text, number_text
from tuneloop.prepare.document.xml import children, local, tree

_DATES = frozenset([*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)])
_DURATIONS, _PERCENTS = frozenset({46}), frozenset({9, 10})
_LITERAL = re.compile(
    r'"[^"]*"|\\.|_.|\*.|\[(?:Red|Black|Blue|Cyan|Green|Magenta|White|Yellow|Color ?\d+|\$[^\]]*|[<>=][^\]]*)\]',
    re.IGNORECASE,
)


def formats_of(package: Package, part: str) -> list[str]:
    """What each cell style shows: `date`, `duration`, `percent`, or nothing special."""
    root = tree(package, part)
    own = {
        _number(one.get("numFmtId")): str(one.get("formatCode") or "")
        for one in children(root, "numFmts")
        if local(one) == "numFmt"
    }
    return [_shown(_number(one.get("numFmtId")), own) for one in children(root, "cellXfs")]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _shown(number: int, own: dict[int, str]) -> str:
    if number not in own:
        if number in _DURATIONS:
            return "duration"
        return "date" if number in _DATES else "percent" if number in _PERCENTS else ""
    code = _LITERAL.sub("", own[number].split(";")[0]).lower()
    if re.search(r"\[[hms]+\]", code):
        return "duration"
    if "general" in code or re.search(r"[0#?]", code.replace("ss.0", "").replace("ss.00", "").replace("ss.000", "")):
        return "percent" if "%" in code else ""
    return "date" if re.search(r"[ymdhs年月日]|e", code) else ""


def moment_text(number: float, shown: str, from_1904: bool) -> str:
    if shown == "duration":
        return date_text(datetime.timedelta(days=number)) if abs(number) < 1e6 else number_text(number)
    if not 0 <= number < 2_958_466:
        return number_text(number)
    moment = datetime.datetime(1904, 1, 1) if from_1904 else datetime.datetime(1899, 12, 30)
    if not from_1904 and number < 60:  # Excel holds 1900 for a leap year
        moment += datetime.timedelta(days=1)
    moment += datetime.timedelta(seconds=round(number * 86400))
    return date_text(moment.time() if number < 1 else moment)
