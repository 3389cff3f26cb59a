"""`tuneloop data test-set`: whose test set a version has, and which versions share it."""

from __future__ import annotations

from tuneloop.app.cli.options import DataArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

NONE = Words("{name} has no test records.", "{name} 没有测试集记录。")
FOUND = Words("{name}: {records} test records, of {of}.", "{name}：{records} 条测试集记录，来自 {of}。")
ALIKE = Words(
    "The same test set have: {names}. Evaluations on these versions can be compared.",
    "测试集相同的版本：{names}。这些版本上的评测可以直接比较。",
)
ALONE = Words("No other version has this test set.", "没有其他版本使用这个测试集。")


def command(name: DataArgument = "newest", workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say whose test set a version has, and which share it.

    \b
    Examples:
      tuneloop data test-set data-2
    """
    from tuneloop.prepare.frozen import test_set
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        found = test_set(ws, version)
    if not found.records:
        screen.say(NONE.format(name=version.name))
    else:
        screen.say(FOUND.format(name=version.name, records=f"{found.records:,}", of=found.of or version.name))
        screen.say(ALIKE.format(names=", ".join(found.same_as)) if found.same_as else ALONE)
    screen.result(found)
