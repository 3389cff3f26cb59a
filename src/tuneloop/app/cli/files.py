"""`tuneloop files`: uploaded files, as `/v1/files` sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError, nearest
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace
    from tuneloop.store.files import File

ACTIONS = ("list", "add", "show", "delete")
NONE = Words("No file yet. Add one with: tuneloop files add FILE", "还没有文件。添加：tuneloop files add 文件")
ADDED = Words("{id}: {name}, {size} bytes", "{id}：{name}，{size} 字节")
FOUND = Words(
    "{examples} examples ({format}), {usable} of them usable for {method}",
    "{examples} 条样本（{format}），其中 {usable} 条可用于 {method}",
)
PROBLEM = Words("  {message}\n    {fix}", "  {message}\n    {fix}")
WARNING = Words("* {text}", "* {text}")
MORE = Words("  and {count} more", "  另有 {count} 条")
TOKENS = Words(
    "Tokens per example (by {base}): {p5} to {p95}, median {median}, most {max}",
    "每条样本的词元数（按 {base}）：{p5} 到 {p95}，中位数 {median}，最多 {max}",
)
DELETED = Words("{id} is deleted.", "{id} 已删除。")
NEXT = Words("Next: tuneloop jobs create {id}", "下一步：tuneloop jobs create {id}")
HEAD = [Words("file", "文件"), Words("name", "名称"), Words("purpose", "用途"), Words("bytes", "字节"), ""]
SHOWN = 5


def files(
    action: Annotated[
        str, typer.Argument(metavar="[list|add|show|delete]", help="What to do.", show_default=False)
    ] = "list",
    what: Annotated[
        str | None, typer.Argument(metavar="[FILE|ID]", help="A file to add, or the id of one.", show_default=False)
    ] = None,
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help="fine-tune, evals, batch or user_data.")] = (
        "fine-tune"
    ),
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add files for fine-tuning jobs, checked as a whole; list them.

    \b
    Examples:
      tuneloop files add family.jsonl
      tuneloop files
      tuneloop files show file-4fMa8
      tuneloop files delete file-4fMa8
    """
    from tuneloop.app.cli.screen import Screen

    if action not in ACTIONS:
        raise UsageError(f"found {action!r}", expected=", ".join(ACTIONS), do=nearest(action, ACTIONS).capitalize())
    if action != "list" and what is None:
        raise UsageError(f"{action} was given no file", expected=f"tuneloop files {action} FILE")
    screen = Screen(as_json)
    with workspace_at(workspace, create=action == "add") as ws:
        if action == "add":
            screen.result(_add(screen, ws, Path(str(what)), purpose))
        elif action == "show":
            screen.result(_show(screen, ws, str(what)))
        elif action == "delete":
            screen.result(_delete(screen, ws, str(what)))
        else:
            screen.result(_list(screen, ws))


def add_file(ws: Workspace, file: Path, purpose: str = "fine-tune") -> File:
    """Keep a file of this machine as an upload would be."""
    from tuneloop.jobs import uploads
    from tuneloop.prepare.source_file import disk_file

    source = disk_file(file, str(file))
    part = ws.blobs.new_part()
    try:
        with source.open() as found:
            uploads.copy(found, part)
        return uploads.keep(ws, part, filename=file.name, purpose=purpose)
    finally:
        part.unlink(missing_ok=True)


def _add(screen: Screen, ws: Workspace, file: Path, purpose: str) -> dict[str, Any]:
    from tuneloop.jobs.shaping import shaped_file

    made = add_file(ws, file, purpose)
    tell(screen, made)
    if purpose == "fine-tune":
        screen.say(NEXT.format(id=made.id))
    return shaped_file(made)


def tell(screen: Screen, one: File) -> None:
    """What checking the file found."""
    screen.say(ADDED.format(id=one.id, name=one.filename, size=f"{one.bytes:,}"))
    for line in _found(one.validation or {}):
        screen.say(line)


def _found(told: Mapping[str, Any]) -> Iterator[Words]:
    if not told:
        return
    method = told["method"]
    figures = {"examples": told["examples"], "format": told["format"], "method": method}
    yield FOUND.format(**figures, usable=told["usable"][method])
    problems = told["problems"].get(method, [])
    for one in problems[:SHOWN]:
        yield PROBLEM.format(message=one["message"], fix=Words(**one["fix"]))
    if told["unusable"] > SHOWN:
        yield MORE.format(count=told["unusable"] - SHOWN)
    if about := told.get("tokens"):
        numbers = {key: f"{about[key]:.0f}" for key in ("p5", "p95", "median", "max")}
        yield TOKENS.format(base=about["counted_with"], **numbers)
    for one in (*told["warnings"], *told.get("hints", ())):  # files of before have no hints
        yield WARNING.format(text=Words(**one["text"]))


def _show(screen: Screen, ws: Workspace, identity: str) -> dict[str, Any]:
    from tuneloop.jobs.shaping import shaped_file
    from tuneloop.store import files as rows

    found = rows.file(ws, identity)
    tell(screen, found)
    return shaped_file(found)


def _delete(screen: Screen, ws: Workspace, identity: str) -> dict[str, Any]:
    from tuneloop.store import files as rows

    rows.delete_file(ws, identity)
    screen.say(DELETED.format(id=identity))
    return {"id": identity, "object": "file", "deleted": True}


def _list(screen: Screen, ws: Workspace) -> list[dict[str, Any]]:
    from tuneloop.jobs.shaping import shaped_file
    from tuneloop.store import files as rows

    found, _ = rows.files(ws)
    if not found:
        screen.say(NONE)
    else:
        lines: list[list[object]] = [
            [one.id, one.filename, one.purpose, f"{one.bytes:,}", one.details or ""] for one in found
        ]
        screen.table(lines, [*HEAD])
    return [shaped_file(one) for one in found]
