"""A large version is extended without reading it: the result is the same as when it is read."""

import errno
import json
import random

import pytest
from tests.prepare.test_gate import text

from tuneloop.prepare import PrepareRecipe, extended, near_index, prepare, versions
from tuneloop.prepare.recipe import DEFAULT_STEPS
from tuneloop.records import Progress
from tuneloop.runs import queue
from tuneloop.store import Workspace, datasets

NEAR = (*DEFAULT_STEPS[:-1], "near_duplicates", DEFAULT_STEPS[-1])


def row(number: int, **beside) -> dict:
    return {"question": text(number), "answer": text(-number - 1, 40), **beside}


OLD = [row(number, group=f"talk-{number}", topic=f"t{number % 3}") for number in range(300)]
NEW = [
    *(row(number) for number in range(1000, 1018)),
    row(3),  # an old one
    row(4) | {"answer": text(-5, 40) + "呢"},  # nearly an old one
    row(5) | {"answer": text(77, 40)},  # an old question
    row(2000, group="talk-6"),  # an old conversation
    row(1001),  # a repeat of its own
    row(2001, topic="t1"),
]


@pytest.mark.parametrize("steps", [DEFAULT_STEPS, NEAR])
@pytest.mark.parametrize("tags", [None, "topic"])
def test_the_same_version_comes_out(tmp_path, monkeypatch, steps, tags):
    made = []
    for large in (1 << 40, 100):
        monkeypatch.setattr(extended, "LARGE", large)
        with Workspace.find(tmp_path / str(large)) as ws:
            for name, rows in (("old", OLD), ("new", random.Random(1).sample(NEW, len(NEW)))):
                indexed = (ws.folder / "index").is_dir()
                assert indexed == (name == "new" and large == 100), "made with the large version, not by what follows"
                file = tmp_path / f"{name}.jsonl"
                file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
                more = {"tags": tags} if tags else {}
                recipe = PrepareRecipe(steps=steps, extend="newest" if name == "new" else None, **more)
                version = prepare(file, workspace=ws, recipe=recipe)
            fates = [(one.outcome, one.reason, one.record) for one in versions.fates(ws, version)]
            told = {
                name: version.report[name] for name in ("splits", "kinds", "languages", "lengths", "counts", "test_set")
            }
            made.append((version.id, fates, told, [one.id for one, _, _ in versions.records(ws, version)]))
    assert made[0] == made[1]


def test_who_stops_the_making_of_the_index_keeps_the_version(tmp_path, monkeypatch):
    monkeypatch.setattr(extended, "LARGE", 100)
    file = tmp_path / "old.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in OLD), encoding="utf-8")
    with Workspace.find(tmp_path / "ws") as ws, queue.here(ws, "prepare", {}) as lease:

        def watch(progress: Progress) -> None:
            if progress.stage == "index":
                assert (progress.done, progress.total) == (300, 300)
                queue.cancel(ws, lease.run)

        version = prepare(file, workspace=ws, lease=lease, progress=watch)
        assert version.records == 300
        assert not (ws.folder / "index").is_dir() or not list((ws.folder / "index").iterdir())


def test_a_disk_that_fills_up_under_the_index_keeps_the_version(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(extended, "LARGE", 100)
    monkeypatch.setattr(near_index, "publish", full)
    file = tmp_path / "old.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in OLD), encoding="utf-8")
    with Workspace.find(tmp_path / "ws") as ws:
        assert prepare(file, workspace=ws).records == 300
        assert not list((ws.folder / "index").iterdir()), "nothing half written is left"
        monkeypatch.undo()
        address = datasets.addresses(ws, "data-1", "records")[0]
        assert near_index.make(ws, address).is_dir()
