"""A record on one line."""

from __future__ import annotations

from typing import Any


def said(payload: dict[str, Any]) -> str:
    """Its whole text, cut at 200 characters."""
    from tuneloop.records import Record

    text = " ⏎ ".join(Record.from_payload(payload).full_text.split("\n"))
    return text[:200] + ("…" if len(text) > 200 else "")
