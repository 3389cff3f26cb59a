"""A PostgreSQL server of a test's own, which can be stopped and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))


class Postgres:
    """On a socket in a folder of its own."""

    def __init__(self, folder: Path, control: str, user: dict[str, Any]) -> None:
        self.folder, self._control, self._user = folder, control, user

    @property
    def url(self) -> str:
        """With `{}` where the database's name goes."""
        return f"postgresql+psycopg://postgres@/{{}}?host={self.folder}"

    def database(self, name: str) -> str:
        """The URL of a new database."""
        import psycopg

        with psycopg.connect(self.url.format("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url.format(name)

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        self.call(
            self._control, "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options, "-w", "start"
        )

    def stop(self, how: str = "immediate") -> None:
        self.call(self._control, "-D", str(self.folder / "data"), "-m", how, "stop")

    def call(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False, **self._user)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A started server; the test is skipped where there is none on this machine."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    initdb, control = program("initdb"), program("pg_ctl")
    if not initdb or not control:
        pytest.skip("no initdb on this machine: install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if user:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
    found = Postgres(folder, control, user)
    found.call(initdb, "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync")
    found.start()
    try:
        yield found
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            found.stop()
        shutil.rmtree(folder)
