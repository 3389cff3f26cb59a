"""Whose a key or link is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tuneloop.access.people import Person
    from tuneloop.store import Workspace

OwnerOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Whose. Without it: the first admin's.", show_default=False)
]


def owner_of(ws: Workspace, person: str | None) -> Person:
    from tuneloop.access import people
    from tuneloop.errors import NotFoundError

    if person is not None:
        return people.find(ws, person)
    for one in people.people(ws):
        if one.role == "admin" and not one.disabled:
            return one
    raise NotFoundError("there is no admin yet", do="Make one with: tuneloop keys create")
