"""A standard's dimensions, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.scores.standard import Standard

ScenarioOption = Annotated[str, typer.Option(help="The use that the standard is for.")]
HOLDS = Words("{name} holds in the scenario {scenario}: {title}", "场景 {scenario} 采用 {name}：{title}")
HEAD = (
    Words("dimension", "维度"), Words("least", "下限"), Words("scored by", "评分方式"),
    Words("what is looked at", "看什么"),
)  # fmt: skip
PERSON, RULE = Words("people", "人工"), Words("rule {name}", "规则 {name}")


def show_dimensions(screen: Screen, found: Standard) -> None:
    rows: list[list[object]] = [
        [
            f"{one.title.words} ({name})",
            f"{one.least:.0%}" if one.scale == "pass" else f"{one.least:g} / 5",
            RULE.format(name=one.rule) if one.rule else PERSON,
            one.help.words,
        ]
        for name, one in found.dimensions.items()
    ]
    screen.table(rows, list(HEAD))
