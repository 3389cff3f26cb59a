"""`tuneloop demo`: the whole loop on example data, in about two minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption


def demo(
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the demo's files and workspace go.")] = Path(
        "tuneloop-demo"
    ),
    base: Annotated[str, typer.Option(help="What to tune: starter, a folder, or a hub name.")] = "starter",
    seed: Annotated[int, typer.Option(help="Another seed gives another run.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Do all of it on example data, in two minutes.

    Prepares messy data about a family with a cat and a small lamp shop, in Chinese and English, tunes the starter
    model, and asks both the same questions, in wordings that were not trained on. No network is needed.

    \b
    Examples:
      tuneloop demo
      tuneloop demo --to /tmp/try --seed 1
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.app.demo.course import run

    screen = Screen(as_json)
    screen.result(run(to, screen=screen, base=base, seed=seed))
