"""Trials: what small training runs said of dataset versions.  They are begun as runs (`POST /api/runs`)."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tuneloop.app.http.paging import After, Limit, Page, behind, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError
from tuneloop.runs import Run, queue
from tuneloop.wording import Words

router = APIRouter(tags=["prepare"])


class Changed(BaseModel):
    """Bits per byte before and after, and the change with its interval; null ends are infinitely far."""

    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    records: int
    verdict: Literal["helps", "hurts", "unclear"]


class Trial(BaseModel):
    """What one trial found; `form`: only tone and form were shown to be learnt."""

    run: str
    data: str
    against: str
    without: str | None
    test: str
    base: str
    objective: str
    verdict: Literal["helps", "form", "hurts", "unclear"]
    sentence: Words
    change: Changed
    control: Changed | None
    groups: dict[str, dict[str, Changed]]
    advice: list[Words]
    steps: int
    seeds: int
    rows: dict[str, int]
    seconds: float
    settings: dict[str, Any]


@router.get("/trials")
def list_trials(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    data: str | None = None,
    caller: Caller = needs("runs:read"),
) -> Page[Trial]:
    """Those that have ended well, newest first."""
    ws = service(request).ws
    ended = queue.list(ws, "trial", ["succeeded"], below=behind(ws, after, "run"))
    found = (_trial(run) for run in ended if run.result)
    return page((one for one in found if data in (None, one.data)), limit, lambda one: one.run)


@router.get("/trials/{run}")
def show_trial(request: Request, run: str, caller: Caller = needs("runs:read")) -> Trial:
    found = queue.show(service(request).ws, run)
    if found.kind != "trial" or not found.result:
        raise NotFoundError(f"{run} is no trial that has ended", do=f"See what it is: GET /api/runs/{run}")
    return _trial(found)


def _trial(run: Run) -> Trial:
    return Trial.model_validate({"run": run.id, **_words(run.result or {})})


def _words(result: Any) -> dict[str, Any]:
    """The stored result with its sentences as `Words`."""
    advice = [Words(**one) for one in result["advice"]]
    return {**result, "sentence": Words(**result["sentence"]), "advice": advice}
