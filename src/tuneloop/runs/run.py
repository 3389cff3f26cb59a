"""A run and its states.

    queued → running → succeeded | failed
                     → pausing → paused → queued (resume)
                     → cancelling → cancelled
    failed → queued (resume)

They map one to one to the job statuses of the OpenAI protocol (`pausing` and `cancelling` are `running` there).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuneloop.runs.how_far import HowFar, how_far
from tuneloop.store.tables import created_text

State = Literal["queued", "running", "pausing", "paused", "cancelling", "cancelled", "succeeded", "failed"]
Slot = Literal["heavy", "light"]

ACTIVE: tuple[State, ...] = ("running", "pausing", "cancelling")
"""A process is at work, or was until its lease ran out."""

FINISHED: tuple[State, ...] = ("succeeded", "failed", "cancelled")
RESUMABLE: tuple[State, ...] = ("paused", "failed")

INTERRUPTED: Mapping[str, Any] = {
    "code": "interrupted",
    "message": "The process of this run ended without a word (killed, crashed, or the machine went down).",
}


@dataclass(frozen=True)
class Run:
    """`attempt` counts the claims; `interrupted`: its process is gone and the next claim may go on from the checkpoint.

    `here`: started inside somebody's own process (a notebook), so no other process takes it over by itself.  Times are
    ISO texts; `owner` names host and process of the newest claim; `progress` is what that last told.
    """

    id: str
    kind: str
    scenario: str
    state: State
    slot: Slot
    here: bool
    interrupted: bool
    attempt: int
    spec: Mapping[str, Any]
    needs: Mapping[str, Any]
    owner: Mapping[str, Any] | None
    created: str
    started: str | None
    finished: str | None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    progress: HowFar | None = None

    @property
    def active(self) -> bool:
        """Somebody is working on it now."""
        return self.state in ACTIVE and not self.interrupted


@dataclass(frozen=True)
class Event:
    """Something that happened in a run; numbers count from 1 without a gap."""

    number: int
    time: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """One point of a curve; unique on (run, step, name).  A value that isn't a number is NaN."""

    step: int
    name: str
    value: float


def run_of(row: Mapping[Any, Any], abandoned: bool) -> Run:
    """The run as it stands; one that its process abandoned shows as what the next claim will find."""
    state, error = row["state"], row["error"]
    abandoned = abandoned and state in ACTIVE
    if abandoned and state == "cancelling":
        state = "cancelled"
    elif abandoned and state == "pausing":
        state = "paused"
    elif abandoned and row["here"]:
        way = "Go on from the last checkpoint with: tuneloop train --resume"
        again = f"Start it again with: tuneloop {row['kind']}"
        state, error = "failed", {**INTERRUPTED, "do": way if row["kind"] == "train" else again}
    return Run(
        id=row["id"],
        kind=row["kind"],
        scenario=row["scenario"],
        state=state,
        slot=row["slot"],
        here=row["here"],
        interrupted=abandoned,
        attempt=row["attempt"],
        spec=row["spec"],
        needs=row["needs"],
        owner=row["owner"],
        created=created_text(row["created"]),
        started=_text(row["started"]),
        finished=_text(row["finished"]),
        result=row["result"],
        error=error,
        progress=how_far(row["progress"]),
    )


def _text(seconds: float | None) -> str | None:
    return None if seconds is None else created_text(seconds)
