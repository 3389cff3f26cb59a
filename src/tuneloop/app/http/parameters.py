"""Parameters that a request names and that its route does not know: said by their path, with the nearest known one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from pydantic import BaseModel

from tuneloop.app.http.errors import HttpError
from tuneloop.errors import nearest

LONGEST = 200
"""Characters of a name that are told back."""


def unknown(path: str, known: Iterable[str]) -> HttpError:
    """`path` is dotted, from the top of the body; `known` are the names at its last part's place."""
    names = list(known)
    hint = nearest(path.rpartition(".")[2], names) if names else "nothing can be named here"
    message = f"Unknown parameter `{path}`: {hint}"
    return HttpError(400, message if message.endswith("?") else f"{message}.", code="unknown_parameter", param=path)


@dataclass(frozen=True)
class Queried:
    """What a route takes in its query: `names`, and `families` whose members are named in brackets (`metadata[k]`)."""

    names: frozenset[str]
    families: frozenset[str]

    @classmethod
    def of(cls, route: APIRoute) -> Queried:
        """The parameters of its function, and those that it reads for itself and tells in `openapi_extra`."""
        found = get_flat_params(route.dependant)
        told = [one for one in (route.openapi_extra or {}).get("parameters", ()) if one["in"] == "query"]
        return cls(
            frozenset(one.alias for one in found if isinstance(one.field_info, params.Query))
            | {one["name"] for one in told},
            frozenset(one["name"] for one in told if one.get("style") == "deepObject"),
        )

    def check(self, query: bytes) -> None:
        """Refuses, with 400, a query that names anything else: a filter that is spelled wrong must not find all."""
        for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            family, bracket, _ = name.partition("[")
            if name not in self.names and not (bracket and name.endswith("]") and family in self.families):
                raise unknown(name[:LONGEST], self.names)


def known_at(body: Any, path: Sequence[int | str]) -> set[str]:
    """The names that the type of a body has at a path, as a validation error gives it (`messages`, 0): there the
    numbers of lists and the branches of unions stand as parts of their own."""
    models = list(_models(body))
    for part in path:
        if isinstance(part, int):
            continue
        inner = [one for model in models for one in _field(model, part)]
        models = inner or models  # a part that names no field is the branch of a union
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _field(model: type[BaseModel], name: str) -> Iterator[type[BaseModel]]:
    for key, field in model.model_fields.items():
        if name in (key, field.alias):
            yield from _models(field.annotation)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The models that a type may hold: itself, or those in its unions and lists."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    arguments = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    for argument in arguments:
        yield from _models(argument)
