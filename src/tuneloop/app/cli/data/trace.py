"""`tuneloop data trace`: a record back to its sources, and forward to versions, models and results."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.saying import said
from tuneloop.app.cli.screen import Screen


def command(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="A record's id, as r1:6b1f…", show_default=False)],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a record back to its sources and forward to results.

    \b
    Examples:
      tuneloop data trace r1:6b1f…
    """
    from tuneloop.prepare.passport import passport

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found = passport(ws, record)
    screen.say(said(found.payload))
    for one in found.origins:
        tags = f" [{', '.join(one.tags)}]" if one.tags else ""
        screen.say(f"  ← {one.source}: {one.file}, {one.locator}{tags}")
    for edit in found.edits:
        screen.say(f"  ← {edit.step}: {said(edit.before) if edit.before else edit.parent}")
    for name, split in found.versions.items():
        screen.say(f"  → {name} ({split})")
    for model in found.models:
        results = ", ".join(one.evaluation for one in found.results if one.model == model)
        screen.say(f"  → {model}{f' → {results}' if results else ''}")
    screen.result(found)
