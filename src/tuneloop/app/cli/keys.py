"""`tuneloop keys`: API keys and sign-in links, made on the machine itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.access.people import Person
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace

ACTIONS = ("list", "create", "revoke", "link")
NONE = Words("No key yet. Make one with: tuneloop keys create", "还没有密钥。创建：tuneloop keys create")
MADE = Words("{id} of {person}, shown only once:", "{id}（属于 {person}），只显示一次：")
REVOKED = Words("{id} is revoked.", "{id} 已吊销。")
LINK = Words(
    "Signs {person} in, once, within {hours:.0f} hours:", "{person} 的登录链接，限用一次，{hours:.0f} 小时内有效："
)
HEAD = [
    Words("key", "密钥"), Words("begins", "开头"), Words("name", "名称"), Words("person", "用户"),
    Words("scopes", "权限"), Words("expires", "到期"), Words("last used", "最近使用"), Words("revoked", "吊销"),
]  # fmt: skip
ALL = Words("all of the role", "角色的全部权限")
NEVER = Words("never", "永不")


def keys(
    action: Annotated[
        str, typer.Argument(metavar="[list|create|revoke|link]", help="What to do.", show_default=False)
    ] = "list",
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="The key to revoke, as key-3.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="What a new key is for.")] = "command line",
    person: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose key or link. Without it: the first admin's.", show_default=False),
    ] = None,
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
    """Make API keys and sign-in links; list or revoke keys.

    Whoever can write to the workspace can make keys. On a workspace without people the first admin is made.

    \b
    Examples:
      tuneloop keys create
      tuneloop keys create --name nightly --scope jobs:write --scope files:write --days 90
      tuneloop keys revoke key-3
      tuneloop keys link --person ada
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.errors import UsageError

    screen = Screen(as_json)
    if action not in ACTIONS:
        raise UsageError(f"found {action!r}", expected=f"one of {', '.join(ACTIONS)}")
    if (action == "revoke") != (key is not None):
        raise UsageError("revoke needs a key, and nothing else takes one", do="As in: tuneloop keys revoke key-3")
    with workspace_at(workspace, create=action == "create") as ws:
        if action == "create":
            _create(screen, ws, person, name, scopes, days)
        elif key is not None:
            _revoke(screen, ws, key)
        elif action == "link":
            _link(screen, ws, person)
        else:
            _list(screen, ws, person)


def _create(
    screen: Screen, ws: Workspace, person: str | None, name: str, scopes: list[str] | None, days: float | None
) -> None:
    from tuneloop.access import keys, people
    from tuneloop.access.audit import at_the_machine
    from tuneloop.access.sign_in import FIRST

    if person is None and not people.people(ws, limit=1):
        people.create(ws, at_the_machine(), FIRST, "admin")
    owner = _person(ws, person)
    made, secret = keys.create(ws, at_the_machine(), owner.id, name, scopes=scopes, days=days)
    if not screen.as_json:
        screen.say(MADE.format(id=made.id, person=owner.name))
    screen.result(_shown(made) | {"secret": secret}, secret)


def _revoke(screen: Screen, ws: Workspace, key: str) -> None:
    from tuneloop.access import keys
    from tuneloop.access.audit import at_the_machine

    screen.result(_shown(keys.revoke(ws, at_the_machine(), key)), REVOKED.format(id=key))


def _link(screen: Screen, ws: Workspace, person: str | None) -> None:
    from tuneloop.access import sign_in
    from tuneloop.access.audit import at_the_machine
    from tuneloop.app.http.server import ADDRESS, PORT, URL, url_of
    from tuneloop.store.settings import get_setting

    owner = _person(ws, person)
    secret = sign_in.make_link(ws, at_the_machine(), owner.id)
    url = f"{get_setting(ws, URL, url_of(ADDRESS, PORT))}/sign-in#{secret}"
    if not screen.as_json:
        screen.say(LINK.format(person=owner.name, hours=sign_in.LINK_HOURS))
    screen.result({"person": owner.name, "url": url}, url)


def _list(screen: Screen, ws: Workspace, person: str | None) -> None:
    from tuneloop.access import keys, people

    names = {one.id: one.name for one in people.people(ws)}
    found = keys.keys(ws, person=None if person is None else people.find(ws, person).id)
    rows: list[list[object]] = [
        [
            one.id,
            one.prefix,
            one.name,
            names.get(one.person, one.person),
            ALL if one.scopes is None else ", ".join(one.scopes),
            one.expires or NEVER,
            one.seen or "",
            one.revoked or "",
        ]
        for one in found
    ]
    if rows:
        screen.table(rows, list(HEAD))
    else:
        screen.say(NONE)
    screen.result([_shown(one) for one in found])


def _person(ws: Workspace, person: str | None) -> Person:
    from tuneloop.access import people
    from tuneloop.errors import NotFoundError

    if person is not None:
        return people.find(ws, person)
    for one in people.people(ws):
        if one.role == "admin" and not one.disabled:
            return one
    raise NotFoundError("there is no admin yet", do="Make one with: tuneloop keys create")


def _shown(key: object) -> dict[str, object]:
    from tuneloop.app.cli.screen import plain

    shown: dict[str, object] = plain(key)
    return shown
