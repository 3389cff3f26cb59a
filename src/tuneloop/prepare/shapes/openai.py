"""OpenAI's fine-tuning rows: messages with roles, tools, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.records import Record
from tuneloop.wording import Words


class Openai(Shape):
    """`messages` with roles; `tools` or the legacy `functions` beside them."""

    title = Words("OpenAI messages", "OpenAI 消息格式")
    help = Words(
        '{"messages": [{"role": "user", "content": …}, …]}, with tools, tool calls, names and weights.',
        '{"messages": [{"role": "user", "content": …}, …]}，支持 tools、tool_calls、name 和 weight。',
    )
    fields = (Field("messages"), Field("tools", required=False), Field("functions", required=False))

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        lists = [row.get(columns["messages"]) for row in sample]
        fitting = sum(isinstance(value, list) and all(isinstance(one, dict) for one in value) for value in lists)
        return 0.5 + 0.48 * fitting / len(lists)

    def record(self, values: Mapping[str, Any]) -> Record:
        turns = read_turns(values["messages"], "messages")
        check_order(turns, "messages")
        return Record("chat", messages=turns, tools=read_tools(values))
