"""The numbers that stand in a text, exactly, in digits and in Chinese numerals.

    32   -3.5   １，２３４.５   1,234.5   1.5e3   3/4   \\frac{3}{4}   40%   3.5万   1亿2000万   3.5 million
    三十二   一百零五   一百五   两万三千   负三点五   二〇二四   叁拾贰   三分之二   百分之四十   百分之40

Signs belong to a number where they can't be a hyphen or a range: 20-30 holds 20 and 30.  Percentages are hundredths.
Dates (2024-01-02), times (12:30), versions (3.5.1), digits glued to letters before them (Qwen3, x_1, GPT-4) and powers
(10^3) are not numbers.

A single Chinese numeral is often no number (唯一, 十分, 一起).  It counts before a measure word (三个; 一 is left out
there), or where the text ends behind it and it stands alone or behind 是, 为, 等于 and the like (答案是三。).

Not covered: English number words, mixed numbers (1 1/2), 半 and 成, roots and other formulas, approximations (三五个,
100多万), decimal commas, thousands set apart by spaces.  Numbers of more than 400 digits are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

_DIGITS = {
    numeral: value
    for value, numerals in enumerate(
        ["零〇", "一壹", "二两贰貳兩", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖"]
    )
    for numeral in numerals
}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_SAME = str.maketrans("拾佰仟萬億", "十百千万亿")

_HAN = f"[{''.join(_DIGITS)}{''.join(_UNITS)}拾佰仟萬億廿]+"
_DECIMAL = f"{_HAN}(?:[点點][{''.join(_DIGITS)}]+)?"
_ARABIC = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
# 千克, 千米, 百分点: the first character belongs to the unit of measure.
_SCALE = r"(?:千(?![克米瓦卡字赫帕伏升焦])|百(?![分帕]))?(?:[万萬](?:[亿億])?|[亿億])?"
_WORDS = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NUMBER = re.compile(
    r"""
    (?P<other> [0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2} | [0-9]+(?:\.[0-9]+){2,} | [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?
             | (?<![A-Za-z_^])(?:[A-Za-z_]+-?|[A-Za-z_]*[_^][{]?-?)[0-9][0-9A-Za-z_.]* | \^[{]?-?[0-9]+ )
    | \\[dt]?frac[{]\s*(?P<top>-?[0-9]{1,400})\s*[}][{]\s*(?P<bottom>[0-9]{1,400})\s*[}]
    | (?P<sign>(?<![0-9A-Za-z)\]）】%])-|[负負]|零下)?
      (?: (?P<parts>HAN|ARABIC)分之(?P<share>DECIMAL|ARABIC)
        | (?P<first>ARABIC)(?:
              (?P<power>\s?\^[{]?-?[0-9]*)
            | (?P<exponent>[eE][+-]?[0-9]{1,3}(?![0-9]))
            | \s?/\s?(?P<over>[0-9]{1,400})(?![0-9/])
            | (?P<scale>SCALE)(?P<rest>(?:(?:ARABIC)SCALE)*)
          )(?:\s?(?P<percent>[%‰])|\s(?P<word>hundred|thousand|million|billion|trillion)\b)?
        | (?P<han>DECIMAL)
      )
    """.replace("DECIMAL", _DECIMAL)
    .replace("ARABIC", _ARABIC)
    .replace("HAN", _HAN)
    .replace("SCALE", _SCALE),
    re.VERBOSE,
)
_REST = re.compile(f"({_ARABIC})({_SCALE})")
_WIDE = str.maketrans("０１２３４５６７８９．－＋％／：−", "0123456789.-+%/:-")
_WIDE_THOUSANDS = re.compile("(?<=[０-９])，(?=[０-９]{3}(?![０-９]))")

MEASURES = frozenset(
    "个個只隻本元块塊分米厘毫克千斤吨升岁歲年月日天号時时点點秒周次位名头頭匹张張把件台辆輛架艘座间間层層楼栋棵朵颗粒滴"
    "瓶杯碗盘袋箱盒双雙对對套组組排列种種项項倍度页頁章节課课题題句字词步人"
)
_BEHIND = frozenset("是为為得有共剩于於余约約到成即")
_LETTER = re.compile(r"[\u3400-\u9fff]")
_LONGEST = 400


def numbers(text: str) -> list[Fraction]:
    """All numbers of the text, in order."""
    plain = _WIDE_THOUSANDS.sub(",", text).translate(_WIDE)
    return list(_numbers(plain))


def _numbers(text: str) -> Iterator[Fraction]:
    for found in _NUMBER.finditer(text):
        value = _value(found, text)
        if value is not None:
            yield -value if found["sign"] else value


def _value(found: re.Match[str], text: str) -> Fraction | None:
    if found["other"] or found["power"]:
        return None
    if found["bottom"]:
        return _ratio(found["top"], found["bottom"])
    if found["parts"]:
        return _share(found["parts"], found["share"])
    if found["han"]:
        return _numeral(found["han"]) if _counts(found, text) else None
    first = _arabic(found["first"])
    if first is None:
        return None
    if found["exponent"]:
        first *= Fraction(Decimal(f"1{found['exponent']}"))
    if found["over"]:
        if not int(found["over"]):
            return None
        first /= int(found["over"])
    value = _scaled(first, found["scale"], found["rest"] or "") if found["scale"] else first
    if value is None:
        return None
    if found["percent"]:
        return value / (100 if found["percent"] == "%" else 1000)
    return value * _WORDS[found["word"]] if found["word"] else value


def _ratio(top: str, bottom: str) -> Fraction | None:
    return Fraction(int(top), int(bottom)) if int(bottom) else None


def _share(parts: str, share: str) -> Fraction | None:
    """三分之二; the bare units in front of 分之 are one of themselves (百分之四十), and 百分之百 is all."""
    whole = Fraction(_UNITS[parts]) if parts in _UNITS else _any(parts)
    part = Fraction(_UNITS[share]) if share in _UNITS else _any(share)
    return part / whole if whole and part is not None else None


def _any(text: str) -> Fraction | None:
    return _arabic(text) if text[0] in "0123456789." else _numeral(text)


def _arabic(text: str) -> Fraction | None:
    if len(text) > _LONGEST:
        return None
    return Fraction(int(text)) if text.isdigit() else Fraction(Decimal(text.replace(",", "")))


def _scaled(first: Fraction, scale: str, rest: str) -> Fraction | None:
    """1亿2000万: each part with its unit, the units falling."""
    size = _size(scale)
    value = first * size
    for digits, unit in _REST.findall(rest):
        part, own = _arabic(digits), _size(unit)
        if part is None or part * own >= size:
            return None
        value, size = value + part * own, own
    return value


def _size(scale: str) -> int:
    size = 1
    for unit in scale.translate(_SAME):
        size *= _UNITS[unit]
    return size


def _counts(found: re.Match[str], text: str) -> bool:
    """Whether a Chinese numeral is a number here, and not part of a word."""
    if len(found["han"]) > 1 or found["sign"]:
        return True
    before, after = text[: found.start()][-1:], text[found.end() : found.end() + 2]
    if not _LETTER.match(after):
        return not _LETTER.match(before) or before in _BEHIND
    if found["han"] in "一十壹" and (found["han"] != "十" or (after[0] == "分" and after != "分钟")):
        return False
    return after[0] in MEASURES


def _numeral(text: str) -> Fraction | None:
    """A Chinese numeral; None for what is not one (三三两两, 千万 alone)."""
    if len(text) > 32:
        return None
    whole, point, decimals = re.sub("[點]", "点", text).translate(_SAME).replace("廿", "二十").partition("点")
    value = _in_digits(whole) if len(whole) > 1 and not set(whole) & set(_UNITS) else _integer(whole)
    if value is None:
        return None
    fraction = "".join(str(_DIGITS[numeral]) for numeral in decimals)
    return Fraction(Decimal(f"{value}.{fraction}")) if point else Fraction(value)


def _in_digits(text: str) -> int | None:
    """二〇二四; two numerals side by side (三五个) are an estimate unless one is a zero."""
    if set(text) & set("两兩") or (len(text) < 3 and not set(text) & set("零〇")):
        return None
    return int("".join(str(_DIGITS[numeral]) for numeral in text))


def _integer(text: str) -> int | None:
    for unit, size in reversed(_UNITS.items()):
        if unit in text:
            left, _, right = text.rpartition(unit)
            head = _integer(left) if left else (1 if unit == "十" else None)
            tail = _below(right, size)
            if head is None or tail is None or head >= (10 if size < 10**4 else 10**8) or not head:
                return None
            return head * size + tail
    return _DIGITS.get(text)


def _below(text: str, size: int) -> int | None:
    """What follows a unit: 一百零五 is 105, 一百五 is 150."""
    if not text:
        return 0
    zero = text.lstrip("零〇")
    value = _integer(zero)
    if value is None or value >= size:
        return None
    return value * (size // 10) if zero == text and text in _DIGITS and size > 10 else value
