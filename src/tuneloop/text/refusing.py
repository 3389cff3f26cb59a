"""Answers in which a model speaks of itself or declines, as hosted assistants do.

    refusal   it says that it can't or won't: I'm sorry, but I can't …; 很抱歉，我无法 …
    as_model  it says what it is: As an AI language model …; 作为一个人工智能语言模型 …

Only the beginning of an answer (120 characters) is looked at for a refusal, as an honest "I can't tell" in the middle
of an answer is none; both languages are looked for in every text.

Not covered: refusals in other languages and those said in the model's own way. A person's refusal written like a
model's (抱歉，我不能参加) is taken for one, so these finds are flags unless a recipe says otherwise.
"""

from __future__ import annotations

import re
from typing import Literal

BEGINNING = 120

_MADE_BY = r"(?:由[^，,。]{1,20}(?:开发|训练|研发)的)?\s*"
_ONE = r"(?:一|1)?\s*(?:个|款|名|位|種|种)?\s*"
_MODEL_ZH = (
    r"(?:(?:人工智能|AI|ＡＩ|智能)\s*(?:语言|語言|对话|聊天)?\s*(?:大?模型|助手|助理|机器人|程序|系统)"
    r"|语言模型|大模型|聊天机器人)"
)
_MODEL_EN = r"(?:AI|artificial intelligence|(?:large\s+)?language model|chatbot|virtual assistant)\b"
_AS_MODEL = re.compile(
    rf"(?:作为|作為|身为|身為)\s*{_ONE}{_MADE_BY}(?:{_MODEL_ZH}|AI(?![A-Za-z]))"
    rf"|我(?:只|仅仅|仅)?是{_ONE}{_MADE_BY}{_MODEL_ZH}"
    rf"|\b(?:as|being)\s+(?:an?|your)\s+{_MODEL_EN}"
    rf"|\bI(?:['’]m| am)\s+(?:just\s+|only\s+)?an?\s+{_MODEL_EN}(?![\s-]*(?:engineer|researcher|student|developer))",
    re.IGNORECASE,
)

_OPENING = r"^[\s“\"'（(]*"
_SORRY_ZH = r"(?:非常|十分|很|真的)?(?:抱歉|对不起|對不起|遗憾|不好意思)"
_CANNOT_ZH = r"(?:无法|無法|不能|不可以|没有办法|没办法|没有能力|不便|不会)"
_SERVE_ZH = r"(?:为您|为你|给您|给你|帮您|帮你|帮助|协助|提供|回答|生成|参与|满足)"
_ACT_ZH = (
    r"(?:向您|向你|直接|就此|对此|回复|完成|执行|处理|继续|讨论|支持|访问|查看|查询|确定|理解|识别|预测|透露|评论|给出|浏览"
    r"|获取|播放|打开|创作|写|做|显示|进行)"
)
_SORRY_EN = (
    r"(?:(?:I['’]m|I am|we['’]re|we are)\s+(?:very\s+|so\s+|truly\s+|really\s+)?sorry|my apologies|I apologi[sz]e|sorry"
    r"|unfortunately|apologies)\b"
)
_CANNOT_EN = (
    r"(?:can(?:not|['’]t|\s+not)|could\s*n(?:o|['’])t|am\s+(?:not\s+able|unable)|['’]m\s+(?:not\s+able|unable)|are\s+unable"
    r"|do(?:n['’]t|\s+not)\s+have|won['’]t|would\s+not|will\s+not)"
)
_ACT_EN = (
    r"(?:assist|help|provide|comply|fulfill?|answer|create|generate|write|engage|do that|support|browse|discuss)\b"
)
_REFUSAL = re.compile(
    rf"{_OPENING}{_SORRY_ZH}[^。！？\n]{{0,52}}?{_CANNOT_ZH}(?:{_SERVE_ZH}|{_ACT_ZH})"
    rf"|{_OPENING}我(?:目前|暂时|现在|真的|还)?{_CANNOT_ZH}{_SERVE_ZH}"
    rf"|{_OPENING}{_SORRY_EN}[^.!?\n]{{0,60}}?\b(?:I|we)\s*{_CANNOT_EN}\b"
    rf"|{_OPENING}I\s*{_CANNOT_EN}\s+(?:to\s+)?{_ACT_EN}",
    re.IGNORECASE,
)

Manner = Literal["refusal", "as_model"]


def manner(answer: str) -> Manner | None:
    """How an answer declines or speaks of itself; None for one that simply answers."""
    if _REFUSAL.search(answer[:BEGINNING]):
        return "refusal"
    return "as_model" if _AS_MODEL.search(answer) else None
