"""Transactions, migrations, sentences for what goes wrong in the database."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from tests.kill_points import each_write, forked, forks

from tuneloop.errors import ConflictError, StorageError
from tuneloop.store import Workspace, database, migrate, settings, sources
from tuneloop.store.database import clock
from tuneloop.store.schema import metadata

VERSIONS = Path(migrate.__file__).with_name("migrations") / "versions"


def test_head_is_the_newest_migration() -> None:
    files = sorted(re.match(r"(\d{4})_", file.name)[1] for file in VERSIONS.glob("[0-9]*.py"))  # type: ignore[index]
    assert files[-1] == migrate.HEAD


def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Workspace.find(tmp_path) as ws, ws.db.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrations_go_down_and_up_again(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    with Workspace.find(tmp_path) as ws:
        config = Config()
        config.set_main_option("script_location", str(VERSIONS.parent))
        with ws.db.write(foreign_keys=False) as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
            assert set(inspect(connection).get_table_names()) == {"alembic_version"}
            command.upgrade(config, "head")
        assert sources.add_source(ws, "a", kind="own", digest="x", size=1).id == "source-1"


@forks
def test_a_process_killed_while_it_makes_a_workspace_leaves_one_that_opens(tmp_path: Path) -> None:
    import alembic.command  # noqa: F401  (so that the forked processes needn't import it each time)

    def make(count: int) -> None:
        with Workspace.find(tmp_path / str(count)) as ws:
            settings.set_setting(ws, "a", 1)

    def check(count: int, done: bool) -> None:
        with Workspace.find(tmp_path / str(count)) as ws:
            assert settings.get_setting(ws, "a") in ({1} if done else {1, None})
            sources.add_source(ws, "a", kind="own", digest="x", size=1)

    assert each_write(make, check, every=5) > 10


def test_a_current_workspace_opens_without_alembic(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        assert migrate.stamp is not None
        settings.set_setting(ws, "a", 1)
    code = (
        "import sys; from tuneloop.store import Workspace; heavy = 'sqlalchemy' in sys.modules; "
        f"ws = Workspace.find({str(tmp_path)!r}); ws.db; "
        "print(heavy, 'alembic' in sys.modules, 'pyarrow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False", "False"]


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws, ws.db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer tuneloop"), Workspace.find(tmp_path) as ws:
        settings.get_setting(ws, "a")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        with pytest.raises(ZeroDivisionError), ws.db.write() as connection:
            connection.execute(text("INSERT INTO settings VALUES ('a', '1')")).rowcount / 0
        assert settings.get_setting(ws, "a") is None


def test_readers_go_on_while_somebody_writes_and_see_only_what_is_committed(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "a", 1)
        seen: list[object] = []
        with ws.db.write() as connection:
            connection.execute(text("UPDATE settings SET value = '2'"))
            reader = threading.Thread(target=lambda: seen.append(settings.get_setting(ws, "a")))
            reader.start()
            reader.join(10)
        assert seen == [1]
        assert settings.get_setting(ws, "a") == 2


def test_writers_of_several_threads_queue(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "n", 0)

        def count() -> None:
            for _ in range(25):
                with ws.db.write() as connection:
                    value = int(connection.execute(text("SELECT value FROM settings")).scalar_one())
                    connection.execute(text("UPDATE settings SET value = :value"), {"value": str(value + 1)})

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert settings.get_setting(ws, "n") == 100


def test_a_second_write_inside_a_write_is_a_bug_and_not_a_wait(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        with ws.db.write(), pytest.raises(RuntimeError, match="already open"):
            settings.set_setting(ws, "a", 1)
        settings.set_setting(ws, "a", 1)


def test_a_writer_that_holds_on_too_long_is_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.3)
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "a", 1)
        other = sqlite3.connect(ws.db.place, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConflictError, match="another process has been writing"):
            settings.set_setting(ws, "a", 2)
        other.execute("ROLLBACK")
        settings.set_setting(ws, "a", 2)
        other.close()


def test_writers_of_one_process_wait_for_their_turn_without_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.find(tmp_path) as ws:
        begun, told = threading.Event(), []

        def wait() -> None:
            begun.set()
            try:
                settings.set_setting(ws, "a", 2)
            except ConflictError as error:
                told.append(str(error))

        for seconds in (30.0, 0.2):
            monkeypatch.setattr(database, "BUSY_SECONDS", seconds)
            begun.clear()
            waiting = threading.Thread(target=wait)
            with ws.db.write():
                waiting.start()
                assert begun.wait(20)
                time.sleep(0.5)
                assert ws.db.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
            waiting.join(20)
            assert settings.get_setting(ws, "a") == 2
        assert len(told) == 1
        assert "has been writing to the workspace" in told[0]


def test_a_damaged_database_is_a_sentence(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "a", 1)
        file = Path(ws.db.place)
    file.write_bytes(b"x" * 8192)
    with pytest.raises(StorageError, match="database is damaged"), Workspace.find(tmp_path) as ws:
        settings.get_setting(ws, "a")


@forks
def test_a_full_disk_is_a_sentence_and_leaves_the_database_whole(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "before", 1)

    def fill() -> None:
        import resource  # not on Windows

        with Workspace.find(tmp_path) as ws:
            settings.get_setting(ws, "before")
            limit = 64 << 10  # no file may grow beyond it, which a program meets like a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            with pytest.raises(StorageError) as caught:
                fill_with_settings(ws)
            assert "free" in str(caught.value)
            assert settings.get_setting(ws, "before") == 1

    assert forked(fill) == 0
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "after", 2)
        with ws.db.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def fill_with_settings(ws: Workspace) -> None:
    for number in range(400):
        settings.set_setting(ws, f"key {number}", "x" * 4000)


def test_the_clock_is_the_databases(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws, ws.db.read() as connection:
        assert abs(clock(connection) - time.time()) < 5


def test_numbers_that_are_not_finite_are_kept_as_null(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        settings.set_setting(ws, "a", {"loss": float("nan"), "more": [1, float("inf")], "中": "文"})
        assert settings.get_setting(ws, "a") == {"loss": None, "more": [1, None], "中": "文"}


def test_another_database_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(database.VARIABLE, f"sqlite:///{tmp_path}/other.db")
    with Workspace.find(tmp_path / "w") as ws:
        settings.set_setting(ws, "a", 1)
    assert (tmp_path / "other.db").exists()
    assert not os.path.exists(tmp_path / "w" / database.FILE)  # noqa: PTH110
