"""The first pass: inputs → source items, numbered, each either a record or rejected with a sentence.

`row` numbers the items of one preparation in the order of reading; `item` numbers them within their source.  What is
read of each file (format, encoding, shape, columns, how sure) is kept for the report.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError, TuneloopError, Where
from tuneloop.prepare import batches
from tuneloop.prepare.answerless import REASON, Answerless, answerless
from tuneloop.prepare.container import Refused, Skipped
from tuneloop.prepare.decoding import mixed_lines
from tuneloop.prepare.importer import Item, Rejection, Row, excerpt, recognize
from tuneloop.prepare.outcomes import Pass, items_schema, tags_schema
from tuneloop.prepare.place import Visit, name_of
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.prepare.shape import Reading, columns_of, read_rows
from tuneloop.prepare.source_file import SourceFile
from tuneloop.prepare.spill import Rows, SpillFolder
from tuneloop.prepare.tagging import Tagger
from tuneloop.prepare.terms import SourceTerms, rank
from tuneloop.records import Record
from tuneloop.store import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_ROWS, SAMPLE_CHARS = 200, 4_000_000
BATCH_ROWS, BATCH_CHARS = 512, 8_000_000
LISTED_FILES = 200


@dataclass
class FileNote:
    """How one file was read, or one table of a file that holds several (`part`)."""

    name: str
    format: str
    encoding: str | None
    shape: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    confidence: float = 0.0
    items: int = 0
    rejected: int = 0
    changed_meanwhile: bool = False
    part: str = ""
    serves: Answerless | None = None
    mixed: Mapping[str, int] | None = None

    @property
    def shown(self) -> str:
        return f"{self.name}, {self.part}" if self.part else self.name


@dataclass
class InputNote:
    """One input as the user named it, without passwords; `visit` holds digest and size of its content as read."""

    name: str
    visit: Visit
    items: int = 0
    files: int = 0
    notes: list[FileNote] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@dataclass
class Ingest:
    """The work and its notes; `batches` is run through once.

    `restored` names, by the id of a record as read, the steps whose decision a person overruled; `spared` gets the rows
    of these records.  `tagged` holds the rows that have tags, by rising row.
    """

    inputs: Sequence[str | Path]
    recipe: PrepareRecipe
    folder: SpillFolder
    rejected: Pass
    first_row: int = 0
    watch: Callable[[int], None] = lambda _: None
    spools: Callable[[], Path] = Path
    look: Callable[[int, int | None, str], None] = lambda done, total, unit: None
    hide: Callable[[str], str] = str
    ws: Workspace | None = None
    notes: list[InputNote] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    terms: Sequence[SourceTerms] = ()
    restored: Mapping[str, set[str]] = field(default_factory=dict)
    spared: dict[int, set[str]] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.items = Rows(self.folder.new(items_schema()))
        self.tagged = Rows(self.folder.new(tags_schema()))
        self.terms = self.terms or [self.recipe.source] * len(self.inputs)
        self.tagger = Tagger(self.recipe.tags)
        self._tagging = self.recipe.tags.wanted or any(one.tags for one in self.terms)
        self._ranks = [rank(one.grade, self.recipe.grades) for one in self.terms]
        self.rows = self.first_row
        self._given_tags: dict[int, tuple[str, ...]] = {}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Records of all inputs in batches of bounded size."""
        pending: list[tuple[int, Record]] = []
        size = 0
        for row, record in self._records():
            pending.append((row, record))
            size += len(record.canonical)
            if len(pending) >= BATCH_ROWS or size >= BATCH_CHARS:
                yield self._batch(pending)
                pending, size = [], 0
                self.watch(self.rows - self.first_row)
        if pending:
            yield self._batch(pending)
        self.watch(self.rows - self.first_row)
        self.tagger.end()
        self.items.close()
        self.tagged.close()

    def _batch(self, pending: list[tuple[int, Record]]) -> pa.RecordBatch:
        """The records with what is known beside them."""
        import pyarrow as pa

        batch, schema = batches.to_batch(pending), batches.wide_schema()
        tags: list[tuple[str, ...] | None] = [None] * len(pending)
        if self._tagging:
            given = [self._given_tags.pop(row, ()) for row, _ in pending]
            for place, found in enumerate(self.tagger.of_records([record for _, record in pending], given)):
                if found:
                    tags[place] = found
                    self.tagged.add(pending[place][0], found)
        ranks = [self._ranks[bisect_right(self.starts, row) - 1] for row, _ in pending]
        beside = [pa.array(tags, schema.field("tags").type), pa.array(ranks, schema.field("grade").type)]
        return pa.RecordBatch.from_arrays([*batch.columns, *beside], schema=schema)

    def leave(self, *, made: bool = False) -> None:
        """Let go of what was fetched; it goes when a version was `made` of it."""
        for note in self.notes:
            note.visit.close(made=made)

    def _records(self) -> Iterator[tuple[int, Record]]:
        for number, given in enumerate(self.inputs):
            place = self.recipe.made_place(name_of(given))
            visit = Visit(self.spools, self.recipe.archives, self.look, ws=self.ws)
            note = InputNote(place.shown(str(given)), visit=visit)
            self.notes.append(note)
            self.starts.append(self.rows)
            for entry in place.entries(str(given), note.visit):
                if isinstance(entry, Skipped):
                    note.skipped.append(entry)
                elif isinstance(entry, Refused):
                    note.refused.append(entry)
                    self._reject(number, note, entry.name, "file", entry.reason, entry.message, "")
                else:
                    note.files += 1
                    yield from self._file(number, note, entry)

    def _file(self, number: int, note: InputNote, file: SourceFile) -> Iterator[tuple[int, Record]]:
        before = file.fingerprint()
        try:
            found = recognize(file)
            importer = self.recipe.made_importer(found.importer.name)
        except InputError as error:
            self._refuse_file(number, note, file, error)
            return
        told: list[FileNote] = []
        items = self._without_skipped(note, file.name, importer.items(file, found.encoding))
        try:
            for part, own in groupby(items, key=lambda item: item.part):
                told.append(FileNote(file.name, importer.name, found.encoding, part=part))
                note.notes.append(told[-1])
                yield from self._rows(number, note, told[-1], own)
        except InputError as error:
            self._refuse_file(number, note, file, error)
        if not told:
            note.notes.append(FileNote(file.name, importer.name, found.encoding))
        if told:
            told[0].mixed = mixed_lines(file, found.encoding)
        if file.fingerprint() != before:
            for one in told:
                one.changed_meanwhile = True

    def _without_skipped(self, note: InputNote, name: str, items: Iterator[Item]) -> Iterator[Row | Rejection]:
        for item in items:
            if isinstance(item, Skipped):
                note.skipped.append(Skipped(f"{name}, {item.name}", item.why))
            else:
                yield item

    def _rows(
        self, number: int, note: InputNote, told: FileNote, items: Iterator[Row | Rejection]
    ) -> Iterator[tuple[int, Record]]:
        first = list(_sample(items))
        rows = [item.data for item in first if isinstance(item, Row)]
        reading: Reading | None = None
        problem: InputError | None = None
        try:
            reading = read_rows(rows, shape=self.recipe.made_shape(), mapping=self.recipe.mapping) if rows else None
        except InputError as error:
            problem = error
        without = (
            None
            if self.recipe.shape or self.recipe.mapping
            else answerless(rows, used=reading.columns.values() if reading else None)
        )
        told.serves = without
        if reading is not None:
            told.shape, told.columns = reading.shape.name, dict(reading.columns)
            told.unused, told.confidence = reading.unused, reading.confidence
        self.tagger.see(columns_of(rows))
        told.unused = tuple(name for name in told.unused if name not in self.recipe.tags.columns)
        of_input = self.tagger.of_input(note.name, self.terms[number].tags)
        for item in chain(first, items):
            told.items += 1
            if isinstance(item, Rejection):
                told.rejected += 1
                self.tagger.reject(of_input)
                self._reject(number, note, told.name, item.locator, item.reason, item.message, item.excerpt)
                continue
            if item.mended:
                self.mended[item.mended] += 1
            tags = (*of_input, *self.tagger.of_row(item.data))
            try:
                if reading is None:
                    raise problem or InputError("found no rows before it that show the columns")
                record = reading.record(item.data)
                group = reading.key(item.data, reading.group)
                subject = reading.key(item.data, reading.subject)
                identity = record.id  # refuses lone surrogates, NaN and deep nesting
            except InputError as error:
                told.rejected += 1
                self.tagger.reject(tags)
                reason = REASON if without else "unknown_shape" if reading is None else "bad_record"
                message = str(_placed(error, item.data)) + (f" {without.sentence}" if without else "")
                self._reject(number, note, told.name, item.locator, reason, message, excerpt(_shown(item.data)))
                continue
            own_group = f"{told.name} {item.group}" if item.group else None
            row = self._number(number, note, told.name, item.locator, group or own_group, subject, identity)
            if tags:
                self._given_tags[row] = tags
            yield row, record

    def _number(
        self,
        number: int,
        note: InputNote,
        file: str,
        locator: str,
        group: str | None,
        subject: str | None,
        identity: str,
    ) -> int:
        row = self.rows
        self.items.add(row, number, file, note.items, locator, group, subject, identity)
        self.rows += 1
        note.items += 1
        if identity in self.restored:
            self.spared[row] = self.restored[identity]
        return row

    def _reject(
        self, number: int, note: InputNote, file: str, locator: str, reason: str, message: str, found: str
    ) -> None:
        row = self._number(number, note, file, locator, None, None, "")
        place = file if locator == "file" else f"{file}, {locator}"
        joint = ", " if message.startswith("field ") else ": "
        self.rejected.reject(row, reason, self.hide(f"{place}{joint}{message}"), self.hide(found))

    def _refuse_file(self, number: int, note: InputNote, file: SourceFile, error: TuneloopError) -> None:
        bare = str(InputError(error.message, expected=error.expected, do=error.do))
        note.refused.append(Refused(file.name, "unreadable", bare))
        self._reject(number, note, file.name, "file", "unreadable", bare, "")


def _placed(error: InputError, data: Any) -> InputError:
    """The same error with its field, where only the text that cannot be kept tells it."""
    field = None if error.where is not None else _field_of_surrogate(data, "")
    return InputError(error.message, expected=error.expected, where=Where(field=field), do=error.do) if field else error


def _field_of_surrogate(data: Any, path: str) -> str | None:
    if isinstance(data, str):
        return path if any("\ud800" <= sign <= "\udfff" for sign in data) else None
    if isinstance(data, Mapping):
        below = [(f"{path}.{key}" if path else str(key), value) for key, value in data.items()]
    elif isinstance(data, list):
        below = [(f"{path}[{number}]", value) for number, value in enumerate(data)]
    else:
        return None
    return next((found for place, value in below if (found := _field_of_surrogate(value, place))), None)


def _sample(items: Iterator[Row | Rejection]) -> Iterator[Row | Rejection]:
    """The first rows, few enough to be held."""
    size = 0
    for count, item in enumerate(items, 1):
        yield item
        if isinstance(item, Row):
            size += len(_shown(item.data))
        if count >= SAMPLE_ROWS or size >= SAMPLE_CHARS:
            return


def _shown(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, default=str)
