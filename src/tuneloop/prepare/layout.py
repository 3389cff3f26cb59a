"""The contract of a layout: one record → a row as other programs read it.  The way back of a shape.

A record that a layout has no words for raises `InputError` with what it cannot say; nothing is left out of a row in
silence.  What a layout writes, its shape reads again as the same record (a test does it for all).
"""

from __future__ import annotations

from typing import Any

from tuneloop.errors import InputError
from tuneloop.records import Record
from tuneloop.registry import Member, Registry


class Layout(Member):
    def row(self, record: Record) -> dict[str, Any]:
        """Plain data: texts, numbers, lists and dicts with string keys."""
        raise NotImplementedError

    def refuse(self, record: Record, what: str) -> InputError:
        """The error for a record that this layout cannot say."""
        return InputError(
            f"{record.id[:15]}… has {what}",
            expected=f"what the layout {self.name!r} can say",
            do="Write it with the layout openai, which says everything",
        )


layouts = Registry("tuneloop.prepare.layouts", Layout)
