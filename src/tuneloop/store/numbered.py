"""Rows of a numbered table: all of them, or the newest ones below a number, a page of which is cheap."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select


def numbered(
    connection: Connection,
    query: Select[Any],
    number: ColumnElement[int],
    below: int | None = None,
    limit: int | None = None,
) -> list[RowMapping]:
    """The rows of a query, oldest first; of those with a number below `below` the newest `limit`."""
    if below is not None:
        query = query.where(number < below)
    return list(connection.execute(query.order_by(number.desc()).limit(limit)).mappings())[::-1]
