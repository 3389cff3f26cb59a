"""A workspace: one folder that holds a project's data, runs and models, and can be copied and moved.

    workspace.json    the format version and the workspace's id
    tuneloop.db       rows (not there when the rows rest in PostgreSQL)
    blobs/            content by its hash
    runs/  models/  reports/    folders of runs, models and pages; rows name them relative to the workspace

Only the key to originals of personal data lies outside.  A path in the database is always relative.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.errors import NotFoundError, StorageError, UsageError, Where
from tuneloop.store import keys
from tuneloop.store.durable import make_folder, publish_once, read_only, storage_errors, temporary_beside, write_file

if TYPE_CHECKING:
    from tuneloop.store.blobs import Blobs
    from tuneloop.store.database import Database
    from tuneloop.store.ledgers import Ledgers

FOLDER = ".tuneloop"
FETCHED = "fetched"
"""The folder of what was fetched from elsewhere, until a version is made of it."""
MARKER = "workspace.json"
FORMAT = 1


class Workspace:
    """An open workspace; `find` is the way to one.  Use it as a context manager, or call `close`."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder, self.id = folder, identity
        # Of its own: until Python 3.12 a cached property has one lock for all objects, so that one workspace that
        # opens slowly would stop the others, and a forked process could wait for ever.
        self._opening = threading.Lock()
        self._db: Database | None = None

    @classmethod
    def find(cls, path: str | Path | None = None, create: bool = True) -> Workspace:
        """The workspace at `path`, else the nearest `.tuneloop` upwards from here, else a new `.tuneloop` here.

        A project's folder may be given instead of the `.tuneloop` inside it.  Without `create` a missing workspace
        raises `NotFoundError`.
        """
        folder = _given(Path(path)) if path is not None else _nearest(Path.cwd())
        marker = folder / MARKER
        if not marker.exists():
            if not create:
                raise NotFoundError(
                    "there is no workspace here",
                    where=Where(file=folder),
                    do="Make one with: tuneloop prepare FILE, or name one with -w FOLDER",
                )
            _make(folder)
        return cls(folder, _read_marker(marker))

    @property
    def db(self) -> Database:
        """The database, opened and brought to this version's schema when it is first used."""
        with self._opening:
            if self._db is None:
                from tuneloop.store.database import Database
                from tuneloop.store.migrate import migrate

                database = Database.of_folder(self.folder, readonly=self.readonly)
                migrate(database)
                self._db = database
            return self._db

    @cached_property
    def blobs(self) -> Blobs:
        from tuneloop.store.blobs import Blobs
        from tuneloop.store.remote import VARIABLE, RemoteBlobs

        url = os.environ.get(VARIABLE)
        return RemoteBlobs(self.folder / "blobs", url) if url else Blobs(self.folder / "blobs")

    @cached_property
    def ledgers(self) -> Ledgers:
        from tuneloop.store.ledgers import Ledgers

        return Ledgers(self.blobs)

    @property
    def readonly(self) -> bool:
        """Whether the folder refuses writing (a mount, or its permissions); reading still works then."""
        return not os.access(self.folder, os.W_OK)

    def path(self, *parts: str) -> Path:
        """A folder inside the workspace, made when it is not there: `ws.path("runs", run_id)`."""
        folder = self.folder.joinpath(*parts)
        if not folder.resolve().is_relative_to(self.folder):
            raise UsageError(f"found the path {'/'.join(parts)!r}", expected="a place inside the workspace")
        if not folder.is_dir():
            with storage_errors(folder):
                make_folder(folder)
        return folder

    def relative(self, path: Path) -> str:
        """A path as rows keep it: relative to the workspace, with forward slashes."""
        resolved = path.resolve()
        if not resolved.is_relative_to(self.folder):
            raise UsageError(f"found the path {str(path)!r}", expected=f"a place inside {self.folder}")
        return resolved.relative_to(self.folder).as_posix()

    def key(self, create: bool = False) -> bytes | None:
        """This workspace's key for originals and pseudonyms; None where the user's key is absent."""
        if keys.key_file().resolve().is_relative_to(self.folder):
            raise UsageError(
                "the key to originals lies inside the workspace",
                expected="a place outside, so that a copy of the workspace doesn't carry the key along",
                where=Where(file=keys.key_file()),
                do=f"Move the key file, and point {keys.VARIABLE} to it",
            )
        return keys.workspace_key(self.id, create=create)

    def close(self) -> None:
        with self._opening:
            database, self._db = self._db, None
        if database is not None:
            database.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workspace({str(self.folder)!r})"


def _given(path: Path) -> Path:
    folder = path.expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise UsageError("found a file", expected="the folder of a workspace", where=Where(file=folder))
    inside = folder / FOLDER
    return inside if not (folder / MARKER).exists() and (inside / MARKER).exists() else folder


def _nearest(here: Path) -> Path:
    for parent in (here, *here.parents):
        if (parent / FOLDER / MARKER).is_file():
            return (parent / FOLDER).resolve()
    return (here / FOLDER).resolve()


def _make(folder: Path) -> None:
    parent = folder
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise read_only(folder)
    with storage_errors(folder):
        make_folder(folder)
    marker = folder / MARKER
    own = temporary_beside(marker)
    write_file(own, json.dumps({"format": FORMAT, "id": secrets.token_hex(16)}, indent=2).encode() + b"\n")
    publish_once(own, marker)  # of two processes that make the same workspace, one id wins and both read it


def _read_marker(marker: Path) -> str:
    try:
        data = json.loads(marker.read_text(encoding="utf-8"))
        version, identity = int(data["format"]), str(data["id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"the workspace's marker cannot be read ({error})",
            where=Where(file=marker),
            do="Restore this file from a copy of the workspace, or choose another folder with -w FOLDER",
        ) from error
    if version > FORMAT:
        raise StorageError(
            f"the workspace has format {version}",
            expected=f"at most {FORMAT}, which this version of tuneloop can read",
            where=Where(file=marker),
            do="Install a newer tuneloop: pip install -U tuneloop",
        )
    return identity
