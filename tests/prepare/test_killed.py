"""A preparation killed (-9) at any of its writes leaves no version, or the whole one, and the next gets through."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.kill_points import each_write, forks

from tuneloop.prepare import prepare, versions
from tuneloop.store import Workspace, datasets

ROWS = [
    {"question": f"第{n}个问题，关于{chr(0x4E00 + 37 * n)}", "answer": f"答案{n}，电话1381234{n:04d}"}
    for n in range(12)
]


def killed(tmp_path, empty_workspace, every):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*ROWS, ROWS[0]]), encoding="utf-8")
    wanted = prepared(tmp_path / "whole", empty_workspace, path)

    def work(count: int) -> None:
        prepared(tmp_path / f"ws-{count}", empty_workspace, path)

    def check(count: int, done: bool) -> None:
        folder = tmp_path / f"ws-{count}"
        if not folder.exists():
            return
        with Workspace.find(folder) as ws:
            there = datasets.versions(ws)
            assert [one.id for one in there] in ([], [wanted])
            assert len(there) == 1 or not done
            for version in there:
                assert sum(1 for _ in versions.records(ws, version)) == 12
                assert sum(1 for _ in versions.fates(ws, version)) == 13
            if not done:
                assert prepare(path, workspace=ws).id == wanted
                assert not list(folder.rglob("*.arrow"))
        shutil.rmtree(folder)

    return each_write(work, check, every=every, limit=1000)


def prepared(folder, empty_workspace, path):
    if not folder.exists():
        shutil.copytree(empty_workspace, folder)
    with Workspace.find(folder) as ws:
        return prepare(path, workspace=ws).id


@forks
def test_killed_at_some_writes(tmp_path, empty_workspace):
    assert killed(tmp_path, empty_workspace, every=17) > 20


@forks
@pytest.mark.slow
def test_killed_at_every_write(tmp_path, empty_workspace):
    assert killed(tmp_path, empty_workspace, every=1) > 20
