"""`tuneloop show`: everything about one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace


def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="data-3, model-1, run-4, eval-2, or a record's id.", show_default=False),
    ] = "newest",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one thing, with what it was made from.

    A dataset version, a model, a run, an evaluation or a record. Without a name: the newest run.

    \b
    Examples:
      tuneloop show data-1
      tuneloop show run-2 --json
    """
    from tuneloop.app.cli.screen import Screen

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        screen.result(_show(screen, ws, name))


def _show(screen: Screen, ws: Workspace, name: str) -> Any:
    """Show the thing that is called so to a person; returns it for `--json`."""
    from tuneloop.app.cli import evaluation, preparation, training
    from tuneloop.runs import queue
    from tuneloop.store import datasets, evaluations, models

    if name.startswith(("data-", "d1:")):
        version = datasets.version(ws, name)
        preparation.show_report(screen, version)
        return version
    if name.startswith(("model-", "m1:")):
        model = models.model(ws, name)
        training.show_model(screen, ws, model)
        return model
    if name.startswith(("eval-", "e1:")):
        report = evaluations.evaluation(ws, name)
        evaluation.show_evaluation(screen, ws, report)
        return report
    if name.startswith("r1:"):
        return _record(screen, ws, name)
    run = queue.show(ws, name)
    training.show_run(screen, ws, run)
    return {"run": run, "events": list(queue.events(ws, run.id))}


def _record(screen: Screen, ws: Workspace, name: str) -> dict[str, Any]:
    """A record with every place it came from and every version that holds it."""
    from tuneloop.errors import NotFoundError
    from tuneloop.prepare import versions

    holding = versions.trace(ws, name)
    if not holding:
        raise NotFoundError(f"no version holds the record {name!r}", do="tuneloop preview --json shows records' ids")
    record, split, weight = next(one for one in versions.records(ws, holding[-1]) if one[0].id == name)
    origins = versions.origins_of(ws, holding[-1], name)
    screen.say(record.full_text)
    for origin in origins:
        screen.say(f"  from {origin.file}, {origin.locator}")
    screen.say(f"  in {', '.join(one.name for one in holding)} ({split}, weight {weight:g})")
    held = [one.name for one in holding]
    return {"record": record.payload(), "id": name, "origins": origins, "versions": held, "split": split}
