"""`tuneloop choose`: which base, objective and tuner suit the data and this machine, and why."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, RecipeOption, SetOption, WorkspaceOption, workspace_at
from tuneloop.errors import ConflictError, NotFoundError, Where


def choose(
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="A dataset version, as data-3.", show_default=False)
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(
            help="knowledge, style, format, classification, preference, reasoning, code, vision, medicine, law.",
            show_default=False,
        ),
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(help="Another machine: memory=24GB,gpu=80GB,gpus=1,cores=8.", show_default=False),
    ] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Compare these bases only. May be repeated.", show_default=False),
    ] = None,
    catalogue: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Your own catalogue, a file or folder. May be repeated.", show_default=False),
    ] = None,
    browse: Annotated[
        bool, typer.Option("--list", help="List the catalogue instead, by the same filters.", show_default=False)
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a recipe to start from; must be new.", show_default=False),
    ] = None,
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which base and tuning suit the data.

    Base, objective, tuner and settings, each with its reason; what they would take on this machine or another; and what
    to change where a base does not fit. Bases whose weights are here are measured on your own records. Nothing is
    fetched.

    \b
    Examples:
      tuneloop choose
      tuneloop choose --goal code --machine gpu=24GB
      tuneloop choose --base starter --base Qwen/Qwen3-0.6B-Base --write recipe.yaml
      tuneloop choose --list --goal medicine --set commercial=yes
    """
    from tuneloop import loop
    from tuneloop.app.cli import choosing
    from tuneloop.app.cli.screen import Screen
    from tuneloop.recipes import read_recipe

    screen = Screen(as_json)
    given = {"data": data, "goal": goal, "machine": machine, "base": base or None, "catalogue": catalogue or None}
    recipe = read_recipe("choose", file, assignments or (), given)
    if write is not None and write.exists():
        raise ConflictError("is there already", where=Where(file=write), do="Name a new file")
    if browse:
        from tuneloop.choose.choosing import browse as listing

        with ExitStack() as stack:
            try:
                ws = stack.enter_context(workspace_at(workspace, create=False))
            except NotFoundError:
                if workspace is not None:
                    raise
                ws = None
            choosing.show_catalogue(screen, listing(recipe, ws))
        return
    with screen.progress() as watch:
        choice = loop.choose(workspace=workspace, recipe=recipe, progress=watch)
    choosing.show_choice(screen, choice)
    if write is not None:
        choosing.write_recipe(screen, choice, write)
    screen.result(choice)
