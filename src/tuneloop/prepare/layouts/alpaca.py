"""Alpaca's rows: instruction, input and output, with system and history."""

from __future__ import annotations

from typing import Any

from tuneloop.prepare.layout import Layout
from tuneloop.prepare.turn_pairs import pairs_of
from tuneloop.records import Record
from tuneloop.wording import Words


class Alpaca(Layout):
    """The whole question stands in `instruction`: where it was divided from `input` is not remembered."""

    title = Words("Alpaca", "Alpaca 格式")
    help = Words(
        "instruction, input (empty), output, system and history; chosen and rejected in place of output for pairs, "
        "label for rated answers.",
        "instruction、input（留空）、output、system 和 history；偏好对用 chosen 和 rejected 代替 output，"
        "带评价的回答加 label。",
    )

    def row(self, record: Record) -> dict[str, Any]:
        if record.kind not in ("chat", "preference", "rating"):
            raise self.refuse(record, f"the kind {record.kind}")
        pairs = pairs_of(record)
        if isinstance(pairs, str):
            raise self.refuse(record, pairs)
        *before, (question, answer) = pairs.turns
        row: dict[str, Any] = {"instruction": question, "input": ""}
        row |= {"output": answer} if record.kind != "preference" else {"chosen": answer, "rejected": pairs.rejected}
        if pairs.system is not None:
            row["system"] = pairs.system
        if before:
            row["history"] = [list(pair) for pair in before]
        return row | ({"label": record.label} if record.label is not None else {})
