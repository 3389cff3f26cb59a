"""Batches laid aside on disk between two passes, so that memory does not grow with the data.

Arrow's stream format, compressed with LZ4, in a folder of the run that is removed at its end; what a killed run left is
removed by the next one.  Spills hold rows before personal data are hidden, hence the removal, and mode 0700.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.store.durable import storage_errors

if TYPE_CHECKING:
    import pyarrow as pa

    from tuneloop.runs import Lease

SPILL = "spill"


class Spill:
    """Written once, then read as often as needed."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow as pa

        self.path, self.schema, self.rows, self.bytes = path, schema, 0, 0
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with storage_errors(path):
            self._file = pa.OSFile(str(path), "wb")
            self._writer = pa.ipc.new_stream(self._file, schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            with storage_errors(self.path, needed=batch.nbytes):
                self._writer.write_batch(batch)
            self.rows += batch.num_rows
            self.bytes += batch.nbytes

    def close(self) -> None:
        """Must be called before reading; harmless when called again."""
        if not self._file.closed:
            with storage_errors(self.path):
                self._writer.close()
                self._file.close()

    def read(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        self.close()
        with pa.OSFile(str(self.path), "rb") as file, pa.ipc.open_stream(file) as reader:
            yield from reader

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


class Rows:
    """Gathers rows as plain dicts and writes them to a spill some thousand at a time."""

    def __init__(self, spill: Spill, at_once: int = 4096) -> None:
        self.spill, self._at_once = spill, at_once
        self._columns: dict[str, list[object]] = {name: [] for name in spill.schema.names}

    def add(self, *values: object) -> None:
        """One row, its values in the schema's order."""
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)
        if len(column) >= self._at_once:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        arrays = [
            pa.array(values, field.type)
            for values, field in zip(self._columns.values(), self.spill.schema, strict=True)
        ]
        self.spill.write(pa.RecordBatch.from_arrays(arrays, schema=self.spill.schema))
        for column in self._columns.values():
            column.clear()

    def close(self) -> Spill:
        """The spill, ready to be read; harmless when called again."""
        self.flush()
        self.spill.close()
        return self.spill


class Cursor:
    """Reads a spill whose column `row` rises, in step with other ones."""

    def __init__(self, spill: Spill) -> None:
        self._batches = spill.read()
        self._schema = spill.schema
        self._held: pa.RecordBatch | None = None

    def below(self, row: int) -> pa.Table:
        """All rows with a number under `row` that were not given out yet."""
        import numpy as np
        import pyarrow as pa

        pieces = []
        while (batch := self._held if self._held is not None else next(self._batches, None)) is not None:
            end = int(np.searchsorted(batch.column("row").to_numpy(), row))
            if end:
                pieces.append(batch.slice(0, end))
            self._held = batch.slice(end) if end < batch.num_rows else None
            if self._held is not None:
                break
        return pa.Table.from_batches(pieces, schema=self._schema)


class SpillFolder:
    """The folder of one run's spills; as a context manager it removes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def new(self, schema: pa.Schema) -> Spill:
        self._count += 1
        return Spill(self.folder / f"{self._count}.arrow", schema)

    def __enter__(self) -> SpillFolder:
        with storage_errors(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def spill_folder(lease: Lease | None) -> Iterator[SpillFolder]:
    """The folder of a run, or of a dry one somewhere else."""
    if lease is not None:
        _sweep(lease)
        with SpillFolder(lease.folder / SPILL) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="tuneloop-") as place, SpillFolder(Path(place) / "spill") as folder:
        yield folder


def _sweep(lease: Lease) -> None:
    """Remove what killed runs laid aside: it holds personal data in the clear."""
    from tuneloop.runs import queue

    at_work = {
        run.id for run in queue.list(lease.ws, states=("running", "pausing", "cancelling")) if not run.interrupted
    }
    for folder in lease.ws.path("runs").glob(f"*/{SPILL}"):
        if folder.parent.name not in at_work:
            shutil.rmtree(folder, ignore_errors=True)
