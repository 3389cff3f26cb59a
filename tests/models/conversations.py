"""Conversations of many kinds, for the tests of templates and masks."""

from __future__ import annotations

import json

from tuneloop.records import Turn

TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city 天气",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    },
)
CALL = {
    "id": "call_00001",
    "type": "function",
    "function": {"name": "weather", "arguments": json.dumps({"city": "上海"}, ensure_ascii=False)},
}

PLAIN = {
    "one turn": (Turn("user", "小猫叫什么名字？"), Turn("assistant", "它叫豆豆。")),
    "system": (Turn("system", "You are kind."), Turn("user", "Hello"), Turn("assistant", "Hi, there!")),
    "three turns": (
        Turn("user", "一"),
        Turn("assistant", "二"),
        Turn("user", "三"),
        Turn("assistant", "四"),
        Turn("user", "五"),
        Turn("assistant", "六"),
    ),
    "spaces": (
        Turn("user", "  padded \n"),
        Turn("assistant", "\n\n answer with edges  \n"),
        Turn("user", "next"),
        Turn("assistant", "end "),
    ),
    "repeats": (
        Turn("user", "say ok"),
        Turn("assistant", "ok"),
        Turn("user", "ok"),
        Turn("assistant", "ok"),
    ),
    "weights": (
        Turn("user", "first"),
        Turn("assistant", "not this", weight=0),
        Turn("user", "second"),
        Turn("assistant", "this", weight=1),
    ),
}
REASONING = {
    "reasoning": (
        Turn("user", "1+1?"),
        Turn("assistant", "2", reasoning="One and one.\n想一想"),
        Turn("user", "2+2?"),
        Turn("assistant", "4", reasoning="Two and two."),
    ),
    "inline reasoning": (
        Turn("user", "1+1?"),
        Turn("assistant", "<think>\nOne and one.\n</think>\n\n2"),
        Turn("user", "2+2?"),
        Turn("assistant", "<think>\nTwo and two.\n</think>\n\n4"),
    ),
}
WITH_TOOLS = {
    "tool call": (
        Turn("user", "上海天气？"),
        Turn("assistant", "", tool_calls=(CALL,)),
        Turn("tool", "云少风小", name="weather", tool_call_id="call_00001"),
        Turn("assistant", "上海今天晴，25 度。"),
    ),
    "tool call with words and reasoning": (
        Turn("user", "weather?"),
        Turn("assistant", "Let me look.", reasoning="I need the tool.", tool_calls=(CALL,)),
        Turn("tool", "rain-free", name="weather", tool_call_id="call_00001"),
        Turn("assistant", "Sunny.", reasoning="It says sunny."),
        Turn("user", "thanks"),
        Turn("assistant", "You are welcome."),
    ),
}
ALL = {**PLAIN, **REASONING, **WITH_TOOLS}
