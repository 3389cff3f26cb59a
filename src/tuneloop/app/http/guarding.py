"""What every request passes before it reaches its route, from the outside in.

    guarding_answers   a number for the request; headers that make browsers careful
    guarding_hosts     only names that are ours (against DNS rebinding)
    guarding_callers   key or session → `request.state.caller`; origin and CSRF token where a browser sends the secret
    guarding_rates     so many requests a minute for each key
    guarding_bodies    may this caller, before a byte of the body is read; no more bytes than allowed

All are plain ASGI: Starlette's BaseHTTPMiddleware runs each request in a task of its own and copies each chunk through
a queue.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from tuneloop.access.callers import Callers
from tuneloop.app.http.guarding_answers import Answers
from tuneloop.app.http.guarding_bodies import Bodies
from tuneloop.app.http.guarding_callers import Identify
from tuneloop.app.http.guarding_hosts import Hosts
from tuneloop.app.http.guarding_rates import Rates
from tuneloop.app.http.service import Service
from tuneloop.app.http.settings import Rules


class Permissions:
    """Which permission a request needs, known before its route runs."""

    def __init__(self, routes: Iterable[tuple[str, APIRoute, str]]) -> None:
        self._known = [
            (compile_path(path)[0], frozenset(route.methods or ()), permission) for path, route, permission in routes
        ]

    def __call__(self, method: str, path: str) -> str | None:
        """None where no route answers."""
        for pattern, methods, permission in self._known:
            if method in methods and pattern.match(path):
                return permission
        return None


def guard(app: FastAPI, service: Service, routes: Iterable[tuple[str, APIRoute, str]]) -> None:
    """Put the guards around an application; `routes` are path, route and permission."""
    rules = Rules.of(service)
    callers: Callers = service.parts.setdefault("callers", Callers(service.ws))
    app.add_middleware(Bodies, rules=rules, permission_of=Permissions(routes))  # the last one added is the outermost
    app.add_middleware(Rates, per_minute=rules.settings.requests_per_minute)
    app.add_middleware(Identify, callers=callers, workspace=service.ws.id)
    app.add_middleware(Hosts, rules=rules)
    app.add_middleware(Answers)
