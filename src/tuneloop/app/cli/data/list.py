"""`tuneloop data list`: the dataset versions, newest first."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, moment
from tuneloop.wording import Words

NONE = Words(
    "No dataset version yet. Make one with: tuneloop prepare FILE", "还没有数据集版本。创建：tuneloop prepare 文件"
)
HEAD = (
    Words("name", "名称"), Words("made", "创建时间"), Words("records", "记录"), Words("train", "训练集"),
    Words("validation", "验证集"), Words("test", "测试集"), Words("test set as", "测试集同"), Words("kinds", "类型"),
)  # fmt: skip


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the dataset versions, newest first.

    \b
    Examples:
      tuneloop data
      tuneloop data list --json
    """
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        versions = datasets.versions(ws)[::-1]
    if not versions:
        screen.say(NONE)
    else:
        first = {one.report["test_set"]: one.name for one in versions if "test_set" in one.report}
        rows: list[list[object]] = [
            [
                one.name,
                moment(one.created),
                one.records,
                *[one.splits.get(split, 0) for split in ("train", "validation", "test")],
                first.get(one.report.get("test_set"), ""),
                ", ".join(one.kinds),
            ]
            for one in versions
        ]
        screen.table(rows, list(HEAD))
    screen.result(versions)
