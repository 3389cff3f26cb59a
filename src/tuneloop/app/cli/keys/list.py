"""`tuneloop keys list`: the keys, without their secrets."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, moment
from tuneloop.wording import Words

NONE = Words("No key yet. Make one with: tuneloop keys create", "还没有密钥。创建：tuneloop keys create")
HEAD = [
    Words("key", "密钥"), Words("begins", "开头"), Words("name", "名称"), Words("person", "用户"),
    Words("scopes", "权限"), Words("expires", "到期"), Words("last used", "最近使用"), Words("revoked", "吊销"),
]  # fmt: skip
ALL = Words("all of the role", "角色的全部权限")
NEVER = Words("never", "永不")


def command(
    person: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only keys of this person.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the keys: what they may do, when they expire.

    \b
    Examples:
      tuneloop keys
      tuneloop keys list --person ada
    """
    from tuneloop.access import keys, people

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        names = {one.id: one.name for one in people.people(ws)}
        found = keys.keys(ws, person=None if person is None else people.find(ws, person).id)
    rows: list[list[object]] = [
        [
            one.id,
            one.prefix,
            one.name,
            names.get(one.person, one.person),
            ALL if one.scopes is None else ", ".join(one.scopes),
            moment(one.expires) or NEVER,
            moment(one.seen),
            moment(one.revoked),
        ]
        for one in found
    ]
    if rows:
        screen.table(rows, list(HEAD))
    else:
        screen.say(NONE)
    screen.result(found)
