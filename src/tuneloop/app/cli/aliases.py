"""`tuneloop aliases`: the stable names that traffic asks for, as `/api/aliases` sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, NoteOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError, nearest
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.serve.aliases import AliasChange
    from tuneloop.store import Workspace

ACTIONS = ("list", "set", "canary", "rollback", "history", "remove")
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


def aliases(
    action: Annotated[
        str,
        typer.Argument(metavar="[list|set|canary|rollback|history|remove]", help="What to do.", show_default=False),
    ] = "list",
    alias: Annotated[
        str | None, typer.Argument(metavar="[ALIAS]", help="The name that is asked for.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The version that answers.", show_default=False)
    ] = None,
    share: Annotated[float, typer.Option(metavar="0..1", help="A canary's share of the traffic.")] = 0.1,
    to: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="The change to take again. Without it: the one before.", show_default=False
        ),
    ] = None,
    note: NoteOption = "",
    override: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Take a version that is not approved; recorded.", show_default=False),
    ] = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Point aliases to versions, try canaries, go back.

    Only an approved version may take an alias: tuneloop models approve MODEL.

    \b
    Examples:
      tuneloop aliases
      tuneloop aliases set support model-3
      tuneloop aliases canary support model-5 --share 0.1
      tuneloop aliases rollback support --note "too many complaints"
      tuneloop aliases history support
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.app.cli.screen import Screen

    if action not in ACTIONS:
        raise UsageError(f"found {action!r}", expected=", ".join(ACTIONS), do=nearest(action, ACTIONS).capitalize())
    wanted = {"list": 0, "set": 2, "canary": 2}.get(action, 1)
    if len([one for one in (alias, model) if one is not None]) != wanted:
        words = f"tuneloop aliases {action}" + " ALIAS" * (wanted > 0) + " MODEL" * (wanted > 1)
        raise UsageError(f"{action} takes {('nothing', 'an alias', 'an alias and a version')[wanted]}", expected=words)
    screen = Screen(as_json)
    who = person or at_the_machine().name
    with workspace_at(workspace, create=False) as ws:
        if action in ("list", "history"):
            _list(screen, ws, alias)
        else:
            _change(screen, ws, action, str(alias), str(model), share, to, who, note, override)


def _change(
    screen: Screen,
    ws: Workspace,
    action: str,
    alias: str,
    model: str,
    share: float,
    to: int | None,
    person: str,
    note: str,
    override: str | None,
) -> None:
    from tuneloop.serve import aliases as stage
    from tuneloop.serve.aliases import Target

    if action == "set":
        made = stage.point(ws, alias, [Target(model)], person=person, note=note, override=override)
    elif action == "canary":
        made = stage.canary(ws, alias, model, share, person=person, note=note, override=override)
    elif action == "rollback":
        made = stage.roll_back(ws, alias, person=person, to=to, note=note, override=override)
    else:
        stage.current(ws, alias)
        made = stage.point(ws, alias, [], person=person, note=note)
    screen.say((POINTS if made.targets else REMOVED).format(alias=alias, targets=_targets(made)))
    if made.overridden:
        screen.say(OVERRIDDEN.format(why=made.overridden))
    screen.result(made)


def _list(screen: Screen, ws: Workspace, alias: str | None) -> None:
    """Each alias as it points, or all changes of one."""
    from tuneloop.serve import aliases as stage

    # an unknown alias is told by its name
    found = stage.everything(ws) if alias is None else stage.history(ws, alias) or [stage.current(ws, alias)]
    if not found:
        screen.say(NONE)
    else:
        rows: list[list[object]] = [
            [one.number, one.alias, _targets(one), one.person, one.created, _note(one)] for one in found
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
