"""An evaluation as a person reads it: the table, and where the page lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.records import Report
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace

PAGE = Words("The report with all answers and curves: {place}", "含全部回答与曲线的报告：{place}")


def show_evaluation(screen: Screen, ws: Workspace, report: Report) -> None:
    from tuneloop.evaluate import table

    if not screen.as_json:
        screen.console(markup=True).print(table(report))  # in it, what models said is text already
    if report.page:
        screen.say(PAGE.format(place=ws.folder / report.page))
