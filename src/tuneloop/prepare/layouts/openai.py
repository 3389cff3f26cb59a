"""OpenAI's rows: messages, preference pairs with input and two outputs, and thumbs and classes beside messages."""

from __future__ import annotations

from typing import Any

from tuneloop.prepare.layout import Layout
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Openai(Layout):
    """Thoughts are written as `reasoning_content`; a thumb as `label` beside `messages`, as KTO trainers read it."""

    title = Words("OpenAI messages", "OpenAI 消息格式")
    help = Words(
        "messages with tools; for pairs input, preferred_output and non_preferred_output; for rated answers and "
        "classes a label beside messages or text; text for raw text.",
        "messages 与 tools；偏好对为 input、preferred_output 和 non_preferred_output；带评价的回答和分类为 messages "
        "或 text 加 label；纯文本为 text。",
    )

    def row(self, record: Record) -> dict[str, Any]:
        if record.kind == "preference":
            shared: dict[str, Any] = {"messages": _messages(record.messages)}
            return {
                "input": shared | ({"tools": list(record.tools)} if record.tools else {}),
                "preferred_output": _messages(record.chosen),
                "non_preferred_output": _messages(record.rejected),
            }
        row: dict[str, Any] = {"text": record.text} if record.text is not None else {}
        if record.messages:
            row["messages"] = _messages(record.messages)
        if record.label is not None:
            row["label"] = record.label
        return row | ({"tools": list(record.tools)} if record.tools else {})


def _messages(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    made = []
    for turn in turns:
        message = turn.payload()
        if (reasoning := message.pop("reasoning", None)) is not None:
            message["reasoning_content"] = reasoning
        made.append(message)
    return made
