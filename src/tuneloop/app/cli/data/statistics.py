"""`tuneloop data statistics`: what a version is like, in figures and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import DataArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

PAGE = Words("With pictures: {place}", "图表页面：{place}")


def command(
    name: DataArgument = "newest",
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the page goes. Without it: the workspace.", show_default=False),
    ] = None,
    base: Annotated[str, typer.Option(metavar="MODEL", help="Whose tokens are counted.")] = "starter",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a version is like, with a page of pictures.

    Lengths in tokens, languages, tags, repeats, variety, balance and sources, and what should be done about them.

    \b
    Examples:
      tuneloop data statistics
      tuneloop data statistics data-2 --to stats.html
    """
    from tuneloop.prepare.statistics import PAGES, statistics
    from tuneloop.prepare.statistics_page import page
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        with screen.progress() as watch:
            found = statistics(ws, version, tokenizer=base, progress=watch)
        place = to or ws.path(PAGES) / f"{version.name}.html"
        place.write_text(page(found, version), encoding="utf-8")
    for words, value in (
        (Words("records", "记录数"), f"{found.records:,}"),
        (Words("median tokens", "词元数中位数"), f"{found.tokens.percentiles.get(50, 0):,.0f}"),
        (Words("near-repeats", "近似重复"), f"{found.near_repeats:.1%}"),
        (Words("different pieces in answers", "回答多样性"), f"{found.distinct:.0%}"),
    ):
        screen.say(f"{words}: {value}")
    for one in version.report.get("advice", ()):
        screen.say(f"* {Words(**one['text'])}")
    for advice in found.advice:
        screen.say(f"* {advice.text}")
    screen.say(PAGE.format(place=place))
    screen.result(found)
