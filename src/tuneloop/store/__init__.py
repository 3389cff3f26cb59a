"""Where everything rests: rows in a database, blobs by content, ledgers in columns.

    workspace.py   a folder that can be copied and moved, and the way to find it
    database.py    read and write transactions over SQLite or PostgreSQL
    tables.py      the tables; migrations/ makes them, migrate.py runs it
    blobs.py       bytes by the hash of their content; remote.py keeps them in an object store
    ledgers.py     what machines say about every record, as Parquet
    keys.py        the key to originals of personal data, which never lies inside the workspace
    sample.py      which of a version's records are looked at, where not all are
    sources.py datasets.py models.py evaluations.py restores.py settings.py    typed functions over the rows

A row that makes a version or a model visible is written last, after its blobs exist, in one transaction: a process
killed at any instant leaves nothing half visible.
"""

from __future__ import annotations

from tuneloop.store.workspace import Workspace

__all__ = ["Workspace"]
