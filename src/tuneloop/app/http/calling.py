"""Routes called directly: those whose function takes the request, its caller, and parameters of path and query.

The framework solves every request as the general case (dependencies of dependencies, exit stacks, a second turn in the
thread pool to check the answer), 0.6 ms of processor.  Here the parts that a route uses are known when it is made; its
fields, their checks and their errors are the framework's own.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from pydantic_core import to_jsonable_python
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tuneloop.app.http.security import OPEN, check
from tuneloop.app.http.service import service

if TYPE_CHECKING:
    from fastapi._compat import ModelField

USED = {"path_params", "query_params", "dependencies", "request_param_name"}
"""What of a `Dependant` is answered here."""
ABOUT_ITSELF = {"name", "call", "use_cache", "path", "scope"}

LONG = 0.02
"""Seconds for which the event loop, and with it every stream, may stand still."""

F = TypeVar("F", bound=Callable[..., Any])

_encode = msgspec.json.Encoder(enc_hook=to_jsonable_python).encode


def quick(function: F) -> F:
    """Marks the function of a route that only reads a few rows.

    SQLite readers wait for nobody, so on such a workspace it runs on the event loop itself: a turn in the thread pool
    takes 0.1 ms of processor, and up to 10 ms until the interpreter's lock comes back where another process computes.
    Rows of a database server may be long in coming; there it has its turn in a thread like all others, and anywhere
    after a call that took longer than `LONG` (many rows, a slow disk), until one is short again.
    """
    function.quick = True  # type: ignore[attr-defined]
    return function


class Plain:
    """One such route, as an ASGI application for requests that it matches."""

    def __init__(self, route: APIRoute, permission: str) -> None:
        self._route, self._permission = route, permission
        self._path, self._query = route.dependant.path_params, route.dependant.query_params
        self._request = route.dependant.request_param_name
        self._callers = [one.name for one in route.dependant.dependencies if one.name]
        self._call: Any = route.endpoint
        self._waits = inspect.iscoroutinefunction(route.endpoint)
        self._quick = getattr(route.endpoint, "quick", False)
        self._took = 0.0

    @classmethod
    def of(cls, route: APIRoute, permission: str) -> Plain | None:
        """None for a route that uses more of the framework."""
        guards = route.dependant.dependencies
        general = (
            _more_than(route.dependant, USED)
            or any(_more_than(one, {"request_param_name"}) for one in guards)
            or any(getattr(one.call, "permission", None) != permission for one in guards)
            or inspect.isgeneratorfunction(route.endpoint)
            or inspect.isasyncgenfunction(route.endpoint)
        )
        return None if general else cls(route, permission)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        arguments = self._arguments(request)
        if self._waits:
            answer = self._answer(await self._call(**arguments))
        elif self._quick and self._took < LONG and service(request).ws.db.local:
            answer = self._run(arguments)
        else:
            answer = await run_in_threadpool(self._run, arguments)
        await answer(scope, receive, send)

    def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        caller = request.scope["state"].get("caller")
        if self._permission != OPEN:
            check(caller, self._permission)
        for name in self._callers:
            arguments[name] = caller
        if self._request:
            arguments[self._request] = request
        wrong: list[Any] = []
        for known, given in ((self._path, request.path_params), (self._query, request.query_params)):
            if known:
                values, errors = request_params_to_args(known, given)
                arguments |= values
                wrong += errors
        if wrong:
            raise RequestValidationError(wrong)
        return arguments

    def _run(self, arguments: dict[str, Any]) -> Response:
        began = time.perf_counter()
        answer = self._answer(self._call(**arguments))
        self._took = time.perf_counter() - began
        return answer

    def _answer(self, result: Any) -> Response:
        if isinstance(result, Response):
            return result
        status, field = self._route.status_code or 200, self._route.response_field
        if status == 204:
            return Response(status_code=204)
        if field is None or field.field_info.annotation == dict[str, Any]:  # nothing to check, nothing to leave out
            body = _encode(result)
        else:
            body = self._checked(field, result)
        return Response(body, status, media_type="application/json")

    def _checked(self, field: ModelField, result: Any) -> bytes:
        """What the route said that it gives, as its description promises it."""
        value, errors = field.validate(result, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors=errors, body=result)
        route = self._route
        return field.serialize_json(
            value,
            include=route.response_model_include,
            exclude=route.response_model_exclude,
            by_alias=route.response_model_by_alias,
            exclude_unset=route.response_model_exclude_unset,
            exclude_defaults=route.response_model_exclude_defaults,
            exclude_none=route.response_model_exclude_none,
        )


def _more_than(dependant: Dependant, used: set[str]) -> bool:
    """Whether a function asks the framework for something beside these."""
    return any(getattr(dependant, one.name) for one in fields(dependant) if one.name not in used | ABOUT_ITSELF)
