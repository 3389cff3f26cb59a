"""`tuneloop triage`: rows from production pass the gate, wait, and are taken or refused."""

from __future__ import annotations

import getpass
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace
    from tuneloop.store.triage import Chosen, Decided

ACTIONS = ("list", "push", "take", "refuse", "wait")
TO: dict[str, Decided] = {"take": "taken", "refuse": "refused", "wait": "waiting"}
LONGEST = 60
NAMES = {
    "waiting": Words("waiting", "待审"),
    "taken": Words("taken", "已选用"),
    "refused": Words("refused", "已拒绝"),
    "duplicate": Words("duplicate", "重复"),
    "rejected": Words("rejected", "无法读取"),
}
HEAD = (
    Words("number", "编号"), Words("state", "状态"), Words("language", "语言"), Words("thumb", "评价"),
    Words("tags", "标签"), Words("question → answer", "提问 → 回答"), Words("reason", "原因"), Words("by", "决定人"),
)  # fmt: skip
PUSHED = Words(
    "{name}: {items} rows; {counts}. {again} had been pushed before.",
    "{name}：{items} 行；{counts}。其中 {again} 行此前已推送过。",
)
NEXT = Words(
    "Look at what waits: tuneloop triage list --state waiting", "查看待审数据：tuneloop triage list --state waiting"
)
MOVED = Words("{count} rows moved to {state}. {counts}", "{count} 行改为“{state}”。{counts}")
MAKE = Words(
    "Make a version of what was taken: tuneloop prepare triage:", "用已选用的数据生成版本：tuneloop prepare triage:"
)
EMPTY = Words(
    "No such row. Push a log with: tuneloop triage push FILE", "没有符合条件的数据。推送日志：tuneloop triage push 文件"
)


def triage(
    action: Annotated[
        str, typer.Argument(metavar=f"[{'|'.join(ACTIONS)}]", help="What to do.", show_default=False)
    ] = "list",
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES...]", help="push: files. Else numbers, as 3 or 5-9.", show_default=False),
    ] = None,
    state: Annotated[str | None, typer.Option(help="Only rows in this state.", show_default=False)] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="push: a tag for all. Else only rows with it.", show_default=False)
    ] = None,
    thumb: Annotated[
        str | None, typer.Option(help="Only rows with this thumb: up or down.", show_default=False)
    ] = None,
    language: Annotated[str | None, typer.Option(help="Only rows in it, as zh.", show_default=False)] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; refuse needs one.", show_default=False)] = "",
    person: PersonOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows are shown.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let production logs in: redacted, compared, taken or refused.

    \b
    Examples:
      tuneloop triage push chats.jsonl --tag refunds
      tuneloop triage list --state waiting --language zh
      tuneloop triage take 3 5-9
      tuneloop triage refuse --thumb down --reason "wrong answers"
      tuneloop prepare triage:
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store.triage import Chosen

    screen = Screen(as_json)
    given, who = names or [], person or getpass.getuser()
    with workspace_at(workspace, create=action == "push") as ws:
        if action == "push":
            _push(ws, screen, given, who, tag or [])
            return
        chosen = Chosen(
            state=_one_of(state, "state", tuple(NAMES)),  # type: ignore[arg-type]
            tag=_alone(tag),
            thumb=_one_of(thumb, "thumb", ("up", "down")),
            language=language,
            numbers=_numbers(given) if given else None,
        )
        if action == "list":
            _list(ws, screen, chosen, limit)
        elif action in TO:
            _decide(ws, screen, chosen, TO[action], who, reason)
        else:
            raise UsageError(f"found {action!r}", expected=" or ".join(ACTIONS), do="See: tuneloop triage --help")


def _push(ws: Workspace, screen: Screen, files: list[str], person: str, tags: list[str]) -> None:
    from tuneloop.prepare.gate import gate_file

    if not files:
        raise UsageError("no file was named", expected="logs: JSONL, JSON or CSV")
    made = []
    for name in files:
        with screen.progress() as watch:
            found = gate_file(ws, Path(name), person=person, tags=tags, progress=watch)
        made.append(found)
        counts = _counted(dict(found.counts))
        screen.say(PUSHED.format(name=found.name, items=f"{found.items:,}", counts=counts, again=found.again))
    screen.say(NEXT)
    screen.result(made)


def _list(ws: Workspace, screen: Screen, chosen: Chosen, limit: int) -> None:
    from tuneloop.app.cli.data_shown import said
    from tuneloop.store import triage as queue

    wanted = set(chosen.numbers or ())
    found = (
        [one for one in queue.every(ws, chosen) if one.number in wanted]
        if wanted
        else queue.rows(ws, chosen, limit=limit)
    )
    if not found:
        screen.say(EMPTY)
    else:
        rows: list[list[object]] = [
            [
                one.number, NAMES[one.state], one.language, one.thumb or "", ", ".join(one.tags),
                said(dict(one.payload))[:LONGEST] if one.payload else "", one.reason[:LONGEST], one.person,
            ]
            for one in found
        ]  # fmt: skip
        screen.table(rows, list(HEAD))
        screen.say(_counted(queue.counts(ws)))
    screen.result({"rows": found, "counts": queue.counts(ws)})


def _decide(ws: Workspace, screen: Screen, chosen: Chosen, to: Decided, person: str, reason: str) -> None:
    from tuneloop.store import triage as queue
    from tuneloop.store.triage import Chosen

    if chosen == Chosen():
        raise UsageError(
            "found neither numbers nor a filter", expected="numbers, or --state, --tag, --thumb, --language"
        )
    moved = queue.decide(ws, chosen, to, person=person, reason=reason)
    counts = queue.counts(ws)
    screen.say(MOVED.format(count=moved, state=NAMES[to], counts=_counted(counts)))
    if to == "taken":
        screen.say(MAKE)
    screen.result({"moved": moved, "counts": counts})


def _counted(counts: dict[str, int]) -> str:
    return "  ".join(f"{NAMES[state]} {count:,}" for state, count in counts.items() if count)


def _numbers(given: list[str]) -> list[int]:
    found: list[int] = []
    for one in given:
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", one)
        if match is None or int(match[2] or match[1]) - int(match[1]) > 100_000:
            raise UsageError(f"found {one!r}", expected="numbers of rows, as 3 or 5-9")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _one_of(value: str | None, name: str, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise UsageError(f"found --{name} {value}", expected=" or ".join(allowed))
    return value


def _alone(tags: list[str] | None) -> str | None:
    if tags and len(tags) > 1:
        raise UsageError(f"found {len(tags)} tags", expected="one tag to filter by")
    return tags[0] if tags else None
