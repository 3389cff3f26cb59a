"""`tuneloop data`: the dataset versions of a workspace."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at


def data(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the dataset versions, newest first.

    \b
    Examples:
      tuneloop data
      tuneloop show data-2
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        versions = datasets.versions(ws)[::-1]
    if not versions:
        screen.say("No dataset version yet. Make one with: tuneloop prepare FILE")
    else:
        rows: list[list[object]] = [
            [
                one.name,
                one.created,
                one.records,
                *[one.splits.get(split, 0) for split in ("train", "validation", "test")],
                ", ".join(one.kinds),
            ]
            for one in versions
        ]
        screen.table(rows, ["name", "made", "records", "train", "validation", "test", "kinds"])
    screen.result(versions)
