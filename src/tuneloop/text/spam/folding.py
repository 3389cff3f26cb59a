"""One way to write what senders of spam write in a hundred: full-width and circled digits, signs between the letters of
a word, 薇信 and V信 for 微信, addresses that are new every day."""

from __future__ import annotations

import re
import unicodedata

from tuneloop.text import urls

URL = "\u2317"
_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_BETWEEN = re.compile(r"(?<=[\u3400-\u9fff])[\s*·•・_~^|+#@&=`☆★◆◇●○■□▲△▼♥❤♡☞➕✚✨💰🔥🎁👉]+(?=[\u3400-\u9fff])")
_SPACE = re.compile(r"\s+(?=[\u3000-\u9fff])|(?<=[\u3000-\u9fff])\s+|(?<=\s)\s+")
_SPELT = (
    (
        re.compile(
            r"[微薇威徽溦嶶維维徵]\s?[信x]|v\s?信|wei\s?xin|wechat|\bv\s?x\b"
            r"|(?<=[\u3400-\u9fff:+ ])[vw]x(?![a-z])|(?<=[加+])[vw]x"
        ),
        "微信",
    ),
    (re.compile(r"(?:加|\+)\s?(?:v|薇|威|微)(?![a-z信博\u3400-\u9fff])"), "加微信"),
    (re.compile(r"[q扣叩球企]\s?[裙群]|q{2}\s?[裙群]"), "qq群"),
    (re.compile(r"扣扣|叩叩|球球(?=号|:|\d)|企鹅(?=号|:|\d)|(?<=[加联\+])(?:扣|q)(?!q|[a-z])"), "qq"),
)
_DIGITS = re.compile(r"\d+")


def folded(text: str) -> str:
    """NFKC and case folded; addresses as one sign; a number as 0, 00 (to four digits), 000 (to six) or 0000; no white
    space and no ornament between Chinese characters."""
    plain = _HIDDEN.sub("", unicodedata.normalize("NFKC", text))
    if urls.concerns(plain):
        pieces: list[str] = []
        end = 0
        for url in urls.find(plain):
            pieces += [plain[end : url.start], URL]
            end = url.end
        plain = "".join([*pieces, plain[end:]])
    plain = _BETWEEN.sub("", plain.casefold())
    plain = _SPACE.sub("", plain)
    for pattern, word in _SPELT:
        plain = pattern.sub(word, plain)
    return _DIGITS.sub(_number, plain).strip()


def _number(found: re.Match[str]) -> str:
    length = len(found[0])
    return "0" if length == 1 else "00" if length <= 4 else "000" if length <= 6 else "0000"
