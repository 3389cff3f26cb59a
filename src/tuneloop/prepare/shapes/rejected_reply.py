"""A conversation whose last answer is the better one, and the rejected answer beside it, as ms-swift writes pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.parting import answer_turns, is_whole, pair
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import optional_text
from tuneloop.records import Record
from tuneloop.wording import Words


class RejectedReply(Shape):
    """A rejected text stands for the last turn; rejected messages for all that follows the last question."""

    title = Words("Conversation with a rejected answer", "带拒绝回答的对话")
    help = Words(
        "messages that end with the better answer, beside them rejected_response (a text) or rejected_messages (a "
        "whole conversation that begins alike).",
        "messages 以较好的回答结尾，旁边的 rejected_response（文本）或 rejected_messages（开头相同的完整对话）"
        "是较差的。",
    )
    fields = (
        Field("messages", ("conversations", "conversation")),
        Field("rejected", ("rejected_response", "rejected_messages", "拒绝回答", "差回答")),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        return 0.985

    def record(self, values: Mapping[str, Any]) -> Record:
        turns, rejected = read_turns(values["messages"], "messages"), answer_turns(values["rejected"], "rejected")
        check_order(turns, "messages")
        if turns[-1].role != "assistant":
            raise InputError(
                f"the last turn is of the {turns[-1].role}",
                expected="the assistant's better answer",
                where=Where(field="messages"),
                do="Where the better answer stands in a column of its own, say prepare.mapping: {prompt: messages, "
                "chosen: COLUMN, rejected: COLUMN}",
            )
        system, tools = optional_text(values, "system"), read_tools(values)
        if is_whole(rejected):
            return pair((), turns, rejected, fields=("messages", "rejected"), system=system, tools=tools)
        last = len(turns) - 1
        if not isinstance(values["rejected"], str):
            last = max((number + 1 for number, turn in enumerate(turns) if turn.role == "user"), default=0)
        return pair(turns[:last], turns[last:], rejected, fields=("messages", "rejected"), system=system, tools=tools)
