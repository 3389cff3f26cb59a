"""`tuneloop data reveal`: from pseudonyms back to the real values."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace

OUTCOMES = {
    "unknown": Words(
        "{name}: no version here holds this pseudonym; it is from another workspace, or its data was forgotten.",
        "{name}：本工作区的任何版本中都没有这个化名；它可能来自别的工作区，或相关数据已被遗忘。",
    ),
    "erased": Words(
        "{name}: the original was not kept, so nobody can tell the value.", "{name}：未保留原文，无法还原。"
    ),
}
NOTED = Words("This look was written to the audit log.", "本次查看已记入审计日志。")


def show_revealed(ws: Workspace, screen: Screen, texts: list[str]) -> None:
    """The texts, or what comes in on standard input for `-`, with the real values."""
    from tuneloop.access.audit import at_the_machine
    from tuneloop.prepare.revealing import reveal

    if not texts:
        raise UsageError(
            "found no text to reveal", expected="a pseudonym or a text with pseudonyms, as '[MOBILE-K7QM2XVB]', or -"
        )
    text = sys.stdin.read() if texts == ["-"] else "\n".join(texts)
    found = reveal(ws, text, by=at_the_machine())
    screen.say(found.text)
    for one in found.pseudonyms:
        if one.outcome != "revealed":
            screen.say(OUTCOMES[one.outcome].format(name=one.pseudonym))
    screen.say(NOTED)
    screen.result(found)
