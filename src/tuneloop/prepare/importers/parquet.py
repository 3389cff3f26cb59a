"""Parquet tables, read in batches."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.importer import Head, Importer, Item, Rejection, Row, excerpt
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

BATCH_ROWS = 256


class Parquet(Importer):
    """Rows of a columnar file, a batch at a time."""

    title = Words("Parquet", "Parquet")
    help = Words(
        "Columnar tables, as data hubs hand them out; nested lists and structures are kept.",
        "列式表格，数据集平台常用的下载格式；保留嵌套的列表和结构。",
    )

    def recognize(self, head: Head) -> float:
        return 1.0 if head.data.startswith(b"PAR1") else 0.0

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        number = 0
        with file.open() as stream:
            try:
                table = pq.ParquetFile(stream)
            except (pa.ArrowException, OSError) as error:
                raise InputError(
                    f"is a Parquet file that cannot be read ({_short(error)})",
                    where=Where(file=file.name),
                    do="Copy it again: it seems to be cut off",
                ) from None
            try:
                for batch in table.iter_batches(batch_size=BATCH_ROWS):
                    for row in batch.to_pylist():
                        number += 1
                        yield _item(row, number)
            except (pa.ArrowException, OSError) as error:
                message = f"the rows from here on cannot be read ({_short(error)}). Copy the file again."
                yield Rejection("cut_off", message, f"row {number + 1}")


def _item(row: dict[str, Any], number: int) -> Item:
    try:
        return Row({key: _plain(value) for key, value in row.items()}, f"row {number}", None, number)
    except UnicodeDecodeError:
        return Rejection(
            "bad_bytes", "found bytes that are no text; expected texts and numbers.", f"row {number}", excerpt(str(row))
        )


def _plain(value: Any) -> Any:
    """JSON data from what Arrow gives: times as ISO 8601, decimals as texts, bytes as UTF-8."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    return str(value)


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:120]
