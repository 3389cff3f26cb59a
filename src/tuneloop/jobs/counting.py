"""Tokens of records by one base's tokenizer and template, without loading its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tuneloop.errors import InputError
from tuneloop.models.places import find
from tuneloop.models.templates import ChatTemplate, template_of
from tuneloop.models.tokenizer import Tokenizer, load_tokenizer, read_json
from tuneloop.models.versions import is_version
from tuneloop.prepare.checking import Counting
from tuneloop.records import Record
from tuneloop.store import Workspace, models

READ = ("*.json", "*.jinja", "additional_chat_templates/*.jinja")
"""The files of a model's folder that a tokenizer, its templates and its limit are read from."""

FEW = 64
"""So many texts are counted sooner than the tokenizer's threads have woken up beside a process that computes."""


@dataclass(frozen=True)
class Reader:
    """How a base writes a conversation down; `limit` is how many tokens it reads."""

    tokenizer: Tokenizer
    template: ChatTemplate
    limit: int

    def render(self, record: Record) -> str:
        """The text that training would see: of a preference record the better answer's."""
        if record.text is not None:
            return record.text
        return self.template.render([*record.messages, *record.chosen], record.tools)

    def count(self, records: Sequence[Record]) -> list[int]:
        """Tokens of each record; where the template refuses a conversation, those of its bare text."""
        texts = [self._text(record) for record in records]
        if len(texts) <= FEW:
            return [len(self.tokenizer.encode(text)) for text in texts]
        return [len(ids) for ids in self.tokenizer.encode_many(texts)]

    def _text(self, record: Record) -> str:
        try:
            return self.render(record)
        except InputError:
            return record.full_text


def reader(ws: Workspace, base: str) -> Reader:
    """Of a base as a recipe names it: the starter, a folder, a hub's name, or a model version (its own base's)."""
    while is_version(base):
        version = models.model(ws, base)
        if version.form == "full":
            return _of_folder(str(models.model_folder(ws, version)))
        base = version.base
    return _of_folder(base)


def _of_folder(reference: str) -> Reader:
    folder = find(reference)
    files = [file for pattern in READ for file in folder.glob(pattern)]
    return _read(folder, tuple(sorted((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)))


@lru_cache(maxsize=4)
def _read(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> Reader:
    """`stamps` are the folder's small files as they stand: a file that changed is read again.

    Reading the starter's tokenizer takes 25 ms in which no other thread of a server runs; every upload asks for it.
    """
    tokenizer = load_tokenizer(folder)
    limit = int(read_json(folder / "config.json").get("max_position_embeddings") or 2048)
    return Reader(tokenizer, template_of(tokenizer.templates, tokenizer.special), limit)


def counting(ws: Workspace, base: str) -> Counting:
    """For `check_file`."""
    found = reader(ws, base)
    return Counting(base, found.limit, found.count)
