"""ShareGPT's rows: conversations of from/value pairs, as LLaMA-Factory and others read them."""

from __future__ import annotations

import json
from typing import Any

from tuneloop.prepare.layout import Layout
from tuneloop.records import Record, Turn
from tuneloop.wording import Words

_FROM = {"user": "human", "assistant": "gpt", "system": "system", "developer": "system", "tool": "observation"}


class Sharegpt(Layout):
    """Not said here: raw texts and classes, weights and names of turns, thoughts, several answers in one pair."""

    title = Words("ShareGPT conversations", "ShareGPT 对话格式")
    help = Words(
        "conversations of from and value with tools as text; chosen and rejected for pairs, label for rated answers.",
        "conversations（from、value），tools 写成文本；偏好对加 chosen 和 rejected，带评价的回答加 label。",
    )

    def row(self, record: Record) -> dict[str, Any]:
        if record.kind not in ("chat", "preference", "rating"):
            raise self.refuse(record, f"the kind {record.kind}")
        row: dict[str, Any] = {"conversations": [self._said(record, turn) for turn in record.messages]}
        if record.kind == "preference":
            for field, side in (("chosen", record.chosen), ("rejected", record.rejected)):
                if len(side) != 1:
                    raise self.refuse(record, f"{len(side)} {field} turns")
                row[field] = self._said(record, side[0])
        if record.label is not None:
            row["label"] = record.label
        return row | ({"tools": json.dumps(list(record.tools), ensure_ascii=False)} if record.tools else {})

    def _said(self, record: Record, turn: Turn) -> dict[str, str]:
        for what in ("weight", "name", "reasoning"):
            if getattr(turn, what) is not None:
                raise self.refuse(record, f"a turn with a {what}")
        if turn.tool_calls:
            if turn.text:
                raise self.refuse(record, "a turn with both words and calls of tools")
            calls = [call["function"] for call in turn.tool_calls]
            said = [{"name": one["name"], "arguments": _read(one["arguments"])} for one in calls]
            text = json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False)
            return {"from": "function_call", "value": text}
        return {"from": _FROM[turn.role], "value": turn.text}


def _read(arguments: str) -> Any:
    """Arguments as data where they are JSON, as they should be."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
