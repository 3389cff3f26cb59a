"""Settings of a workspace: small JSON values by key, such as how many runs may go at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from tuneloop.store.database import upsert
from tuneloop.store.tables import settings as table
from tuneloop.store.workspace import Workspace


def get_setting(ws: Workspace, key: str, default: Any = None) -> Any:
    with ws.db.read() as connection:
        row = connection.execute(select(table.c.value).where(table.c.key == key)).first()
    return default if row is None else row[0]


def set_setting(ws: Workspace, key: str, value: Any) -> None:
    """Keep a value; None removes the key."""
    with ws.db.write(durable=True) as connection:
        put_setting(connection, key, value)


def put_setting(connection: Connection, key: str, value: Any) -> None:
    """As `set_setting`, inside a transaction."""
    if value is None:
        connection.execute(delete(table).where(table.c.key == key))
    else:
        upsert(connection, table, [{"key": key, "value": value}])
