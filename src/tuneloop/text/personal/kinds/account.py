"""QQ numbers and WeChat names after the words that announce them."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words


class Account(PersonalKind):
    title = Words("QQ or WeChat account", "QQ 与微信号")
    help = Words(
        "A number or a name after QQ, or one after 微信, 微信号, vx or wx with a colon, 是 or 加 between.",
        "QQ 之后的号码或账号；“微信”“微信号”、vx、wx 之后（以冒号、“是”“加”等相连）的账号。",
    )
    label = Words("ACCOUNT", "账号")
    words = ("qq", "扣扣", "微信", "薇信", "vx", "wx", "wechat")
    hint = re.compile("[Qq扣]|微信|[vVwW][xX]|薇信|[Ww]e[Cc]hat")
    pattern = re.compile(
        r"(?:(?<![A-Za-z0-9+/])(?:[Qq]{2}|扣扣)(?:号码?|群)?[ :是为加]{0,3}(?=[1-9][0-9]{4,10}(?![0-9A-Za-z]))"
        r"|(?:(?:微信|薇信)(?:号码?|账号)?[ :是为加]{0,3}"
        r"|(?<![A-Za-z0-9+/])(?:[VvWw][Xx]|[Qq]{2}|[Ww]e[Cc]hat(?: ID)?)(?:号码?[ :是为加]{0,3}|[ :是为加]{1,3}| is ))"
        r"(?=[A-Za-z][A-Za-z0-9_-]{5,19}(?![A-Za-z0-9_-]))"
        r"|(?:微信(?:号码?)?|[Ww]e[Cc]hat(?: ID)?)(?:[ :是为]{1,3}| is )"
        r"(?=[1-9][0-9]{5,10}(?![0-9A-Za-z万人元块次个条])))"
        r"(?P<value>[A-Za-z0-9_-]+)"
    )

    def judge(self, candidate: Candidate) -> float:
        return (
            0.8 if candidate.digits or candidate.value.startswith("wxid_") else 0.0
        )  # without a digit it is a word more often than a name

    def normal(self, value: str) -> str:
        return value.lower()
