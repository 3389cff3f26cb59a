"""What can go wrong by somebody's mistake or misfortune, as sentences.

    TuneloopError                 a person can mend it: one sentence, no traceback, exit code 1
    ├── UsageError                the command or call itself is wrong: exit code 2
    │   └── SettingError          a recipe key or a member's setting
    │       └── UnknownKeyError   a key that is not known, told with the nearest known one
    ├── InputError                a file, row or field that cannot be used
    ├── NotFoundError             a version, run, model, file that is not there
    ├── ModelError                a model folder that cannot be loaded, or must not be
    ├── ConflictError             somebody else holds it, or it changed meanwhile
    ├── StorageError              disk full, read-only, torn file
    ├── MissingPackageError       a feature whose package is not installed
    └── StoppedError              a person stopped it: exit code 130

Everything else that is raised is a bug and shows a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the user's material: any part may be unknown. `line` and `row` count from 1."""

    file: str | Path | None = None
    line: int | None = None
    row: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        parts = [str(self.file)] if self.file is not None else []
        parts += [f"line {self.line}"] if self.line is not None else []
        parts += [f"row {self.row}"] if self.row is not None else []
        parts += [f"field {self.field!r}"] if self.field is not None else []
        return ", ".join(parts)


class TuneloopError(Exception):
    """What was found, what was expected, where, and what to do next.

    `message` says what is wrong and quotes the value found; `expected` what would have been right; `where` the place;
    `do` the next step.  `str(error)` joins them to one or two sentences; `as_dict` is the shape used by `--json` and
    over HTTP.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, expected: str = "", where: Where | None = None, do: str = "") -> None:
        self.message, self.expected, self.where, self.do = (
            message.rstrip("."),
            expected.rstrip("."),
            where,
            do.rstrip("."),
        )
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where and str(self.where) else ""
        expected = f"; expected {self.expected}" if self.expected else ""
        ending = "" if self.do.endswith(("?", "!")) else "."
        return f"{place}{self.message}{expected}." + (f" {self.do}{ending}" if self.do else "")

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments get lost by default when an error crosses a process border.
        return _rebuild, (type(self), self.message, self.expected, self.where, self.do)

    def as_dict(self) -> dict[str, Any]:
        where = self.where or Where()
        return {
            "code": self.code,
            "message": str(self),
            "found": self.message,
            "expected": self.expected or None,
            "file": str(where.file) if where.file is not None else None,
            "line": where.line,
            "row": where.row,
            "field": where.field,
            "do": self.do or None,
        }


def _rebuild(kind: type[TuneloopError], message: str, expected: str, where: Where | None, do: str) -> TuneloopError:
    return kind(message, expected=expected, where=where, do=do)


class UsageError(TuneloopError):
    code = "usage"
    exit_code = 2


class SettingError(UsageError):
    code = "setting"


class UnknownKeyError(SettingError):
    code = "unknown_parameter"


class InputError(TuneloopError):
    code = "input"


class NotFoundError(TuneloopError):
    code = "not_found"


class ModelError(TuneloopError):
    code = "model"


class ConflictError(TuneloopError):
    code = "conflict"


class StorageError(TuneloopError):
    code = "storage"


class MissingPackageError(TuneloopError):
    code = "missing_package"


class StoppedError(TuneloopError):
    code = "stopped"
    exit_code = 130


def nearest(found: str, known: Iterable[str]) -> str:
    """A hint such as "did you mean 'rank'?", or the known names when none is near (all of them, sorted)."""
    names = sorted(known)
    close = difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(names)


def unknown_key(key: str, known: Iterable[str], where: Where) -> UnknownKeyError:
    """The error for a key that is none of the known ones."""
    names = list(known)
    hint = nearest(key, names) if names else "there is nothing to set here"
    return UnknownKeyError(f"unknown key {key!r}", where=where, do=hint[0].upper() + hint[1:])


def missing_package(feature: str, package: str) -> MissingPackageError:
    """The error for a feature whose optional package is not installed."""
    return MissingPackageError(f"{feature} needs the package {package!r}", do=f"Install it: pip install {package}")
