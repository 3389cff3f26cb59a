"""`tuneloop prepare`: files, folders, archives, addresses → a dataset version."""

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


def prepare(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILES...", help="Files, folders, archives or addresses.", show_default=False),
    ],
    scenario: Annotated[str, typer.Option(help="The use that the data is for.")] = "main",
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    examples: Annotated[
        int, typer.Option(min=0, max=20, help="With --dry-run: examples shown of each step.", show_default=True)
    ] = 3,
    as_json: JsonOption = False,
) -> None:
    """Read files into a dataset version, with a report.

    JSONL, JSON, CSV, TSV, Parquet and text in any common encoding; OpenAI messages, ShareGPT, Alpaca, question and
    answer columns, preference pairs and plain text are recognized. Each row ends as kept, merged, dropped or rejected,
    and can be seen and restored. --dry-run shows what each step would change, with examples and the share by source and
    language. An address is a web page (https://…, web:LIST), a database (postgresql://…), a data set (hf:owner/name,
    modelscope:owner/name) or an object store (s3://bucket/path).

    \b
    Examples:
      tuneloop prepare family.jsonl
      tuneloop prepare exports/ more.csv --dry-run
      tuneloop prepare faq.csv --set mapping.question=ask --set mapping.answer=reply
      tuneloop prepare postgresql://reader@db/crm#faq --set places.sql.key=id
      tuneloop prepare hf:owner/name --set places.huggingface.split=train
    """
    from tuneloop import loop
    from tuneloop.app.cli.preparation import NEXT, show_report
    from tuneloop.app.cli.screen import Screen
    from tuneloop.app.cli.steps_shown import show_steps
    from tuneloop.recipes import read_recipe

    screen = Screen(as_json)
    recipe = read_recipe("prepare", file, assignments or ())
    with workspace_at(workspace, for_trial=dry_run) as ws, screen.progress() as watch:
        version = loop.prepare(inputs, workspace=ws, recipe=recipe, scenario=scenario, progress=watch, dry_run=dry_run)
    show_report(screen, version)
    if dry_run:
        show_steps(screen, version.report, examples)
    else:
        screen.say(NEXT)
    screen.result(version)
