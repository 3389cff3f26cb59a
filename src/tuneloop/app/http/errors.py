"""One error shape: `{"error": {"message", "type", "param", "code"}}` for everything that is not an answer.

A TuneloopError brings its sentence; `tuneloop` beside the four keys holds its parts (found, expected, where, do).  What
the framework refuses becomes a 400 that names the parameter; a bug is a 500 with the request's id and no details.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from tuneloop import errors
from tuneloop.errors import TuneloopError

log = logging.getLogger(__name__)

STATUS: dict[type[TuneloopError], int] = {
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.StorageError: 507,
    errors.MissingPackageError: 501,
    errors.StoppedError: 503,
    TuneloopError: 400,
}


NO_OBJECT = frozenset({"missing", "model_type", "model_attributes_type", "dict_type"})
"""Pydantic's words for a body as a whole that is no object."""


class HttpError(Exception):
    """An error with the words of the protocol.  `code` and `param` may be None; `headers` go out with it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.kind = kind or _kind(status)
        self.headers = dict(headers or {})
        if status == 409:
            self.headers.setdefault("x-should-retry", "false")  # the client would send a lasting conflict twice more
        self.more = more

    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": told | ({"tuneloop": dict(self.more)} if self.more else {})}

    def answer(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, headers=self.headers)


def unsupported(param: str, do: str) -> HttpError:
    """A parameter that would change the output and is not implemented."""
    return HttpError(400, f"`{param}` is not supported here. {do}", code="unsupported_parameter", param=param)


def http_error(error: TuneloopError, param: str | None = None) -> HttpError:
    """The answer to a mistake that the library found."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    told = error.as_dict()
    field = param or told.pop("field", None)
    return HttpError(status, told.pop("message"), code=told.pop("code"), param=field, more=told)


def database_error(error: SQLAlchemyError) -> HttpError:
    """The answer where the database refused: what cannot be stored, a database that is away, or a bug."""
    if isinstance(error, DataError):
        return HttpError(
            400, "A value is too long, too large or holds characters that cannot be stored.", code="invalid_value"
        )
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        away = "The database does not answer. Try again in a second."
        return HttpError(503, away, code="database_unavailable", headers={"retry-after": "1"})
    return HttpError(500, "The server had an error.", code="internal_error")


def install(app: FastAPI) -> None:
    """Turn everything that can be raised under a route into the one shape."""

    @app.exception_handler(HttpError)
    async def told(_: Request, error: HttpError) -> JSONResponse:
        return error.answer()

    @app.exception_handler(TuneloopError)
    async def mistake(_: Request, error: TuneloopError) -> JSONResponse:
        return http_error(error).answer()

    @app.exception_handler(RequestValidationError)
    async def refused(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place, *parts = first["loc"]
        if first["type"] == "json_invalid":
            return not_json(json.JSONDecodeError(first["ctx"]["error"], str(error.body), int(parts[0]))).answer()
        if place == "body":
            return _of_body(request, error).answer()
        path = ".".join(str(part) for part in parts)
        return HttpError(400, f"{path}: {first['msg']}", code="invalid_value", param=path).answer()

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        message = f"Unknown request URL: {request.method} {request.url.path}" if error.status_code == 404 else None
        message = message or str(error.detail)
        code = {404: "unknown_url", 405: "method_not_allowed", 413: "file_too_large"}.get(error.status_code)
        return HttpError(error.status_code, message, code=code, headers=error.headers).answer()

    @app.exception_handler(SQLAlchemyError)
    async def database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
        return database_error(error).answer()

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
        name = getattr(request.state, "id", "")
        close = {"connection": "close"}  # uvicorn closes it: a client must not send its next request there
        told = f"The server had an error. Request: {name}"
        answer = HttpError(500, told, code="internal_error", headers=close).answer()
        answer.raw_headers += getattr(request.state, "headers", [])  # this answer goes out around all guards
        return answer


def _of_body(request: Request, error: RequestValidationError) -> HttpError:
    """What is wrong in a body that is JSON, by the dotted path of its parameter."""
    from tuneloop.app.http import mistakes
    from tuneloop.app.http.parameters import known_at, unknown

    found = [{**one, "loc": one["loc"][1:]} for one in error.errors() if one["loc"][0] == "body"]
    first, body = found[0], request.scope["route"].body_field.field_info.annotation
    if not first["loc"] and first["type"] in NO_OBJECT:
        return not_an_object(first["input"])
    path, sentence, mistake = mistakes.told(found, body)
    if mistake["type"] == "extra_forbidden":
        return unknown(path, known_at(body, mistake["loc"][:-1]))
    return HttpError(400, f"{path or 'body'}: {sentence}", code="invalid_value", param=path or None)


def not_json(error: Exception) -> HttpError:
    return HttpError(400, f"The body is not JSON ({error}).", code="invalid_json")


def not_an_object(body: Any) -> HttpError:
    """`body` is None where there is none, and bytes where it was sent as something else than JSON."""
    more = "; send it with the header content-type: application/json" if isinstance(body, bytes) else ""
    found = "is empty; expected" if body is None else "is not"
    return HttpError(400, f"The body {found} a JSON object{more}.", code="invalid_json")


def _kind(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
