"""The answer is JSON, with the keys that it must have."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, Literal

from tuneloop.config import setting
from tuneloop.scores.metric import Metric
from tuneloop.scores.reasoning import said
from tuneloop.wording import Words

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)
_TYPES: dict[str, type | tuple[type, ...]] = {"any": object, "object": dict, "array": list}


class JsonValid(Metric):
    """0 where the answer doesn't parse (RFC 8259: one value, no NaN, no comments); else the share of `keys` in it.

    One Markdown block around the value is allowed (`fenced`), words around it are not.  Reasoning before `</think>` is
    passed over.  A key may lead inwards: `user.name`.  Not covered: types and values behind the keys, keys that stand
    twice (the last one counts), keys with a dot in their name.
    """

    compares: ClassVar[bool] = False
    title: ClassVar[Words] = Words("Valid JSON", "JSON 有效")
    help: ClassVar[Words] = Words(
        "The answer parses as JSON; with required keys, the share of them that it has.",
        "答案能按 JSON 解析；指定必需的键时，得分为已有键的比例。",
    )
    keys: tuple[str, ...] = setting(
        (), en="keys that must be there, `a.b` for inner ones", zh="必需的键，内层的键写作 `a.b`"
    )
    kind: Literal["any", "object", "array"] = setting(
        "any", en="what the value must be; with keys only an object has them", zh="顶层值的类型；只有对象才有键"
    )
    fenced: bool = setting(
        True, en="a Markdown code block around the JSON is allowed", zh="允许外面包一层 Markdown 代码块"
    )

    def score(self, answer: str, reference: str) -> float:
        text = said(answer).strip()
        fence = _FENCE.fullmatch(text) if self.fenced else None
        try:
            # Numbers stay text: Python refuses to convert one of more than 4,300 digits, which is JSON all the same.
            value = json.loads(fence[1] if fence else text, parse_constant=_refused, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            return 0.0
        if not isinstance(value, _TYPES[self.kind]):
            return 0.0
        return sum(_has(value, key.split(".")) for key in self.keys) / len(self.keys) if self.keys else 1.0


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _has(value: Any, path: list[str]) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
