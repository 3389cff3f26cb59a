"""`tuneloop data reveal`: from pseudonyms back to values; `new-key`: going on when the key is lost."""

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


def show_new_key(ws: Workspace, screen: Screen, yes: bool) -> None:
    """Forget which key was in use."""
    from tuneloop.access.audit import at_the_machine
    from tuneloop.prepare.salt import renew
    from tuneloop.store.keys import key_file

    if yes:
        renew(ws, by=at_the_machine())
    screen.say(RENEWED.format(place=key_file()) if yes else KEPT)
    screen.result({"renewed": yes})


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
