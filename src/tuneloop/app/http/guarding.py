"""What every request passes before it reaches its route, from the outside in.

    guarding_answers   a number for the request; headers that make browsers careful
    guarding_stop      while the server stops, nothing new
    guarding_hosts     only names that are ours (against DNS rebinding)
    guarding_callers   key or session → `request.state.caller`; origin and CSRF token where a browser sends the secret
    guarding_rates     so many requests a minute for each key
    guarding_bodies    may this caller, before a byte of the body is read; no more bytes than allowed

All are plain ASGI: Starlette's BaseHTTPMiddleware runs each request in a task of its own and copies each chunk through
a queue.
"""

from __future__ import annotations

import threading

from fastapi import FastAPI

from tuneloop.access.callers import Callers
from tuneloop.app.http.guarding_answers import Answers
from tuneloop.app.http.guarding_bodies import Bodies
from tuneloop.app.http.guarding_callers import Identify
from tuneloop.app.http.guarding_hosts import Hosts
from tuneloop.app.http.guarding_rates import Rates
from tuneloop.app.http.guarding_stop import Stops
from tuneloop.app.http.routing import Table
from tuneloop.app.http.service import Service
from tuneloop.app.http.settings import Rules


def guard(app: FastAPI, service: Service, table: Table) -> None:
    """Put the guards around an application that answers what stands in `table`."""
    rules = Rules.of(service)
    callers: Callers = service.parts.setdefault("callers", Callers(service.ws))
    app.add_middleware(Bodies, rules=rules, permission_of=table.permission)  # the last one added is the outermost
    app.add_middleware(Rates, per_minute=rules.settings.requests_per_minute)
    app.add_middleware(Identify, callers=callers, workspace=service.ws.id, permission_of=table.permission)
    app.add_middleware(Hosts, rules=rules)
    app.add_middleware(Stops, closing=service.parts.setdefault("closing", threading.Event()))
    app.add_middleware(Answers)
