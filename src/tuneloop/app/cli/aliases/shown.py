"""A change of an alias, and what all commands about aliases take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.screen import moment
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.serve.aliases import AliasChange

AliasArgument = Annotated[str, typer.Argument(metavar="ALIAS", help="The name that is asked for.", show_default=False)]
OverrideOption = Annotated[
    str | None,
    typer.Option(metavar="REASON", help="Take a version that is not approved; recorded.", show_default=False),
]
NONE = Words(
    "No alias yet. Approve a version and point one to it: tuneloop models approve model-1, tuneloop aliases set support"
    " model-1",
    "还没有别名。先批准一个版本再设置：tuneloop models approve model-1，tuneloop aliases set support model-1",
)
POINTS = Words("{alias} answers with {targets}.", "{alias} 现在指向 {targets}。")
REMOVED = Words("{alias} answers nothing any more; its history stays.", "{alias} 已停用，历史记录保留。")
OVERRIDDEN = Words("Taken without approval, because: {why}", "未经批准即采用，理由：{why}")
NOTHING = Words("nothing", "（无）")
HEAD = [
    Words("change", "变更"), Words("alias", "别名"), Words("answers with", "指向"), Words("by", "操作人"),
    Words("when", "时间"), Words("note", "备注"),
]  # fmt: skip
BACK = Words("again change {number}", "恢复变更 {number}")


def show_change(screen: Screen, made: AliasChange) -> None:
    """What an alias answers with after a change."""
    screen.say((POINTS if made.targets else REMOVED).format(alias=made.alias, targets=_targets(made)))
    if made.overridden:
        screen.say(OVERRIDDEN.format(why=made.overridden))
    screen.result(made)


def show_changes(screen: Screen, found: Sequence[AliasChange]) -> None:
    """Several changes as a table."""
    if not found:
        screen.say(NONE)
    else:
        rows: list[list[object]] = [
            [one.number, one.alias, _targets(one), one.person, moment(one.created), _note(one)] for one in found
        ]
        screen.table(rows, list(HEAD))
    screen.result(found)


def _targets(change: AliasChange) -> object:
    if not change.targets:
        return NOTHING
    if len(change.targets) == 1:
        return change.targets[0].model
    return ", ".join(f"{one.model} {one.share:.0%}" for one in change.targets)


def _note(change: AliasChange) -> str:
    back = None if change.rolled_back_to is None else str(BACK.format(number=change.rolled_back_to))
    why = None if change.overridden is None else str(OVERRIDDEN.format(why=change.overridden))
    return "; ".join(part for part in (change.note, back, why) if part)
