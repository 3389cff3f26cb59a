"""`tuneloop data new-key`: going on when the key to originals is lost."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

KEPT = Words(
    "Nothing was changed. With another key, values that are known get other pseudonyms from the next import on, and "
    "what the old key sealed can be shown by nobody. If the old key is lost for good, add --yes.",
    "尚未更改。换用其他密钥后，从下次导入起，同一个值会得到不同的化名；旧密钥加密的原文也无法再查看。"
    "确认旧密钥已彻底丢失，请加 --yes。",
)
RENEWED = Words(
    "The next import takes the key at {place}, and makes one where there is none.",
    "下次导入将使用 {place} 处的密钥；如不存在则新建。",
)


def command(
    yes: Annotated[bool, typer.Option("--yes", help="Do it, and not only say what would be.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with another key where the key to originals is lost.

    \b
    Examples:
      tuneloop data new-key
      tuneloop data new-key --yes
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.prepare.salt import renew
    from tuneloop.store.keys import key_file

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        if yes:
            renew(ws, by=at_the_machine())
    screen.say(RENEWED.format(place=key_file()) if yes else KEPT)
    screen.result({"renewed": yes})
