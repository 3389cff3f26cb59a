"""ShareGPT rows: conversations of from/value pairs, with function calls and observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import optional_text
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Sharegpt(Shape):
    """`conversations` of from/value pairs; `system` and `tools` beside them."""

    title = Words("ShareGPT conversations", "ShareGPT 对话格式")
    help = Words(
        '{"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}, also with function_call, '
        "observation, system and tools.",
        '{"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}，'
        "支持 function_call、observation、system 和 tools。",
    )
    fields = (
        Field("conversations", ("conversation",)),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        lists = [row.get(columns["conversations"]) for row in sample]
        fitting = sum(isinstance(value, list) and all(isinstance(one, dict) for one in value) for value in lists)
        return 0.5 + 0.47 * fitting / len(lists)

    def record(self, values: Mapping[str, Any]) -> Record:
        turns = read_turns(values["conversations"], "conversations")
        system = optional_text(values, "system")
        if system and turns[0].role != "system":
            turns = (Turn("system", system), *turns)
        check_order(turns, "conversations")
        return Record("chat", messages=turns, tools=read_tools(values))
