"""What a step may decide about a record.

    Keep     it goes on unchanged (perhaps flagged for a person's eye)
    Drop     it is left out, for a reason that the step declares
    Merge    it says the same as the record `into`, which stays
    Replace  another record goes on in its place and keeps its origins

A decision never loses anything: what was dropped, merged or replaced stays readable under its id, and is restorable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuneloop.records import Record


@dataclass(frozen=True, slots=True)
class Keep:
    """`flags` name things worth a look that are no reason to drop; each is declared in the step's `reasons`."""

    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """`reason` is a short code declared in the step's `reasons`; `detail` what was measured, such as `3 characters`."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    """`into` is the id of the record that stays; `detail` how alike they are, such as `0.83`."""

    into: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Replace:
    """`detail` counts the edits by kind, such as `{"mobile": 2}`."""

    record: Record
    detail: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


Decision = Keep | Drop | Merge | Replace

KEEP = Keep()
"""The decision of most records, made once."""
