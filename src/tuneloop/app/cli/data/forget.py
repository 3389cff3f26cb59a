"""`tuneloop data forget`: a person or a source, out of every version and model."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.prepare.forgetting import Touched

TOUCHED = Words(
    "{items} items; {records} records come from there alone; {shared} records came from elsewhere too and stay.",
    "涉及 {items} 个条目；{records} 条记录只来自这里，{shared} 条记录也来自别处，会保留。",
)
HOLDING = Words(
    "Versions: {versions}. Models: {models}. Evaluations: {evaluations}. Files to look at: {sources}.",
    "数据集版本：{versions}。模型：{models}。评测：{evaluations}。请自行处理的原始文件来源：{sources}。",
)
BESIDE = Words(
    "{beside} items of others had merged into these records, nearly the same, and go with them.",
    "另有 {beside} 个他人的条目因近似重复已并入这些记录，会一并删除。",
)
TRIAL = Words("Nothing was erased. Add --yes to erase it.", "尚未删除任何内容。确认删除请加 --yes。")
ERASED = Words("Erased. {old} → {new}", "已删除。{old} → {new}")
REBUILT = Words(
    "{model} is trained again as {run}; remove the old one when it is done.",
    "{model} 将由 {run} 重新训练，完成后请移除旧模型。",
)


def command(
    subject: Annotated[
        str | None, typer.Option(metavar="NAME", help="The person, as the data names them.", show_default=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="The source, as source-3.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, and not only say what would be.")] = False,
    rebuild: Annotated[bool, typer.Option(help="Queue the training of touched models again.")] = True,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a person or a source out of every version and model.

    Without --yes: the list of what would go. With it: versions without them, originals and checkpoints erased, and the
    models that saw them queued to be trained again.

    \b
    Examples:
      tuneloop data forget --subject customer-7
      tuneloop data forget --source source-3 --yes
    """
    from tuneloop.prepare import forgetting

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        forgetting.finish(ws)
        found = forgetting.touched(ws, subject=subject, source=source)
        _say_touched(screen, found)
        if not yes:
            screen.say(TRIAL)
            screen.result(found)
            return
        with screen.progress() as watch:
            done = forgetting.forget(ws, found, person=getpass.getuser(), rebuild=rebuild, progress=watch)
    for old, new in done.versions.items():
        screen.say(ERASED.format(old=old, new=new))
    for model, run in done.rebuilds.items():
        screen.say(REBUILT.format(model=model, run=run))
    screen.result(done)


def _say_touched(screen: Screen, found: Touched) -> None:
    screen.say(TOUCHED.format(items=found.items, records=len(found.records), shared=found.shared))
    if found.beside:
        screen.say(BESIDE.format(beside=found.beside))
    parts = {name: ", ".join(getattr(found, name)) or "-" for name in ("versions", "models", "evaluations", "sources")}
    screen.say(HOLDING.format(**parts))
