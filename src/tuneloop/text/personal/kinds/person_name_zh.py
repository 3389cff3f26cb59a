"""Chinese names of people, where words announce them (我叫, 姓名, 收件人) or a title follows (先生, 女士).

A name is a surname and one or two characters; where it ends is told by what follows it, or by characters that are
common in given names.  The name of a pet or a thing is none (小猫名叫, 公司名字叫).  Names that nothing announces are
`person_name_bare`.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.text.personal.names import DOUBLE_SURNAMES, GIVEN, NO_GIVEN, NOT_NAMES, SURNAMES, THINGS
from tuneloop.text.personal.places import CITIES, PROVINCES
from tuneloop.wording import Words

_SURNAME = f"(?:{'|'.join(DOUBLE_SURNAMES)}|[{''.join(sorted(SURNAMES))}])"
_OTHER = f"[^\\x00-\\u4dff\\ua000-\\uffff{''.join(sorted(NO_GIVEN))}]"
_KNOWN = f"[{''.join(sorted(GIVEN))}]"
MEN, ROLES = "先生|女士|小姐|太太", "老师|教授|医生|大夫|经理|主任|律师|同学|同志|师傅|博士|护士|警官"
_END = (
    "(?=$|[^\u4e00-\u9fff]|[的了是在吗吧呢呀啊和与及来去说想要也有给已没还今现住男女电手身号打]"
    f"|{MEN}|{ROLES}|您好|你好)"
)
_STRONG = (
    "我叫|名叫|叫做|姓名|名字叫|名字是|收件人|联系人|收货人|寄件人|发件人|持卡人|开户人|户名|申请人|被保险人|当事人"
)
_WEAK = "我是|这是|患者|客户|顾客|病人|用户|学生|员工|同事|朋友|他叫|她叫|叫"
_LINK = "(?:是|为|叫)?[: ]{0,2}"
NAME = f"{_SURNAME}(?:{_OTHER}{{1,2}}{_END}|{_KNOWN}{{1,2}})"
_AFTER_STRONG = re.compile(f"(?:{_STRONG}){_LINK}$")
_OF_THING = re.compile(f"(?:{'|'.join(THINGS)})(?:们|儿)?的?(?:大|小)?(?:名字?|昵称|也|就|都)*(?:叫做?|是){_LINK}$")
_AFTER_WEAK = re.compile(f"(?:{_WEAK})[: ]{{0,2}}$")
_MAN, _ROLE = re.compile(MEN), re.compile(ROLES)
_PLACES = frozenset(name[:2] for name in (*PROVINCES, *CITIES))
_BEFORE = "[向于和应时连关都全包给](?=[" + "".join(sorted(SURNAMES)) + "])"


def is_word(name: str) -> bool:
    """Is it a word or place that begins like a name: 高兴, 王者荣耀, 安徽?"""
    return name[:2] in NOT_NAMES or name[:2] in _PLACES


def is_common(name: str) -> bool:
    """Are all characters after the surname common in given names?"""
    return all(sign in GIVEN for sign in (name[2:] if name[:2] in DOUBLE_SURNAMES else name[1:]))


class PersonNameZh(PersonalKind):
    title = Words("Announced name of a person in Chinese", "有提示的中文姓名")
    help = Words(
        "A surname and one or two characters after words such as 我叫, 姓名, 收件人, 我是, or before 先生, 女士, 老师. "
        "A surname alone (王先生), nicknames and the names of pets and things (小猫名叫) are left.",
        "“我叫”“姓名”“收件人”“我是”等字样之后，或“先生”“女士”“老师”等称呼之前的姓名。"
        "单独的姓（如“王先生”）、昵称以及宠物和事物的名字（如“小猫名叫”）不算。",
    )
    label = Words("NAME", "姓名")
    recurs = True
    words = (*_STRONG.split("|"), *_WEAK.split("|"), *MEN.split("|"), *ROLES.split("|"))
    hint = re.compile("|".join((_STRONG, _WEAK, MEN, ROLES)))
    reach = 12
    digits = 0
    beyond_ascii = True
    pattern = re.compile(f"(?:(?:{_STRONG}){_LINK}|(?:{_WEAK})[: ]{{0,2}}|(?!{_BEFORE}))(?P<value>{NAME})")

    def judge(self, candidate: Candidate) -> float:
        name, text = candidate.value, candidate.text
        if is_word(name):
            return 0.0
        common = is_common(name)
        if candidate.follows(_OF_THING):
            return 0.4  # 小猫的名字叫毛毛
        if candidate.follows(_AFTER_STRONG, 10):
            return 0.9 if common else 0.7
        if title := _MAN.match(text, candidate.end):
            return 0.9 if common else 0.6 * (title.group() != "太太")  # 全职太太
        if common and _ROLE.match(text, candidate.end):
            return 0.7
        return 0.7 if common and len(name) > 2 and candidate.follows(_AFTER_WEAK, 8) else 0.0
