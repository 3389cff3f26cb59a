"""Patterns of spam that need no model: a trade together with how to reach it.

Neither half counts alone (an article on lotteries, a telephone number), both stand within some 60 characters, and a
text that warns of spam, or asks about it, is none.  They look at the folded text (`folding.py`), where a number is
written as zeros and an address as ⌗.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tuneloop.text.spam.folding import URL, folded
from tuneloop.wording import Words

_REACH = rf"(?:0000|{URL}|微信|qq|加群|进群|扫码|来电|联系|详询|咨询|热线|点击|下载|私聊|滴滴)"
_WARNING = re.compile(
    r"诈骗|骗子|骗局|骗术|谨防|警惕|切勿|不要(?:轻信|相信|点击|转账|理会|随意)|不轻信|举报|反诈|违法|垃圾短信|营销短信|"
    r"\bscams?\b|phishing|\bfraud|\bspam\b|beware|never (?:click|share)|do not (?:click|share|respond)"
)


@dataclass(frozen=True)
class Rule:
    """`name` is the reason's code and `why` its sentence; `pattern` is looked for in a folded text."""

    name: str
    why: Words
    pattern: re.Pattern[str]


def _rule(name: str, en: str, zh: str, *patterns: str) -> Rule:
    return Rule(name, Words(en, zh), re.compile("|".join(patterns)))


RULES: tuple[Rule, ...] = (
    _rule(
        "ad_unsubscribe",
        "An advertisement with a code to unsubscribe",
        "带退订方式的营销短信",
        r"(?:退订请?(?:回复?|发)|(?:回复?|发送?)(?:td|tt?|n|r|qx|0+)退订|"
        r"拒收请?回复?|退订(?=td|tt?\b|n\b|r\b))[:: ]?[a-z0]{0,4}[。.!)】 ]*$",
        r"(?:text|reply|send) stop to (?:opt|end|0|unsub|cancel)[^\n]{0,20}$|\bstop\?? ?(?:txt|text|send) stop\b",
    ),
    _rule(
        "ad_follow",
        "Asks to follow or add somebody for a gift",
        "引导关注、加好友或扫码领取",
        r"(?:加|添加|关注|扫码|扫描|长按|搜索|私信)[^。\n]{0,16}(?:微信|公众号|qq|二维码|客服|老师)[^。\n]{0,24}"
        r"(?:免费领|领取|领红包|福利|返现|赠送|回复[^。\n]{0,8}(?:领|获取|资料)|即送|免费送)",
        r"(?:回复|发送)[^。\n]{0,8}(?:免费领|领取(?:资料|红包|福利|课程))[^。\n]{0,30}(?:微信|公众号|qq)",
        r"(?:免费领取?|领取[^。\n]{0,8}(?:资料|红包|课程))[^。\n]{0,12}(?:加|添加|扫)[^。\n]{0,6}(?:微信|qq|码)",
        rf"(?:use|with) (?:code|coupon) [a-z]+0*[^\n]{{0,20}} 0+% off[^\n]{{0,60}}{URL}",
    ),
    _rule(
        "ad_gambling",
        "Gambling that wants players",
        "博彩推广",
        r"(?:百家乐|老虎机|时时彩|六合彩|真人荷官|博彩|赌场|娱乐城|棋牌|捕鱼|彩票|赛车|投注)[^\n]{0,50}"
        r"(?:首存|首充|开户|注册[^\n]{0,6}送|彩金|提款|提现秒|秒到账|返水|带单|跟计划)",
        r"(?:首存|首充|注册|开户)[^。\n]{0,6}送[^。\n]{0,6}彩金|一肖(?:一码|中特)|(?:特码|生肖|平码)[^\n]{0,20}(?:公开|必中|已出|内部)",
        rf"casino[^\n]{{0,60}}(?:bonus|free spins)[^\n]{{0,60}}{URL}",
    ),
    _rule(
        "ad_papers",
        "Invoices or papers for sale",
        "代开发票、办证刻章",
        rf"(?:代开|对外开|可开|代办)[^。\n]{{0,10}}(?:发票|增值税票|普票|餐饮票|建筑票|运输票)[^\n]{{0,50}}(?:{_REACH}|税点|点位|点数|点低|验证后付)",
        rf"(?:办证|刻章|代办各?种?证件?)[^\n]{{0,60}}{_REACH}",
    ),
    _rule(
        "ad_loan",
        "A loan offered to everybody",
        "贷款推销",
        rf"(?:无抵押|无担保|黑户|不看征信|当天(?:放款|下款)|秒(?:下款|放款)|凭身份证)[^\n]{{0,60}}{_REACH}",
        rf"(?:额度|贷款)[^。\n]{{0,14}}(?:待提取|已激活|已下发|可提现|即将失效)[^\n]{{0,30}}(?:{URL}|点击|领取)",
        rf"(?:no credit check|bad credit ok)[^\n]{{0,60}}(?:{URL}|call|text|apply now)",
    ),
    _rule(
        "ad_brushing",
        "Part-time work that is a trap",
        "刷单兼职",
        rf"(?:刷单|刷信誉|点赞员|打字员|试玩员|兼职|在家)[^\n]{{0,40}}(?:日结|日赚|日入|一单一结|佣金秒结|月入过万)[^\n]{{0,50}}{_REACH}",
    ),
    _rule(
        "ad_phishing",
        "Wants a login, a transfer or a call under a pretext",
        "以中奖、冻结、积分等为由的钓鱼信息",
        rf"恭喜[^\n]{{0,30}}(?:抽中|中奖|幸运|获得|被选)[^\n]{{0,70}}"
        rf"(?:{URL}|登[录陆][^\n]{{0,6}}(?:网站|领)|验证码[:: ]?0)",
        rf"(?:失效|过期|冻结|停用|禁用|异常|积分)[^\n]{{0,40}}(?:登[录陆]|点击|速登)[^\n]{{0,8}}{URL}",
        r"(?:快递|包裹|快件)[^\n]{0,20}(?:丢失|破损)[^\n]{0,40}(?:赔|理赔)[^\n]{0,30}(?:加|添加)[^\n]{0,6}(?:微信|支付宝|qq)",
        rf"(?:you have|you've|your number has|u have)[^\n]{{0,20}} (?:won|been (?:selected|drawn|awarded))"
        rf"[^\n]{{0,90}}(?:claim|call 0|text |{URL})",
        rf"(?:suspended|locked|on hold)[^\n]{{0,40}}(?:verify|confirm|update|pay)[^\n]{{0,40}}{URL}",
    ),
    _rule(
        "ad_adult",
        "Sexual services",
        "色情服务",
        rf"(?:陪聊|裸聊|全套服务|包夜|约炮|外围|嫩模|上门(?:服务|按摩)[^\n]{{0,10}}(?:妹|佳丽)|学生妹|成人直播)[^\n]{{0,50}}{_REACH}",
        rf"hot (?:singles|girls|ladies)[^\n]{{0,60}}(?:click|text|{URL})",
    ),
    _rule(
        "ad_stocks",
        "Stock tips and sure gains",
        "荐股、带单",
        rf"(?:涨停|牛股|黑马|内幕消息|内参|带单|跟单|稳赚)[^\n]{{0,50}}(?:进群|加群|加微信|微信|qq|扫码|免费领|{URL})",
        rf"(?:guaranteed|double your)[^\n]{{0,40}}(?:returns|money|profit)[^\n]{{0,60}}(?:{URL}|telegram|whatsapp)",
    ),
)


def warns(text: str) -> bool:
    """Does a text warn of spam or fraud, or speak about it?"""
    return _WARNING.search(folded(text)) is not None


def broken(text: str) -> Rule | None:
    """The first rule that a text breaks."""
    plain = folded(text)
    if _WARNING.search(plain):
        return None
    return next((rule for rule in RULES if rule.pattern.search(plain)), None)
