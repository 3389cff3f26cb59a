"""`tuneloop prepare`: files, folders, archives, addresses → a dataset version."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.prepare.answerless import NoAnswersError

NO_ANSWERS = Words(
    "None of {items} items holds an answer, so no version was made; that is no mistake.",
    "{items} 个条目都没有回答，因此没有生成数据版本；这不算错误。",
)
HOLDS = Words("{file} holds {kind} and no answers. It can serve", "{file} 只有{kind}，没有回答，可以用作")
RAW = Words("as raw text: {command}", "纯文本：{command}")
SEEDS = Words(
    "as seeds for synthesis: keep the file until tuneloop can synthesize data, which it cannot yet",
    "合成数据的种子：请先保留文件；tuneloop 目前还不能合成数据",
)
ANSWERS = Words(
    "To tune on questions and answers, add the answers and prepare again.",
    "若要做问答微调，请补上回答后重新准备。",
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
    from tuneloop.prepare.answerless import NoAnswersError
    from tuneloop.recipes import read_recipe

    screen = Screen(as_json)
    recipe = read_recipe("prepare", file, assignments or ())
    try:
        with workspace_at(workspace, for_trial=dry_run) as ws, screen.progress() as watch:
            version = loop.prepare(
                inputs, workspace=ws, recipe=recipe, scenario=scenario, progress=watch, dry_run=dry_run
            )
    except NoAnswersError as error:
        _show_uses(screen, error, inputs)
        return
    show_report(screen, version)
    if dry_run:
        show_steps(screen, version.report, examples)
    else:
        screen.say(NEXT)
    screen.result(version)


def _show_uses(screen: Screen, error: NoAnswersError, inputs: Sequence[str]) -> None:
    """What files without answers can serve as; with `--json` the report of a version without a name."""
    if error.found is None:
        raise error
    screen.say(NO_ANSWERS.format(items=f"{error.found.report['items']:,}"))
    for given, told in zip(inputs, error.found.report["inputs"], strict=True):
        for one, path in _files(given, told["serves"]):
            screen.say(HOLDS.format(file=one["file"], kind=Words(**one["kind"])))
            text = shlex.quote(f"mapping.text={one['column']}")
            command = f"tuneloop prepare {shlex.quote(path)} --set shape=plain_text --set {text}"
            screen.say(f"  {RAW.format(command=command)}")
            screen.say(f"  {SEEDS}")
    screen.say(ANSWERS)
    screen.result(error.found)


def _files(given: str, serves: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each file of an input with the path to prepare it by: its own where it lies in a folder on this disk."""
    for one in serves:
        inside = Path(given).parent / one["file"]
        yield one, str(inside) if Path(given).is_dir() and inside.is_file() else given
