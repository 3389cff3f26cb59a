"""One piece of personal data in a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is of this kind (its name); `normal` is the value however it is written."""

    start: int
    end: int
    kind: str
    confidence: float
    normal: str
