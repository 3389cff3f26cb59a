"""The same code on a real PostgreSQL: schema, versions, queue, claimers at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kill_points import fork, forks
from tests.postgres import postgres

from tuneloop.errors import ConflictError
from tuneloop.runs import queue
from tuneloop.store import Workspace, database, datasets, settings, sources
from tuneloop.store.schema import metadata

pytestmark = [pytest.mark.postgres, forks]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of our own; its URL without a database."""
    with postgres() as found:
        yield found.url


@pytest.fixture
def folder(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    import psycopg

    name = f"test_{abs(hash(request.node.name))}"
    with psycopg.connect(server.format("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    monkeypatch.setenv(database.VARIABLE, server.format(name))
    return tmp_path / "w"


def test_migrations_make_the_same_tables(folder: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Workspace.find(folder) as ws, ws.db.read() as connection:
        assert connection.dialect.name == "postgresql"
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_processes_that_make_one_workspace_at_once_agree(folder: Path) -> None:
    def make(number: int) -> None:
        with Workspace.find(folder) as ws:
            sources.add_source(ws, f"{number}.txt", kind="own", digest="x", size=1)
            sources.add_source(ws, "shared.txt", kind="own", digest="x", size=1)

    children = [fork(lambda n=number: make(n)) for number in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    with Workspace.find(folder) as ws:
        assert sorted(one.id for one in sources.sources(ws)) == [f"source-{number}" for number in range(1, 6)]


def test_versions_and_settings(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        with ws.ledgers.writer("members") as writer:
            writer.write([{"record": "r1:a", "split": "train", "weight": 1.0}])
            members = writer.commit()
        for _ in range(2):
            datasets.add_version(
                ws,
                id="d1:one",
                splits={"train": 1},
                kinds={"chat": 1},
                pipeline={"语": "言"},
                report={"loss": float("nan")},
                ledgers={"members": members},
            )
        (version,) = datasets.versions_with(ws, "r1:a")
        assert (version.name, version.pipeline, version.report) == ("data-1", {"语": "言"}, {"loss": None})
        settings.set_setting(ws, "a", [1])
        settings.set_setting(ws, "a", [2])
        assert settings.get_setting(ws, "a") == [2]


def test_the_queue_with_several_claimers(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        settings.set_setting(ws, "run_slots", {"light": 4})
        for number in range(30):
            queue.submit(ws, "train", {"number": number})

    def drain() -> None:
        with Workspace.find(folder) as ws:
            while lease := queue.claim(ws, wait=1.0):
                lease.metric(1, loss=float("nan"))
                lease.metric(1, loss=2.0)
                lease.event("done", by=os.getpid())
                lease.finish()

    children = [fork(drain) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    with Workspace.find(folder) as ws:
        for run in queue.list(ws):
            assert (run.state, run.attempt) == ("succeeded", 1)
            assert [event.number for event in queue.events(ws, run.id)] == [1, 2, 3, 4]
            assert [point.value for point in queue.metrics(ws, run.id)] == [2.0]


def test_checkpoints_and_fences(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        lease = queue.here(ws, "train", {}, seconds=0.6)
        for step in (1, 2, 3):
            place = lease.new_checkpoint()
            (place / "weights").write_text(str(step))
            lease.commit_checkpoint(place, step, loss=1.0 / step)
        assert [one.step for one in lease.checkpoints()] == [3, 2]
        queue.pause(ws, lease.run)
        assert lease.should_stop() == "pause"
        lease.pause()
        again = queue.here(ws, "train", {}, run_id=lease.run)
        with pytest.raises(ConflictError, match="no longer held"):
            lease.event("late")
        latest = again.latest_checkpoint()
        assert latest is not None
        assert (latest / "weights").read_text() == "3"
        again.finish()


def test_a_backup_moves_from_sqlite_to_postgresql_and_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneloop.serve import aliases, approvals
    from tuneloop.store import models
    from tuneloop.store.backup import backup, restored

    url = os.environ[database.VARIABLE]
    monkeypatch.delenv(database.VARIABLE)
    with Workspace.find(tmp_path / "one") as ws:
        place = ws.path("models", "m1")
        (place / "weights").write_text("w")
        name = models.add_model(
            ws, base="starter", form="full", folder=place, objective="sft", tuner="full", recipe={"x": [1, "二"]}
        ).name
        approvals.decide(ws, name, "approved", person="Li")
        aliases.point(ws, "support", [aliases.Target(name)], person="Li")
        backup(ws, tmp_path / "one.tar")
    monkeypatch.setenv(database.VARIABLE, url)
    with restored(tmp_path / "one.tar", tmp_path / "two") as ws:
        assert ws.db.place.startswith("postgresql")
        assert aliases.resolve(ws, "support") == name
        assert models.model(ws).recipe == {"x": [1, "二"]}
        approvals.decide(ws, name, "approved", person="Chen")  # numbers go on
        backup(ws, tmp_path / "two.tar")
        with pytest.raises(ConflictError, match="is not empty"):
            restored(tmp_path / "one.tar", tmp_path / "three")
    monkeypatch.delenv(database.VARIABLE)
    with restored(tmp_path / "two.tar", tmp_path / "four") as ws:
        assert [one.person for one in approvals.history(ws, name)] == ["Chen", "Li"]


def test_reviews_and_verdicts_are_kept_and_erased(folder: Path) -> None:
    from tuneloop.store import reviews, standards
    from tuneloop.store.reviews import ReviewItem, Verdict

    with Workspace.find(folder) as ws:
        kept = standards.add_standard(ws, "main", {"title": {"en": "a", "zh": "甲"}}, person="Mei")
        assert standards.add_standard(ws, "main", {"title": {"en": "a", "zh": "甲"}}, person="Tom") == kept
        items = [ReviewItem(place, f"r1:{place}", "all", {"tag": ("退款",)}) for place in (1, 2, 3)]
        one = reviews.add_review(
            ws, scenario="main", dataset="data-1", standard=kept.name, asked={"count": 3}, strata={"all": 3},
            items=items, person="Mei",
        )  # fmt: skip
        reviews.add_verdicts(ws, one, [Verdict(item.record, "polite", 0.0, "Mei") for item in items])
        reviews.add_verdicts(ws, one, [Verdict("r1:1", "polite", 1.0, "Mei", note="看错了")])
        assert [v.value for v in reviews.verdicts_on(ws, kept.name, ["r1:1", "r1:2"])] == [0.0, 1.0]
        with ws.db.write() as connection:
            assert reviews.erase_records(connection, ["r1:1"]) == 2
        assert [item.record for item in reviews.items_of(ws, one.name)] == ["r1:2", "r1:3"]
        assert reviews.items_of(ws, one.name)[0].groups == {"tag": ["退款"]}
        assert reviews.review(ws) == one == reviews.all_reviews(ws, "data-1")[0]
