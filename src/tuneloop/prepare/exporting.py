"""A dataset version as a file for other programs, whole or not at all.

The file's ending says the format, the layout what a row looks like.  A record that the layout cannot say stops the
export with its name; an existing file is not replaced unless told to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneloop.config import Settings, setting
from tuneloop.errors import UsageError, nearest
from tuneloop.prepare import run_files
from tuneloop.prepare.layout import Layout, layouts
from tuneloop.prepare.versions import records
from tuneloop.prepare.writer import writers
from tuneloop.records import DatasetVersion, Progress, Split, Watcher, unwatched
from tuneloop.store import Workspace, durable
from tuneloop.store.tags import tags_of

BESIDE = ("id", "split", "weight", "tags")
"""What may stand beside a record's own fields."""
_TOLD_EVERY = 1000


class ExportSettings(Settings):
    """An export as a run is asked for it."""

    layout: str = setting("openai", en="what a row looks like", zh="每行的格式")
    form: str = setting("jsonl", en="the file's format", zh="文件格式")
    split: Split | None = setting(None, en="one split; left out: all", zh="只导出某个划分；不填则全部")
    beside: tuple[str, ...] = setting(
        (), en="further columns: id, split, weight, tags", zh="附加的列：id、split、weight、tags"
    )

    def check(self) -> None:
        """Raises `UsageError` for a name that is not known, with the nearest one."""
        layouts.create(self.layout, path="export.layout")
        writers.create(self.form, path="export.form")
        check_beside(self.beside)


@dataclass(frozen=True)
class Exported:
    file: str
    version: str
    records: int
    layout: str
    format: str


def export(
    ws: Workspace,
    version: DatasetVersion,
    to: Path,
    *,
    layout: str | Mapping[str, Any] = "openai",
    format: str | Mapping[str, Any] | None = None,
    split: Split | None = None,
    beside: Sequence[str] = (),
    replace: bool = False,
    progress: Watcher = unwatched,
) -> Exported:
    """Write the records of one split, or of all, by rising id.

    `format` is found by the file's ending where it is not given; `beside` names further columns of `BESIDE`.  Raises
    `UsageError` for an unknown ending, column or existing file, `InputError` for a record that the layout cannot say,
    `StorageError` when the disk refuses; the file is then not there, or as it was.
    """
    made = layouts.create(layout, path="layout")
    writer = writers.create(format if format is not None else format_of(to), path="format")
    check_beside(beside)
    if to.exists() and not replace:
        raise UsageError(f"{to} is there already", expected="a new name", do="Or say --replace (replace=True)")
    if not to.parent.is_dir():
        raise UsageError(f"there is no folder {to.parent}", expected="a folder that is there", do="Make it first")
    rows = _Rows(ws, version, made, split, tuple(beside), progress, writer.passes)
    temporary = durable.temporary_beside(to)
    with durable.storage_errors(to):
        try:
            writer.write(temporary, rows)
            with temporary.open("rb") as file:
                durable.flush(file.fileno())
            durable.publish(temporary, to)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return Exported(str(to), version.name, rows.count, made.name, writer.name)


def export_by_run(
    ws: Workspace, run: str, version: DatasetVersion, asked: ExportSettings, progress: Watcher = unwatched
) -> Exported:
    """The same into the workspace, where `run_files.made_by` finds it."""
    name = f"{version.name}{f'-{asked.split}' if asked.split else ''}.{asked.form}"
    return export(
        ws,
        version,
        run_files.place_for(ws, run, name),
        layout=asked.layout,
        format=asked.form,
        split=asked.split,
        beside=asked.beside,
        replace=True,
        progress=progress,
    )


def format_of(file: Path) -> str:
    """The writer of a file's ending."""
    ending = {"ndjson": "jsonl"}.get(file.suffix.lower().lstrip("."), file.suffix.lower().lstrip("."))
    if ending not in writers.names():
        known = ", ".join(f".{name}" for name in writers.names())
        raise UsageError(f"found the file {file.name!r}", expected=f"a name that ends in one of {known}")
    return ending


def check_beside(names: Sequence[str]) -> None:
    for name in names:
        if name not in BESIDE:
            hint = nearest(name, BESIDE)
            raise UsageError(f"found the column {name!r}", expected=" or ".join(BESIDE), do=hint[:1].upper() + hint[1:])


class _Rows:
    """The rows, as often as a writer asks; `count` is how many there were."""

    def __init__(
        self,
        ws: Workspace,
        version: DatasetVersion,
        layout: Layout,
        split: Split | None,
        beside: tuple[str, ...],
        progress: Watcher,
        passes: int,
    ) -> None:
        self._left = passes
        self._ws, self._version, self._layout = ws, version, layout
        self._split, self._beside, self._progress = split, beside, progress
        self._tags = tags_of(ws, version) if "tags" in beside else {}
        self.count = 0

    def __call__(self) -> Iterator[dict[str, Any]]:
        total = self._version.splits.get(self._split, 0) if self._split else self._version.records
        self._left -= 1
        self.count, stage = 0, "check" if self._left else "export"
        for record, split, weight in records(self._ws, self._version, self._split):
            row = self._layout.row(record)
            told = {"id": record.id, "split": split, "weight": weight, "tags": list(self._tags.get(record.id, ()))}
            self.count += 1
            if self.count % _TOLD_EVERY == 0:
                self._progress(Progress(stage, self.count, total, "records"))
            yield row | {name: told[name] for name in self._beside}
        self._progress(Progress(stage, self.count, total, "records"))
