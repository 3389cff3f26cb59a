"""`tuneloop evaluate`: the newest model against its base, on questions that were held out."""

from __future__ import annotations

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
from tuneloop.wording import Words

TOOK = Words("{model} against its base {base}, on {data}", "{model} 与其基座 {base} 对比，数据为 {data}")


def evaluate(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model version, as model-3.", show_default=False)
    ] = "newest",
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a tuned model with its base.

    The questions are the held-out ones of the model's dataset version; where none were held out, the training
    questions are asked and the result is called recall. Writes a page with tables and curves that opens in any browser.

    \b
    Examples:
      tuneloop evaluate
      tuneloop evaluate model-2 --json
    """
    from tuneloop import loop
    from tuneloop.app.cli.evaluation import show_evaluation
    from tuneloop.app.cli.screen import Screen
    from tuneloop.recipes import read_recipe
    from tuneloop.store import models

    screen = Screen(as_json)
    recipe = read_recipe("evaluate", file, assignments or ())
    with workspace_at(workspace, create=False) as ws:
        model = models.model(ws, name)
        screen.say(TOOK.format(model=model.name, base=model.base, data=model.dataset or "-"))
        if dry_run:
            screen.result({"model": model.name, "base": model.base, "data": model.dataset, "recipe": recipe})
            return
        with screen.progress() as watch:
            report = loop.evaluate(model.name, workspace=ws, recipe=recipe, progress=watch)
        show_evaluation(screen, ws, report)
    screen.result(report)
