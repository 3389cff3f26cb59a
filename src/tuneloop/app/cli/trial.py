"""`tuneloop trial`: does this data help? A small training run before the big one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneloop.app.cli.options import DryRunOption, JsonOption, WorkspaceOption, workspace_at
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.trial import TrialResult

TOOK = Words(
    "{base}: {steps} steps on {rows} of {data}, measured on {records} held-out records of {test}; {seconds:.0f} s",
    "{base}：在 {data} 的 {rows} 条记录上训练 {steps} 步，用 {test} 的 {records} 条测试记录测量；用时 {seconds:.0f} 秒",
)
HEAD = (
    Words("", ""), Words("records", "记录"), Words("before", "之前"), Words("after", "之后"), Words("change", "变化"),
    Words("interval", "区间"), Words("", ""),
)  # fmt: skip
NAMES = {
    "all": Words("all", "全部"),
    "control": Words("to exchanged", "与打乱回答相比"),
    "tag": Words("tag", "标签"),
    "source": Words("source", "来源"),
    "language": Words("language", "语言"),
}
SIGNS = {
    "helps": Words("better", "变好"),
    "hurts": Words("worse", "变差"),
    "unclear": Words("cannot tell", "无法判断"),
}
TOO_FEW = Words("too few", "太少")
UNIT = Words(
    "Bits per byte of the reference answers: lower is better. Intervals of groups are wider for how many they are.",
    "单位：参考回答的每字节比特数，越低越好。分组越多，各组的区间放得越宽。",
)


def trial(
    name: Annotated[
        str, typer.Argument(metavar="DATA", help="A dataset version, as data-3.", show_default=False)
    ] = "newest",
    against: Annotated[str, typer.Option(metavar="DATA", help="base, or another dataset version.")] = "base",
    without: Annotated[
        str | None,
        typer.Option(metavar="PART", help="Against itself without tag:NAME or source:NAME.", show_default=False),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="DATA", help="Whose held-out records decide.", show_default=False)
    ] = None,
    base: Annotated[str, typer.Option(metavar="MODEL", help="The model that is tuned.")] = "starter",
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps of each run.")] = 60,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each side.")] = 1,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="rows, test_rows, control, seed, train.…", show_default=False),
    ] = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find out by a small run whether data helps.

    The base is tuned for a few steps and measured on held-out records, against itself untuned, against the same run on
    another version, or on the version without a tag or source. Against the base a third run learns from the same rows
    with their answers exchanged: what it reaches is only tone and form. Nothing is kept but the result.

    \b
    Examples:
      tuneloop trial
      tuneloop trial data-2 --against data-1
      tuneloop trial data-2 --without source:faq.jsonl --seeds 3
    """
    from tuneloop import loop
    from tuneloop.app.cli.screen import Screen
    from tuneloop.config import assign, read
    from tuneloop.store import datasets
    from tuneloop.trial import TrialSettings, check
    from tuneloop.trial.outcome import as_data

    screen = Screen(as_json)
    given: dict[str, Any] = {"against": against, "without": without, "test": test, "base": base}
    given = {key: value for key, value in given.items() if value is not None} | {"steps": steps, "seeds": seeds}
    for one in assignments or ():
        assign(given, one.strip().removeprefix("trial."))
    settings = read(TrialSettings, given, path="trial")
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        check(ws, version, settings)
        if dry_run:
            screen.result({"data": version.name, "trial": settings}, f"{version.name}  {settings}")
            return
        with screen.progress() as watch:
            found = loop.trial(version.name, workspace=ws, recipe=settings, progress=watch)
    show(screen, found)
    screen.result(as_data(found))


def show(screen: Screen, found: TrialResult) -> None:
    """The sentence first, then the figures that it is from."""
    screen.say(found.sentence)
    for line in found.advice:
        screen.say(f"* {line}")
    rows = [[NAMES["all"], *_figures(found.change)]]
    if found.control is not None:
        rows.append([NAMES["control"], *_figures(found.control)])
    rows += [
        [f"{NAMES[by]} {value}", *_figures(one)]
        for by, several in found.groups.items()
        for value, one in several.items()
    ]
    screen.table(rows, list(HEAD))
    screen.say(UNIT)
    told = {
        "base": found.base,
        "steps": found.steps,
        "rows": found.rows["data"],
        "data": found.data,
        "test": found.test,
    }
    screen.say(TOOK.format(records=found.change.records, seconds=found.seconds, **told))


def _figures(one: Any) -> list[object]:
    interval = f"{one.low:+.3f}…{one.high:+.3f}" if math.isfinite(one.low) else str(TOO_FEW)
    return [one.records, f"{one.before:.3f}", f"{one.after:.3f}", f"{one.change:+.3f}", interval, SIGNS[one.verdict]]
