"""Flat columns for tables: question and answer, text, text and label, or prompt, chosen and rejected."""

from __future__ import annotations

from typing import Any

from tuneloop.prepare.layout import Layout
from tuneloop.prepare.turn_pairs import pairs_of
from tuneloop.records import Record
from tuneloop.wording import Words


class Columns(Layout):
    """Dialogues of one question and one answer alone; a system text has a column of its own."""

    title = Words("Columns of a table", "表格列")
    help = Words(
        "One row of texts: question and answer; text; text and label; prompt, chosen and rejected; prompt, completion "
        "and label for rated answers. For CSV.",
        "每条记录一行文字：question、answer；text；text、label；prompt、chosen、rejected；带评价的回答为 prompt、"
        "completion、label。适合 CSV。",
    )

    def row(self, record: Record) -> dict[str, Any]:
        if record.text is not None:
            return {"text": record.text} | ({"label": record.label} if record.label is not None else {})
        if record.kind == "label":
            if [turn.role for turn in record.messages] != ["user"]:
                raise self.refuse(record, f"a class for {len(record.messages)} turns")
            return {"text": record.messages[0].text, "label": record.label}
        pairs = pairs_of(record)
        if isinstance(pairs, str):
            raise self.refuse(record, pairs)
        if len(pairs.turns) != 1:
            raise self.refuse(record, f"{len(pairs.turns)} questions")
        (question, answer) = pairs.turns[0]
        row: dict[str, Any] = {} if pairs.system is None else {"system": pairs.system}
        if record.kind == "preference":
            return row | {"prompt": question, "chosen": answer, "rejected": pairs.rejected}
        if record.kind == "rating":
            return row | {"prompt": question, "completion": answer, "label": record.label}
        return row | {"question": question, "answer": answer}
