"""`tuneloop data reveal`: from pseudonyms back to values."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

OUTCOMES = {
    "unknown": Words(
        "{name}: no version here holds this pseudonym; it is from another workspace, or its data was forgotten.",
        "{name}：本工作区的任何版本中都没有这个化名；它可能来自别的工作区，或相关数据已被删除。",
    ),
    "erased": Words(
        "{name}: the original was not kept, so nobody can tell the value.", "{name}：未保留原文，无法还原。"
    ),
}
NOTED = Words("This look was written to the audit log.", "本次查看已记入审计日志。")


def command(
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="A pseudonym, or a text with pseudonyms; - for standard input.", show_default=False
        ),
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the values behind pseudonyms; the audit log notes it.

    \b
    Examples:
      tuneloop data reveal '[MOBILE-K7QM2XVB]'
      tuneloop data reveal - < answer.txt
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.prepare.revealing import reveal

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        text = sys.stdin.read() if texts == ["-"] else "\n".join(texts)
        found = reveal(ws, text, by=at_the_machine())
    screen.say(found.text)
    for one in found.pseudonyms:
        if one.outcome != "revealed":
            screen.say(OUTCOMES[one.outcome].format(name=one.pseudonym))
    screen.say(NOTED)
    screen.result(found)
