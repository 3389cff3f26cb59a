"""Web addresses inside text, and where they end.

An address holds the characters that RFC 3986 allows and no others, so it ends before the first Chinese character or
full-width sign: in 详情请访问https://example.com/a查看退款规则。 it is `https://example.com/a`.
Punctuation that closes the sentence and brackets that were not opened inside are not part of it (RFC 3986, appendix C).

    schemed    https://…, http://…, ftp://…, also with a host in Chinese letters (https://例子.中国/a)
    www        www.example.com/a
    bare       example.com, example.com/a: only under the endings in `_ENDINGS`, as asp.net and socket.io are names

Not covered: paths in Chinese letters that were not percent-encoded (only their ASCII beginning is found), addresses
broken over two lines, and mail addresses, which are personal data and no addresses of pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_CHARACTER = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
_ENDINGS = (
    "com|cn|org|edu|gov|info|biz|top|xyz|vip|club|shop|site|online|tech|wang|ltd|tv|cc|me|co|app|hk|tw|jp|kr|uk|de"
)
_CHINESE_ENDINGS = "中国|中國|公司|网络|網絡|网址|在线|香港|台湾|台灣|政务|公益|网店|集团|我爱你"
_SURE = rf"""
      (?P<schemed>(?<![A-Za-z0-9+])(?:https?|ftp)://
        (?: [一-鿿][一-鿿A-Za-z0-9-]*(?:\.[一-鿿A-Za-z0-9-]+)*?\.(?:{_CHINESE_ENDINGS}|{_ENDINGS}){_CHARACTER}*
          | {_CHARACTER}+ ))
    | (?P<www>(?<![A-Za-z0-9@./-])www\.[A-Za-z0-9-]+\.{_CHARACTER}+)
"""
_BARE = rf"""
    | (?P<bare>(?<![A-Za-z0-9@./_-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+(?:{_ENDINGS})
        (?![A-Za-z0-9@_-]|\.[A-Za-z0-9])(?::[0-9]{{2,5}})?(?:/{_CHARACTER}*)?)
"""
_PATTERNS = {bare: re.compile(_SURE + _BARE if bare else _SURE, re.VERBOSE | re.IGNORECASE) for bare in (True, False)}
_SHORTEST = 3
_AFTER = ".,;:!?'*_~"
_PAIRS = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Url:
    start: int
    end: int
    form: Literal["schemed", "www", "bare"]


def concerns(text: str) -> bool:
    """Can the text hold an address at all? Every form has a dot between letters or `://`."""
    return "://" in text or "." in text


def find(text: str, *, bare: bool = True) -> Iterator[Url]:
    """All addresses in order, `bare` ones only when asked for."""
    for found in _PATTERNS[bare].finditer(text):
        end = _end(text, found.start(), found.end())
        if end - found.start() > _SHORTEST:
            yield Url(found.start(), end, found.lastgroup)  # type: ignore[arg-type]


def _end(text: str, start: int, end: int) -> int:
    """Without the sentence's own punctuation."""
    left = {sign: text.count(sign, start, end) for pair in _PAIRS.items() for sign in pair}
    while end > start:
        sign = text[end - 1]
        unopened = sign in _PAIRS and left[_PAIRS[sign]] < left[sign]
        if not unopened and sign not in _AFTER:
            return end
        left[sign] = left.get(sign, 0) - 1
        end -= 1
    return end
