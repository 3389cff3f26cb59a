"""`/metrics` in the words of Prometheus."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tuneloop.app.http.measuring import Meters
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.runs import queue
from tuneloop.runs.run import State

router = APIRouter(tags=["operations"])
SHOWN: tuple[State, ...] = ("queued", "running", "pausing", "cancelling", "paused")
"""States of runs that are not over."""


@router.get("/metrics", response_class=Response)
def metrics(request: Request, caller: Caller = needs("metrics:read")) -> Response:
    held = service(request)
    meters: Meters = held.parts["meters"]
    states = Counter(run.state for run in queue.list(held.ws, states=SHOWN))
    for state in SHOWN:
        meters.runs.labels(state).set(states[state])
    return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)
