"""`tuneloop quality set`: the standard of a scenario from now on."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, NoteOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.quality.dimensions import HOLDS, ScenarioOption, show_dimensions
from tuneloop.app.cli.screen import Screen


def command(
    name: Annotated[
        str, typer.Argument(metavar="STANDARD", help="A ready-made standard, or a YAML file.", show_default=False)
    ],
    scenario: ScenarioOption = "main",
    person: PersonOption = None,
    note: NoteOption = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the standard of a scenario.

    \b
    Examples:
      tuneloop quality set service_dialogue
      tuneloop quality set our-standard.yaml --scenario returns
    """
    from tuneloop.scores.standing import read_kept, set_standard

    screen = Screen(as_json)
    with workspace_at(workspace) as ws:
        kept = set_standard(ws, name, scenario=scenario, person=person or getpass.getuser(), note=note)
    found = read_kept(kept)
    screen.say(HOLDS.format(name=kept.name, scenario=scenario, title=found.title.words))
    show_dimensions(screen, found)
    screen.result(kept)
