"""Where records come from, and what became of each source item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceKind = Literal["own", "client", "public", "user", "expert", "synthetic", "crowd", "production"]


@dataclass(frozen=True)
class Origin:
    """One place that a record came from; a record may have many.

    `item` numbers the source item within its source from 0; `locator` is what a person needs to find it again
    ("line 12", "row 3", "page 2"); `subject` names the person it is about and `group` the conversation, customer or
    document it belongs to: records of one group stay on one side of a split; `tags` say what it is about;
    `time` is when it was fetched (ISO 8601, UTC), where it was not a file of this machine.
    """

    source: str
    file: str
    item: int
    locator: str
    subject: str | None = None
    group: str | None = None
    licence: str | None = None
    tags: tuple[str, ...] = ()
    time: str | None = None


Outcome = Literal["kept", "merged", "dropped", "rejected"]
"""kept: became records; merged: says the same as a kept item; dropped: a step left it out; rejected: unreadable."""


@dataclass(frozen=True)
class Fate:
    """What became of one source item: the row of the conservation law.

    `reason` and `step` name who decided and why (empty for kept); `record` is the id of the record it became or merged
    into, `imported` the id that it had when it was read; `message` is the sentence for a rejected item, with file, line
    and field; `excerpt` shows what was found.
    """

    source: str
    item: int
    locator: str
    outcome: Outcome
    reason: str = ""
    step: str = ""
    record: str | None = None
    message: str = ""
    excerpt: str = ""
    imported: str | None = None
