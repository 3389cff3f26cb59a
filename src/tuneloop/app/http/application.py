"""The routes put together: every file of `openai/` and `api/` that has a `router` is one resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from tuneloop import __version__
from tuneloop.app.http import errors
from tuneloop.app.http.guarding import guard
from tuneloop.app.http.measuring import CountedExchanges, Measuring, Meters
from tuneloop.app.http.routing import Dispatch, Table
from tuneloop.app.http.service import Service
from tuneloop.serve.exchanges import ExchangeLog

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

FOLDERS = {"tuneloop.app.http.openai": "/v1", "tuneloop.app.http.api": "/api", "tuneloop.app.http.operations": ""}

MEASURED_HERE: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework would look for three providers of telemetry with each request; our counts are in `measuring`."""


def make_app(service: Service) -> FastAPI:
    """One server's application over an open workspace."""
    app = FastAPI(
        title="tuneloop", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, telemetry=MEASURED_HERE
    )
    app.state.service = service
    errors.install(app)
    found = list(routers())
    guarded = []
    for path, route in routes(found):
        permission = permission_of(route)
        if permission is None:
            raise RuntimeError(f"the route {path} names no permission")
        guarded.append((path, route, permission))
    for prefix, router in found:
        app.include_router(router, prefix=prefix)
    table = Table(guarded)
    app.router.middleware_stack = Dispatch(app.router.middleware_stack, table)  # inside the turning of errors
    guard(app, service, table)
    meters: Meters = service.parts.setdefault("meters", Meters())
    app.add_middleware(Measuring, meters=meters)
    service.parts.setdefault("exchanges", CountedExchanges(meters, ExchangeLog(service.ws)))
    return app


def routers() -> Iterator[tuple[str, APIRouter]]:
    """Every resource's router with the prefix of its folder, in the order of the files' names."""
    for folder, prefix in FOLDERS.items():
        package = import_module(folder)
        for found in sorted(iter_modules(package.__path__), key=lambda one: one.name):
            router = getattr(import_module(f"{folder}.{found.name}"), "router", None)
            if router is not None:
                yield prefix, router


def routes(found: Iterable[tuple[str, APIRouter]]) -> Iterator[tuple[str, APIRoute]]:
    """Every route with its whole path."""
    for prefix, router in found:
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield prefix + route.path, route


def permission_of(route: APIRoute) -> str | None:
    """What a caller must hold to use a route, `open` for everybody's, None where it names nothing."""
    names: list[Any] = [getattr(one.call, "permission", None) for one in route.dependant.dependencies]
    return next((str(name) for name in names if name is not None), None)
