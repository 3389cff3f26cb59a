"""`tuneloop train`: the newest dataset version → a model version, in a run that survives this command."""

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
from tuneloop.errors import UsageError


def train(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", help="A dataset version, as data-3; with --resume a run, as run-3.", show_default=False
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="What to tune: starter, a model version, a folder, or a hub name.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest run that was stopped.", show_default=False)
    ] = False,
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tune a model on a dataset version.

    Everything that is not said is derived from the data and the model, and shown with its reason. The work is a run in
    a process of its own; this command follows it. Ctrl-C saves a checkpoint and stops; --resume goes on from there.

    \b
    Examples:
      tuneloop train
      tuneloop train data-3 --base starter --set tuner.rank=16 --set epochs=4
      tuneloop train --recipe recipe.yaml --dry-run
      tuneloop train --resume
    """
    from tuneloop.runs.executors.local import LocalExecutor

    if resume and (base or file or assignments or dry_run):
        raise UsageError(
            "a run goes on with the settings that it began with",
            expected="--resume without --base, --recipe, --set and --dry-run",
            do="For other settings begin a new run: tuneloop train --set key=value",
        )
    executor = LocalExecutor(background=False)  # somebody waits for it
    with executor.getting_ready(wanted=not dry_run):
        from tuneloop.app.cli import following, training
        from tuneloop.app.cli.screen import Screen
        from tuneloop.app.wiring import begin_training
        from tuneloop.recipes import read_recipe
        from tuneloop.store import datasets, models

        screen = Screen(as_json)
        recipe = read_recipe("train", file, assignments or (), {"base": base, "data": None if resume else name})
        with workspace_at(workspace, create=False) as ws:
            if resume:
                run = following.resume(ws, executor, name)
                screen.say(training.RESUMING.format(run=run))
            else:
                version = datasets.version(ws, recipe.data or "newest")
                if dry_run:
                    training.show_plan(screen, ws, version, recipe)
                    return
                run = begin_training(ws, version, recipe, executor)
                screen.say(training.beginning(run, version, recipe))
            with screen.progress() as watch:
                ended = following.to_the_end(ws, executor, run, watch)
            model = models.model(ws, str((ended.result or {})["model"]))
            training.show_model(screen, ws, model)
        screen.say(training.NEXT)
        screen.result(model)
