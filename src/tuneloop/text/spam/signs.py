"""Signs of the trade in a folded text (`folding.py`): each tells something, none is enough alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tuneloop.text.spam.folding import URL

SIGNS: Mapping[str, re.Pattern[str]] = {
    "unsubscribe": re.compile(
        r"退订|拒收|回复?[:: ]?(?:td|tt|t|n|r|0)(?![a-z0])|\bstop to\b|(?:text|send|reply) stop|unsubscribe|opt out"
    ),
    "contact": re.compile(
        r"(?:加|\+|联系|咨询|详询|同|扫).{0,4}(?:微信|qq|旺旺|客服)|(?:微信|qq)(?:号|群)?[:: ]?[a-z0]|"
        r"扫码.{0,6}(?:进群|领|加|咨询|添加)|"
        r"关注.{0,12}(?:公众号|微信|领)|回复.{0,8}领|进群|加群|私信我|follow (?:me|us)|subscribe"
    ),
    "line": re.compile(
        r"(?:热线|专线|电话|致电|详电|详询|联系|咨询)[^。!?\n]{0,8}0000|call (?:now|us|free)|text [a-z]+ to 0|whatsapp"
    ),
    "money": re.compile(r"0[.,0]*\s?(?:元|万|块|%)|[¥￥$£€]\s?0"),
    "discount": re.compile(
        r"[0一二三四五六七八九]折|立减|满0+[减送返]|"
        r"特价|特惠|优惠|半价|返现|返利|买一送一|买0送0|秒杀|抢购|清仓|0% off|discount"
    ),
    "prize": re.compile(
        r"大奖|中奖|现金|红包|彩金|豪礼|好礼|有礼|免费(?:领|送|试|体验|赠)|winner|\bprize\b|\bclaim\b|\bfree\b"
    ),
    "url": re.compile(URL),
    "act": re.compile(
        r"点击|戳|速来|速抢|速点|限时|名额有限|先到先得|货到付款|最后0+天|手慢无|售完即止|"
        r"欢迎(?:来电|选购|光临|惠顾|品鉴)|恭候|click|order now|"
        r"act now|hurry|limited"
    ),
    "number": re.compile(r"0000"),
    "sender": re.compile(r"^【[^】]{2,12}】|【[^】]{2,12}】$"),
    "dear": re.compile(r"^.{0,8}(?:尊敬的|尊贵的|亲爱的).{0,6}(?:客户|用户|会员|业主|车主|顾客|家长|持卡人|vip)"),
    "sure": re.compile(
        r"稳赚|包过|保过|包赔|无效退|秒到|当天(?:放款|下款)|假一赔|保证真票|"
        r"日赚|日结|月入|guarantee|no credit check|risk free"
    ),
}


def signs(plain: str) -> Iterator[int]:
    """The numbers of the signs that a folded text shows."""
    return (at for at, sign in enumerate(SIGNS.values()) if sign.search(plain))
