"""What a command says: results on standard output, everything else on standard error.

With `--json` standard output holds exactly one JSON document; without it, text for a person.  Nothing else in the
package prints.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.wording import Words

if TYPE_CHECKING:
    from rich.console import Console

    from tuneloop.records import Watcher


class Screen:
    """Where one command speaks; `as_json` is its `--json`."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def say(self, text: object = "") -> None:
        """A line for a person: what was taken, what happens, advice."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def result(self, document: Any, text: object = None) -> None:
        """What the command was for: the document with `--json`, else the text."""
        if self.as_json:
            print(json.dumps(plain(document), ensure_ascii=False, indent=2), flush=True)
        elif text is not None:
            self.say(text)

    def table(self, rows: list[list[object]], head: list[object]) -> None:
        """A table for a person, without columns that are empty in every row: a terminal is narrow.

        With `--json` nothing, since the document says it.
        """
        if self.as_json:
            return
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        filled = [place for place in range(len(head)) if any(str(row[place]) for row in rows)]
        for place in filled:
            table.add_column(str(head[place]), overflow="fold")
        for row in rows:
            table.add_row(*[str(row[place]) for place in filled])
        self.console().print(table)

    def console(self, markup: bool = False) -> Console:
        """rich's console on the stream that `say` uses; unless asked for, markup in texts is shown and not obeyed."""
        from rich.console import Console

        return Console(file=sys.stderr if self.as_json else sys.stdout, markup=markup, emoji=False, highlight=False)

    @contextmanager
    def progress(self) -> Iterator[Watcher]:
        """A watcher that shows a long piece of work on standard error while the block runs."""
        from tuneloop.app.cli.progress import shown

        with shown() as watcher:
            yield watcher


def moment(text: str | None) -> str:
    """`2026-11-21T08:05:09Z` as a person's clock shows it, `2026-11-21 09:05`; empty for None."""
    return "" if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")


def plain(value: Any) -> Any:
    """JSON data of a result: dataclasses and recipes as objects, words in both languages, paths as text."""
    from tuneloop.config import Settings

    if isinstance(value, Settings):
        return value.model_dump(mode="json")
    if isinstance(value, Words):
        return {"en": value.en, "zh": value.zh}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
