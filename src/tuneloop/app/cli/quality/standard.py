"""`tuneloop quality standard`: what holds in a scenario, or a standard by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.quality.dimensions import HOLDS, ScenarioOption, show_dimensions
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

UNSET = Words(
    "No standard is set in the scenario {scenario}; the ready-made one for its records is taken. Set one with: "
    "tuneloop quality set service_dialogue",
    "场景 {scenario} 尚未设定质量标准，将按记录类型采用现成标准。设定：tuneloop quality set service_dialogue",
)


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[STANDARD]", help="Ready-made, standard-2 or a file. Else: what holds.", show_default=False
        ),
    ] = None,
    scenario: ScenarioOption = "main",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a file to change.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the standard that holds, or another by its name.

    \b
    Examples:
      tuneloop quality standard
      tuneloop quality standard service_dialogue --to our-standard.yaml
    """
    from tuneloop.scores.standard import read_standard
    from tuneloop.scores.standing import held_standard, read_kept
    from tuneloop.store.standards import standard_named

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        if name is None:
            kept = held_standard(ws, scenario)
        else:
            kept = standard_named(ws, name) if name.startswith("standard-") else None
    if kept is not None:
        found = read_kept(kept)
        screen.say(HOLDS.format(name=kept.name, scenario=kept.scenario, title=found.title.words))
    elif name is None:
        screen.say(UNSET.format(scenario=scenario))
        screen.result(None)
        return
    else:
        found = read_standard(name)
    show_dimensions(screen, found)
    if to is not None:
        to.write_text(found.as_yaml(), encoding="utf-8")
    screen.result(kept or found)
