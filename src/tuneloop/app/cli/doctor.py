"""`tuneloop doctor`: what this machine can do, and what is missing."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say what this machine can do and what is missing.

    Looks at cores, memory, disk, graphics card, the faster number format, the starter model, the key to originals of
    personal data, and the workspace. Changes nothing.

    \b
    Examples:
      tuneloop doctor
      tuneloop doctor --json
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.app.health import examine
    from tuneloop.errors import NotFoundError

    screen = Screen(as_json)
    try:
        with workspace_at(workspace, create=False) as ws:
            findings = examine(ws)
    except NotFoundError:
        findings = examine(None)
    marks = {"fine": "ok", "note": "--", "missing": "!!"}
    for finding in findings:
        screen.say(f"{marks[finding.state]}  {finding.topic}: {finding.text}")
    screen.result(findings)
