"""The options that commands share, so that one word means one thing everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.errors import NotFoundError

if TYPE_CHECKING:
    from tuneloop.store import Workspace


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "-w",
        "--workspace",
        metavar="FOLDER",
        help="The workspace. Without it: the nearest .tuneloop upwards from here, else a new one here.",
        show_default=False,
    ),
]
RecipeOption = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE", help="A recipe in YAML; its keys are stages.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting, over the recipe's. May be repeated.", show_default=False
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.", show_default=False)
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="One JSON document on standard output; progress on standard error.", show_default=False
    ),
]

DataArgument = Annotated[
    str,
    typer.Argument(metavar="[DATA]", help="A dataset version, as data-3. Without it: the newest.", show_default=False),
]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A version, as model-3.", show_default=False)]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run, as run-4.", show_default=False)]
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="A file, as file-4fMa8.", show_default=False)]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="A job, as ftjob-9kQ2v.", show_default=False)]

NoteOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays in the history.", show_default=False)]
PersonOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who decides. Without it: the user of the machine.", show_default=False),
]


@contextmanager
def workspace_at(folder: Path | None, *, create: bool = True, for_trial: bool = False) -> Iterator[Workspace]:
    """The workspace that the command works in; a trial where there is none gets one that is thrown away."""
    from tuneloop.store import Workspace

    with ExitStack() as stack:
        try:
            ws = Workspace.find(folder, create=create and not for_trial)
        except NotFoundError:
            if not for_trial:
                raise
            ws = Workspace.find(stack.enter_context(TemporaryDirectory(prefix="tuneloop-")))
        yield stack.enter_context(ws)
