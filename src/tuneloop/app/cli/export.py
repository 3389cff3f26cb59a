"""`tuneloop export`: a model version as plain files that every tool loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import (
    DryRunOption,
    JsonOption,
    RecipeOption,
    SetOption,
    WorkspaceOption,
    workspace_at,
)


def export(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model version, as model-3.", show_default=False)
    ] = "newest",
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FOLDER", help="Where to write it; must be new or empty.", show_default=False),
    ] = ...,  # type: ignore[assignment]
    form: Annotated[
        str | None,
        typer.Option(help="merged (the default): whole weights; peft: the adapter alone.", show_default=False),
    ] = None,
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model as plain files that every tool loads.

    A folder of safetensors with config and tokenizer.

    \b
    Examples:
      tuneloop export --to my-model
      tuneloop export model-2 --to my-adapter --form peft
      tuneloop export --to small --set form.dtype=bfloat16
    """
    from tuneloop import loop
    from tuneloop.app.cli.screen import Screen
    from tuneloop.recipes import read_recipe
    from tuneloop.store import models
    from tuneloop.train.export import exports

    screen = Screen(as_json)
    recipe = read_recipe("export", file, assignments or (), {"form": form})
    exports.create(recipe.form, path="form")  # a wrong setting is told in a trial as well
    with workspace_at(workspace, create=False) as ws:
        model = models.model(ws, name)
        screen.say(f"{model.name} ({model.tuner} on {model.base}) -> {to}")
        if dry_run:
            screen.result({"model": model, "to": to, "recipe": recipe})
            return
        exported = loop.export(model.name, to=to, recipe=recipe, workspace=ws)
    screen.result(exported)
