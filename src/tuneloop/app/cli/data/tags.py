"""`tuneloop data tags`: amount, quality, losses, use and results of each tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.app.cli.options import DataArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.prepare.tag_values import TagValue

NONE = Words(
    "No record of {name} has a tag. Say where tags are in the recipe, such as prepare.tags: topic",
    "{name} 的记录没有标签。可在配方中指定标签的来源，如 prepare.tags: topic",
)
HEAD = (
    Words("tag", "标签"), Words("records", "记录"), Words("train", "训练集"), Words("test", "测试集"),
    Words("grades", "来源等级"), Words("length", "平均长度"), Words("merged", "合并"), Words("lost", "去除"),
    Words("versions", "版本"), Words("models", "模型"), Words("results, tuned - base", "结果（微调 - 基座）"),
)  # fmt: skip
RESULT = Words(
    "{model}: {metric} {base} → {tuned}, {change} ({low} to {high}) of {count}",
    "{model}：{metric} {base} → {tuned}，{change}（{low} 到 {high}），{count} 题",
)


def command(name: DataArgument = "newest", workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what each tag is worth: amount, losses, use, results.

    \b
    Examples:
      tuneloop data tags
      tuneloop data tags data-2 --json
    """
    from tuneloop.prepare.tag_values import tag_values
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        found = tag_values(ws, version)
    if found:
        screen.table([_row(one) for one in found], list(HEAD))
    else:
        screen.say(NONE.format(name=version.name))
    screen.result(found)


def _row(one: TagValue) -> list[object]:
    graded = any(one.grades)
    grades = " ".join(f"{grade or '-'}:{count:,}" for grade, count in one.grades.items()) if graded else ""
    merged = one.outcomes["merged"] / one.items if one.items else 0.0
    counts = [f"{count:,}" for count in (one.records, one.splits.get("train", 0), one.splits.get("test", 0))]
    uses = [len(one.versions), len(one.models)]
    return [
        one.tag,
        *counts,
        grades,
        f"{one.mean_length:,.0f}",
        f"{merged:.0%}",
        f"{one.lost:.0%}",
        *uses,
        _result(one),
    ]


def _result(one: TagValue) -> str:
    """The first result, which is of the newest evaluation."""
    if not one.results:
        return ""
    first = one.results[0]
    shown = {
        "base": f"{first.base:.0%}",
        "tuned": f"{first.tuned:.0%}",
        "change": f"{first.difference:+.0%}",
        "low": f"{first.low:+.0%}",
        "high": f"{first.high:+.0%}",
    }
    return str(RESULT.format(model=first.model, metric=first.metric, count=first.questions, **shown))
