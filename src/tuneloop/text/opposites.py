"""Do two texts that are worded alike say the opposite, or another number?  In Chinese and English.

The texts are aligned word by word (a Chinese character is a word), and each place where they differ is looked at:

    negation   one side has an odd number of negations more than the other, and apart from words that carry no content
               (可以, 会, 都, 的; can, does, the) nothing differs there: 支持 and 不支持, 可以 and 不能, 有 and 没有,
               can and can't, supports and does not support
    number     both sides hold as many numbers, of other values: 八点 and 十点, 三十元 and 50元; 七天 and 7天 are one

A word that holds a negation's character on both sides is no difference (不锈钢, 没关系), nor is one that comes in with
content of its own (不仅, 不同), nor a question that leaves both open (能不能).  A negation replaced by a word with
content (不 and 店) is a slip of the pen and not a negation, and so is a digit replaced by one (93 and 9止).

Not covered: antonyms (允许 and 拒绝, before and after), number words of English, an addition that turns the sense,
clauses that changed places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from tuneloop.text.figures import figures
from tuneloop.text.numerals import MEASURES, numbers

LONGEST = 400
"""Characters up to which texts are worth comparing; to align two of them takes about a millisecond at most."""

_NOT = frozenset("不没沒未无無非勿别別莫")
_NO = frozenset(
    ["no", "not", "never", "cannot", "without", "none", "neither", "nor", "nothing", "nobody", "unable", "禁止", "严禁"]
)
_HAN = "零〇一二两三四五六七八九十百千万亿廿壹贰叁肆伍陆柒捌玖拾佰仟萬億兩"
_WORD = re.compile(
    rf"不得不|不由得|非常|除非|别的|别人|特别|要不然|要不|有无|禁止|严禁|(?P<open>[\u4e00-\u9fff])[不没](?P=open)"
    rf"|not\s+(?:only|just)\b|[0-9]+(?:[.,:][0-9]+)*[{_HAN}]*|[{_HAN}]+|[^\W\d_\u2e80-\ud7a3]+(?:'[a-z]+)?|\S"
)
_EMPTY = frozenset(
    "可以能会會行有是要需得应应該该当对很真太都也就才还還尚已经将正再更最较挺总仍便则即又全均皆必须允许准予用肯敢给概并从绝决"
    "律暂办法支持亲您的了吗呢啊哦吧呀哈嘛着地"
)
_EMPTY_ENGLISH = """
can could may might will would shall should must do does did is are was were be been am has have had yes able to always
ever still also only just any some a an the you it we they he she i that this there then please really very longer at
all with
"""
_EMPTY |= frozenset(_EMPTY_ENGLISH.split())
_LONG_NUMERAL = re.compile(f"[{_HAN}]{{2,}}")
_MARK = re.compile(rf"[\d{''.join(sorted(_NOT))}禁{_HAN}]|n[o'’]|nev|nei|without|unable")


def opposed(one: str, two: str, *, negations: bool = True, values: bool = True) -> bool:
    """Whether one says what the other denies, or another number; looks for either kind alone if told so."""
    if values and (_plainly_other(figures(one), figures(two)) or _plainly_other(_numerals(one), _numerals(two))):
        return True
    if marks(one) == marks(two):
        return False
    for left, right in _differences(_words(one), _words(two)):
        if negations and _denied(left, right):
            return True
        if values and _other_numbers(left, right):
            return True
    return False


def marks(text: str) -> str:
    """Everything in the text that may be a negation or a number, each with the two characters before and behind it.

    Two texts with the same marks are not opposed; this is about a hundred times as fast as aligning them.
    """
    plain = text.casefold()
    found = (one.span() for one in _MARK.finditer(plain))
    return "\n".join(plain[max(0, start - 2) : end + 2] for start, end in found)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return [one.group() for one in _WORD.finditer(plain)]


def _differences(one: Sequence[str], two: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """The words of both at each place where they differ."""
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
    one, two = one[start:], two[start:]
    end = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one[::-1], two[::-1], strict=False)))
    one, two = one[: len(one) - end], two[: len(two) - end]
    for what, left, left_end, right, right_end in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if what != "equal":
            yield one[left:left_end], two[right:right_end]


def _denied(left: Sequence[str], right: Sequence[str]) -> bool:
    if (sum(map(_negates, left)) - sum(map(_negates, right))) % 2 == 0:
        return False
    return _content(left) == _content(right)


def _negates(word: str) -> bool:
    return word in _NOT or word in _NO or word.endswith("n't")


def _content(words: Sequence[str]) -> set[str]:
    """What is left without negations, empty words and signs; of English words the stem's first letters."""
    return {
        word[:4]
        for word in words
        if not _negates(word) and word not in _EMPTY and word[0].isalnum() and not _is_number(word)
    }


def _plainly_other(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether as many numbers have other values in a way that is no slip: no aligning is needed to see it."""
    return len(left) == len(right) and any(
        one != two and _value(one) != _value(two) and not (abs(len(one) - len(two)) == 1 and (one in two or two in one))
        for one, two in zip(left, right, strict=True)
    )


def _numerals(text: str) -> list[str]:
    """Chinese numerals of two characters or more; 千万 and 万一 are none."""
    return [word for word in _LONG_NUMERAL.findall(text) if _value(word) is not None]


def _is_number(word: str) -> bool:
    return word[0].isdigit() or word[0] in _HAN


def _other_numbers(left: Sequence[str], right: Sequence[str]) -> bool:
    if _is_slip("".join(left), "".join(right)):
        return False
    ours, theirs = ([_value(word) for word in words if _is_number(word)] for words in (left, right))
    return bool(ours) and len(ours) == len(theirs) and None not in (*ours, *theirs) and ours != theirs


def _is_slip(one: str, two: str) -> bool:
    """Whether digits of one are signs with content of their own in the other, and else they are the same."""
    other = [pair for pair in zip(one, two, strict=False) if pair[0] != pair[1]]
    return len(one) == len(two) and all(
        _is_number(a) != _is_number(b) and not {a, b} & (_EMPTY | MEASURES) for a, b in other
    )


def _value(word: str) -> object:
    """What a number is worth; itself if it is a time or no proper numeral; None for words like 万一 and 千万."""
    found = numbers(word)
    if len(found) == 1:
        return found[0]
    return None if word[0] in "百千万亿佰仟萬億" else word
