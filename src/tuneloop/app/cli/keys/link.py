"""`tuneloop keys link`: a link that signs a person in, once."""

from __future__ import annotations

from tuneloop.app.cli.keys.owner import OwnerOption, owner_of
from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

LINK = Words(
    "Signs {person} in, once, within {hours:.0f} hours:", "{person} 的登录链接，限用一次，{hours:.0f} 小时内有效："
)


def command(person: OwnerOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Make a link that signs a person in, once.

    \b
    Examples:
      tuneloop keys link --person ada
    """
    from tuneloop.access import sign_in
    from tuneloop.access.audit import at_the_machine
    from tuneloop.app.http.server import ADDRESS, PORT, URL, url_of
    from tuneloop.store.settings import get_setting

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        owner = owner_of(ws, person)
        secret = sign_in.make_link(ws, at_the_machine(), owner.id)
        url = f"{get_setting(ws, URL, url_of(ADDRESS, PORT))}/sign-in#{secret}"
    if not screen.as_json:
        screen.say(LINK.format(person=owner.name, hours=sign_in.LINK_HOURS))
    screen.result({"person": owner.name, "url": url}, url)
