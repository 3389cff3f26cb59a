"""`tuneloop models`: the model versions of a workspace, and whether they may be deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, NoteOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError, nearest
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.serve.approvals import State
    from tuneloop.store import Workspace

DECISIONS: dict[str, State] = {"approve": "approved", "retire": "retired", "reopen": "candidate"}
ACTIONS = ("list", *DECISIONS, "history")
NONE = Words("No model yet. Make one with: tuneloop train", "还没有模型。训练一个：tuneloop train")
STATES = {
    "candidate": Words("candidate", "候选"),
    "approved": Words("approved", "已批准"),
    "retired": Words("retired", "已停用"),
}
DECIDED = Words("{model} is {state}, by {person}.", "{model} 现为“{state}”，操作人：{person}。")
NEXT = Words("Next: tuneloop aliases set ALIAS {model}", "下一步：tuneloop aliases set 别名 {model}")
UNDECIDED = Words("Nobody has decided about {model}: it is a candidate.", "{model} 还没有审批记录，仍为候选。")
HEAD = [
    Words("name", "名称"), Words("made", "创建时间"), Words("base", "基座"), Words("data", "数据"),
    Words("method", "方法"), Words("run", "运行"), Words("state", "状态"), Words("aliases", "别名"),
]  # fmt: skip
HISTORY = [
    Words("number", "编号"),
    Words("state", "状态"),
    Words("by", "操作人"),
    Words("when", "时间"),
    Words("note", "备注"),
]


def models(
    action: Annotated[
        str, typer.Argument(metavar="[list|approve|retire|reopen|history]", help="What to do.", show_default=False)
    ] = "list",
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="A version, as model-3.", show_default=False)
    ] = None,
    note: NoteOption = "",
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the model versions, newest first; approve or retire one.

    Only an approved version may take an alias. Reopen makes it a candidate again.

    \b
    Examples:
      tuneloop models
      tuneloop models approve model-3 --note "82 % preferred in a blind test"
      tuneloop models history model-3
      tuneloop show model-3
    """
    from tuneloop.app.cli.screen import Screen

    if action not in ACTIONS:
        raise UsageError(f"found {action!r}", expected=", ".join(ACTIONS), do=nearest(action, ACTIONS).capitalize())
    if (action == "list") != (model is None):
        told = "list takes no version" if model else f"{action} was given no version"
        raise UsageError(told, expected=f"tuneloop models {action}" + " MODEL" * (model is None))
    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        if action in DECISIONS:
            _decide(screen, ws, str(model), DECISIONS[action], person, note)
        elif action == "history":
            _history(screen, ws, str(model))
        else:
            _list(screen, ws)


def _list(screen: Screen, ws: Workspace) -> None:
    from tuneloop.app.cli.screen import plain
    from tuneloop.serve import aliases, approvals
    from tuneloop.store import models as store

    versions = store.models(ws)[::-1]
    held = aliases.deployed(ws)
    with ws.db.read() as connection:
        states = approvals.states(connection)
    if not versions:
        screen.say(NONE)
    else:
        rows: list[list[object]] = [
            [
                one.name,
                one.created,
                one.base,
                one.dataset or "",
                f"{one.objective}, {one.tuner}",
                one.run or "",
                STATES[states.get(one.name, "candidate")],
                ", ".join(held.get(one.name, [])),
            ]
            for one in versions
        ]
        screen.table(rows, list(HEAD))
    screen.result([
        plain(one) | {"state": states.get(one.name, "candidate"), "aliases": held.get(one.name, [])}
        for one in versions
    ])  # fmt: skip


def _decide(screen: Screen, ws: Workspace, model: str, state: State, person: str | None, note: str) -> None:
    from tuneloop.access.audit import at_the_machine
    from tuneloop.serve import approvals

    made = approvals.decide(ws, model, state, person=person or at_the_machine().name, note=note)
    screen.say(DECIDED.format(model=made.model, state=STATES[made.state], person=made.person))
    if state == "approved":
        screen.say(NEXT.format(model=made.model))
    screen.result(made)


def _history(screen: Screen, ws: Workspace, model: str) -> None:
    from tuneloop.serve import approvals
    from tuneloop.store import models as store

    name = store.model(ws, model).name
    found = approvals.history(ws, name)
    if not found:
        screen.say(UNDECIDED.format(model=name))
    else:
        rows: list[list[object]] = [[one.number, STATES[one.state], one.person, one.created, one.note] for one in found]
        screen.table(rows, list(HISTORY))
    screen.result(found)
