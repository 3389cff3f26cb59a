"""The table of routes and the direct calls, beside the framework's own matching and calling as the oracle."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.routing import compile_path

from tuneloop.access.callers import Caller
from tuneloop.access.permissions import permissions_of
from tuneloop.app.http import application, errors
from tuneloop.app.http.calling import Plain, quick
from tuneloop.app.http.routing import Dispatch, Table
from tuneloop.app.http.security import everybody, needs
from tuneloop.app.http.service import Service
from tuneloop.store import Workspace

router = APIRouter()


class Shown(BaseModel):
    name: str
    size: int = 3


@dataclass
class Row:
    number: int
    text: str | None


@router.get("/free")
def free(request: Request, caller: Caller = needs("jobs:read")) -> dict[str, Any]:
    return {"who": caller.name, "path": request.url.path, "numbers": [1, 2.5, None, float("nan")], "text": "é\n\"'"}


@quick
@router.get("/checked")
def checked(
    limit: Annotated[int, Query(ge=1, le=9)] = 5,
    flag: bool = False,
    order: Literal["asc", "desc"] = "desc",
    other: Annotated[str | None, Query(alias="as", max_length=4)] = None,
    caller: Caller = needs("jobs:read"),
) -> list[Shown]:
    return [Shown(name=f"{flag} {order} {other}", size=limit)]


@router.get("/thread")
@quick
def thread(wait: float = 0.0, caller: Caller = needs("jobs:read")) -> dict[str, Any]:
    time.sleep(wait)
    return {"thread": threading.get_ident()}


@router.get("/loop")
async def loop(caller: Caller = needs("jobs:read")) -> dict[str, Any]:
    return {"thread": threading.get_ident()}


@router.get("/rows/{number}/{rest:path}")
async def rows(number: int, rest: str, caller: Caller = needs("jobs:read")) -> list[Row]:
    return [Row(number, rest), Row(0, None)]


@router.get("/rows/{number}", dependencies=[everybody()])
def text(number: str) -> PlainTextResponse:
    return PlainTextResponse(number, 202, headers={"x-more": "1"})


@router.delete("/rows/{number}", status_code=204)
def gone(number: int, caller: Caller = needs("jobs:write")) -> None:
    return None


@router.post("/made", status_code=201)
async def made(request: Request, caller: Caller = needs("jobs:write")) -> Shown:
    return Shown(name=(await request.body()).decode())


@router.get("/wrong")
def wrong(kind: str = "", caller: Caller = needs("jobs:read")) -> Shown:
    if kind == "mistake":
        raise errors.unsupported("kind", "Leave it out.")
    if kind == "bug":
        raise ZeroDivisionError
    return {"size": "x"}  # type: ignore[return-value]


@router.get("/header")
def with_a_body(body: Shown, caller: Caller = needs("jobs:read")) -> Shown:
    return body


def known(found: list[tuple[str, APIRouter]]) -> list[tuple[str, APIRoute, str]]:
    return [(path, route, application.permission_of(route) or "") for path, route in application.routes(found)]


def client(ws: Workspace, table: bool, caller: Caller | None) -> TestClient:
    app = FastAPI(openapi_url=None)
    app.state.service = Service(ws)
    errors.install(app)
    app.include_router(router, prefix="/v1")
    if table:
        app.router.middleware_stack = Dispatch(app.router.middleware_stack, Table(known([("/v1", router)])))

    async def identified(scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})["caller"] = caller
        await app(scope, receive, send)

    return TestClient(identified, raise_server_exceptions=False)


ASKED = [
    ("GET", "/v1/free"), ("GET", "/v1/free/"), ("POST", "/v1/free"), ("GET", "/v1/unknown"), ("GET", "/"),
    ("GET", "/v1/checked"), ("GET", "/v1/checked?limit=7&flag=yes&order=asc&as=abcd"),
    ("GET", "/v1/checked?limit=0"), ("GET", "/v1/checked?limit=x&flag=maybe&order=up&as=abcde"),
    ("GET", "/v1/checked?limit=3&limit=4"), ("GET", "/v1/checked?limit="),
    ("GET", "/v1/rows/12/a/b%20c/d"), ("GET", "/v1/rows/x/y"), ("GET", "/v1/rows/12"), ("DELETE", "/v1/rows/12"),
    ("PUT", "/v1/rows/12"), ("GET", "/v1/rows/"), ("POST", "/v1/made"), ("GET", "/v1/wrong"),
    ("GET", "/v1/wrong?kind=mistake"), ("GET", "/v1/wrong?kind=bug"), ("GET", "/v1/header"), ("HEAD", "/v1/free"),
    ("OPTIONS", "/v1/free"),
]  # fmt: skip


@pytest.mark.parametrize("role", ["admin", "viewer", None])
def test_a_direct_call_answers_as_the_framework_does(tmp_path: Path, role: Any) -> None:
    caller = None if role is None else Caller("u", "Ada", role, permissions_of(role))
    with Workspace.find(tmp_path / "w") as ws:
        ours, theirs = client(ws, True, caller), client(ws, False, caller)
        for method, path in ASKED:
            told = [one.request(method, path, content=b"abc" if method == "POST" else None) for one in (ours, theirs)]
            kinds = [one.headers.get("content-type") if one.content else None for one in told]
            seen = [(one.status_code, kind, one.headers.get("x-more")) for one, kind in zip(told, kinds, strict=True)]
            assert seen[0] == seen[1], (method, path)
            assert told[0].content == told[1].content or told[0].json() == told[1].json(), (method, path)


def test_a_quick_function_runs_on_the_event_loop_while_it_is_quick(tmp_path: Path) -> None:
    caller = Caller("u", "Ada", "admin", permissions_of("admin"))
    with Workspace.find(tmp_path / "w") as ws, client(ws, True, caller) as asked:

        def where(path: str) -> int:
            return int(asked.get(f"/v1/{path}").json()["thread"])

        assert where("thread") == where("loop")
        assert where("thread?wait=0.05") == where("loop")  # nobody knew
        assert where("thread") != where("loop")
        assert where("thread") == where("loop")


def test_most_routes_are_called_directly_and_those_with_a_checked_body_are_not() -> None:
    found = dict(application.routes([("", router)]))
    assert Plain.of(found["/header"], "jobs:read") is None
    assert Plain.of(found["/free"], "jobs:write") is None  # the table must hold the permission that the route names
    assert Plain.of(found["/free"], "jobs:read")


def test_the_table_finds_what_looking_through_all_routes_in_order_finds() -> None:
    routes = known(list(application.routers()))
    table, patterns = Table(routes), [(compile_path(path)[0], route) for path, route, _ in routes]
    for path, _, _ in routes:
        for example in ("x", "7", "a/b", "permissions", "ft:starter:org:x:abc"):
            _, form, convertors = compile_path(path)
            asked = form.format(**dict.fromkeys(convertors, example))
            for method in ("GET", "POST", "DELETE", "PUT", "PATCH"):
                answering = [one for pattern, one in patterns if pattern.match(asked) and method in one.methods]
                found = table.find(method, asked)
                assert ([found[0].route] if found else []) == answering[:1], (method, asked)
