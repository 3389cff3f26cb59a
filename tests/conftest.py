"""What holds for every test: no network, no telemetry, English, and nothing outside the test's own folders.

`--no-skips` (used by `python dev.py test --all`) turns a skipped test into a failed run, so that a machine which lacks
something cannot pass unnoticed.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
    TOKENIZERS_PARALLELISM="false",
    TUNELOOP_LANG="en",
)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def _own_config_folder(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """The key to personal originals lies in the user's config folder; tests get one of their own."""
    folder = tmp_path_factory.mktemp("config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNELOOP_KEY_FILE", str(folder / "key"))
        yield


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace is looked for upwards from the current folder, so no test runs inside the checkout."""
    monkeypatch.chdir(tmp_path)


_SCHEMA: list[str] = []
"""What made the tables of the first new SQLite database of this process."""


@pytest.fixture(autouse=True)
def _schema_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new database repeats the statements of the first: 0.02 s for 0.09 s of migrations, a thousand times.

    The tests of the store run the migrations themselves.
    """
    if "store" in request.path.parent.parts:
        return
    from sqlalchemy import Connection

    from tuneloop.store import migrate
    from tuneloop.store.database import Database

    upgrade = migrate._upgrade

    def quick(database: Database, connection: Connection, to: str) -> None:
        if connection.dialect.name != "sqlite" or to != migrate.HEAD or migrate.stamp(connection) is not None:
            upgrade(database, connection, to)
        elif _SCHEMA:
            for statement in _SCHEMA:
                connection.exec_driver_sql(statement)
        else:
            upgrade(database, connection, to)
            dump = connection.connection.driver_connection.iterdump()
            _SCHEMA.extend(one for one in dump if one not in ("BEGIN TRANSACTION;", "COMMIT;"))

    monkeypatch.setattr(migrate, "_upgrade", quick)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of 80,000 random weights with one token per byte, for tests that need any base."""
    from tests.evaluate.world import make_base

    return make_base(tmp_path_factory.mktemp("tiny-base"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail the run if any test was skipped")


class _Skips:
    """Counts skipped tests and modules on the process that reports (under xdist: the controller)."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.found.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.found.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.found and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.write_line(f"--no-skips: {len(self.found)} skipped, so this run has failed", red=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that fork come first, their files before the others, as the threads of others would end in their children.

    Then the files with slow tests: last, they would run for minutes on one worker while the others wait.
    """
    files = list(dict.fromkeys(item.path for item in items))
    forks = {item.path for item in items if item.get_closest_marker("forks")}
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    place = {path: n for n, path in enumerate(sorted(files, key=lambda path: (path not in forks, path not in slow)))}
    items.sort(key=lambda item: (place[item.path], item.get_closest_marker("forks") is None))
    for item in items:
        if item.get_closest_marker("forks") and not hasattr(os, "fork"):
            item.add_marker(pytest.mark.skip(reason="this system cannot fork"))


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--no-skips"):
        config.pluginmanager.register(_Skips(), "no-skips")
