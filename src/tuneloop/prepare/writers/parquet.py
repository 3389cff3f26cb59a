"""Parquet: typed columns, compressed; messages as lists of structs, as data set libraries hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tuneloop.prepare.writer import Rows, Writer
from tuneloop.wording import Words

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096


class Parquet(Writer):
    """Fields that some messages lack are null in them: a column has one type.

    Tools are JSON texts, since no two of them have the same fields.
    """

    title = Words("Parquet", "Parquet")
    help = Words("Typed and compressed columns (zstd), for large sets.", "带类型的压缩列（zstd），适合大数据集。")
    media: ClassVar[str] = "application/vnd.apache.parquet"
    passes: ClassVar[int] = 2

    def write(self, file: Path, rows: Rows) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.unify_schemas([one.schema for one in _tables(rows)], promote_options="permissive")
        with pq.ParquetWriter(file, schema, compression="zstd") as out:
            for table in _tables(rows, schema):
                out.write_table(table)


def _tables(rows: Rows, schema: pa.Schema | None = None) -> Iterator[pa.Table]:
    import pyarrow as pa

    left = rows()
    while batch := list(islice(left, _ROWS)):
        names = list(dict.fromkeys(name for row in batch for name in row))
        full = [{name: _typed(name, row.get(name)) for name in names} for row in batch]
        yield pa.Table.from_pylist(full, schema=schema)


def _typed(name: str, value: Any) -> Any:
    if name == "tools" and value is not None:
        return json.dumps(value, ensure_ascii=False)
    return {key: _typed(key, one) for key, one in value.items()} if isinstance(value, dict) else value
