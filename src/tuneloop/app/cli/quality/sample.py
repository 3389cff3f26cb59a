"""`tuneloop quality sample`: records for people to review, drawn by strata."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import DataArgument, JsonOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.quality.strata import BYS
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

DRAWN = Words(
    "{name}: {items} of {records} records of {data}, in {strata} strata by {by}, judged by {standard}",
    "{name}：从 {data} 的 {records} 条记录中抽取 {items} 条，按{by}分为 {strata} 层，标准为 {standard}",
)
WRITTEN = Words(
    "Fill in the columns of the dimensions in {place}, then: tuneloop quality read {place}",
    "请在 {place} 中填写各维度的列，然后运行：tuneloop quality read {place}",
)


def command(
    name: DataArgument = "newest",
    count: Annotated[int, typer.Option(min=1, help="How many records.")] = 200,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="STRATA", help="tag, source, language or kind. May be repeated.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to fill in: .csv or .jsonl.", show_default=False)
    ] = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw records for people to review, into a file to fill in.

    \b
    Examples:
      tuneloop quality sample data-2 --count 200 --to review.csv
      tuneloop quality sample --by tag --by language
    """
    from tuneloop.prepare.review_file import check_ending, write_review
    from tuneloop.prepare.review_sample import chosen_strata, draw_review
    from tuneloop.store import datasets
    from tuneloop.store.reviews import items_of

    screen, who = Screen(as_json), person or getpass.getuser()
    if to is not None:
        check_ending(to)
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        strata = chosen_strata(by or [])
        with screen.progress() as watch:
            made = draw_review(ws, version, count=count, seed=seed, by=strata, person=who, progress=watch)
        place = write_review(ws, made, to or Path(f"{made.name}.csv"))
        items = len(items_of(ws, made.name))
    named = [BYS[one] for one in made.asked["by"]]
    screen.say(
        DRAWN.format(
            name=made.name,
            items=f"{items:,}",
            records=f"{version.records:,}",
            data=version.name,
            strata=len(made.strata),
            by=Words(", ".join(one.en for one in named), "、".join(one.zh for one in named)),
            standard=made.standard,
        )
    )
    screen.say(WRITTEN.format(place=place))
    screen.result({"review": made, "file": place})
