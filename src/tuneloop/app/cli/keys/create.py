"""`tuneloop keys create`: an API key, shown once."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.keys.owner import OwnerOption, owner_of
from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, plain
from tuneloop.wording import Words

MADE = Words("{id} of {person}, shown only once:", "{id}（属于 {person}），只显示一次：")


def command(
    name: Annotated[str, typer.Option(metavar="NAME", help="What the key is for.")] = "command line",
    person: OwnerOption = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="SCOPE", help="One thing it may do, as jobs:write. May be repeated.", show_default=False
        ),
    ] = None,
    days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="When it expires. Without it: never.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key; it is shown once.

    On a workspace without people the first admin is made.

    \b
    Examples:
      tuneloop keys create
      tuneloop keys create --name nightly --scope jobs:write --scope files:write --days 90
    """
    from tuneloop.access import keys, people
    from tuneloop.access.audit import at_the_machine
    from tuneloop.access.sign_in import FIRST

    screen = Screen(as_json)
    with workspace_at(workspace) as ws:
        if person is None and not people.people(ws, limit=1):
            people.create(ws, at_the_machine(), FIRST, "admin")
        owner = owner_of(ws, person)
        made, secret = keys.create(ws, at_the_machine(), owner.id, name, scopes=scopes, days=days)
    if not screen.as_json:
        screen.say(MADE.format(id=made.id, person=owner.name))
    screen.result(plain(made) | {"secret": secret}, secret)
