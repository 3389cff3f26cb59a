"""A spam classifier fitted on a team's own examples, for the step `spam`.

    fit_spam_model("examples.csv", "spam.npz")

The file has the columns `text` and `label` (spam or ham, 1 or 0, 垃圾 or 正常).  Fitting begins with the classifier
that ships and goes on with the examples and a part of the rows that ship, each worth as much as the other, so that it
learns the new and keeps the old.  With 50 examples and more, a fifth is held out first, to say how it does.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.errors import InputError, UsageError, Where
from tuneloop.prepare.decoding import encoding_of
from tuneloop.prepare.source_file import disk_file
from tuneloop.records import Progress, Watcher, unwatched
from tuneloop.text.spam import Detector, detector
from tuneloop.text.spam.rows import Row
from tuneloop.text.spam.training import ROUNDS, fit, own_rows

if TYPE_CHECKING:
    from tuneloop.store import Workspace

SPAM = frozenset(("spam", "1", "true", "yes", "ad", "ads", "垃圾", "垃圾信息", "垃圾短信", "广告", "是"))
HAM = frozenset(("ham", "0", "false", "no", "ok", "normal", "正常", "非垃圾", "否"))
HELD_OUT_FROM = 50
THRESHOLD = 0.5
_EACH = 4
_LONGEST = 1 << 20


def is_fitted_by_run(name: str) -> bool:
    """Whether a name is that of a run, whose classifier lies in the workspace, and no file's."""
    return re.fullmatch(r"[A-Za-z0-9_-]+", name) is not None


def fitted_by(ws: Workspace, run: str) -> Path:
    """Where the classifier lies that a run fitted."""
    return ws.path("spam-models") / f"{run}.npz"


@dataclass(frozen=True)
class SpamModel:
    """`recall` and `false_positives` are shares of held-out examples at 0.5; None where too few were given."""

    file: str
    spam: int
    ham: int
    held_out: int
    recall: float | None
    false_positives: float | None


def fit_spam_model(examples: str | Path, to: str | Path, *, progress: Watcher = unwatched) -> SpamModel:
    """Fit a classifier on a CSV file of examples and write it to `to`, which the setting `model` of the step takes.

    Raises `InputError` with the line of what cannot be read, and where there are not examples of both kinds.
    """
    target = Path(to)
    if target.suffix != ".npz":
        raise UsageError(f"found {str(to)!r}", expected="a file that ends in .npz", do="Say --to spam.npz")
    if not target.parent.is_dir():
        raise UsageError(f"found {str(to)!r}", expected="a file in a folder that is there")
    rows = list(dict.fromkeys(read_examples(Path(examples))))
    spam = sum(is_spam for _, is_spam in rows)
    if not 0 < spam < len(rows):
        raise InputError(
            f"found {spam} examples of spam and {len(rows) - spam} of others",
            expected="some of both",
            where=Where(file=examples),
            do="Add texts that are spam, or texts that are none, as they stand in your data",
        )
    held = rows[::5] if len(rows) >= HELD_OUT_FROM and _both(rows[::5]) else []
    total = ROUNDS * (2 if held else 1)

    def tell(number: int) -> None:
        progress(Progress("fit", number, total, "rounds"))

    shares: tuple[float, float] | tuple[None, None] = (None, None)
    if held:
        shares = _measured(_fitted([row for at, row in enumerate(rows) if at % 5], tell), held)
    beside = target.with_name(target.name + ".new")
    _fitted(rows, lambda number: tell(total - ROUNDS + number)).save(beside)
    tell(total)
    beside.replace(target)
    return SpamModel(str(target), spam, len(rows) - spam, len(held), *shares)


def _fitted(rows: Sequence[Row], told: Callable[[int], None]) -> Detector:
    shipped = own_rows(each=_EACH)
    counts = [max(1.0, len(shipped) / len(rows))] * len(rows) + [1.0] * len(shipped)
    return fit([*rows, *shipped], detector(), counts, told)


def _both(rows: Sequence[Row]) -> bool:
    return len({is_spam for _, is_spam in rows}) == 2


def _measured(found: Detector, held: Sequence[Row]) -> tuple[float, float]:
    scores = found.scores([text for text, _ in held])
    told = {kind: [score >= THRESHOLD for score, (_, spam) in zip(scores, held, strict=True) if spam is kind]
            for kind in (True, False)}  # fmt: skip
    return sum(told[True]) / len(told[True]), sum(told[False]) / len(told[False])


def read_examples(path: Path) -> list[Row]:
    """(text, is it spam?) of each line of a CSV file with the columns `text` and `label`."""
    if not path.is_file():
        raise InputError("no such file", expected="a CSV file with the columns text and label", where=Where(file=path))
    csv.field_size_limit(_LONGEST)
    encoding = encoding_of(disk_file(path, path.name))
    rows: list[Row] = []
    try:
        with path.open(encoding="utf-8-sig" if encoding.startswith("utf-8") else encoding, newline="") as file:
            reader = csv.DictReader(file)
            columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
            if missing := [name for name in ("text", "label") if name not in columns]:
                raise InputError(
                    f"no column is called {missing[0]!r}; found {', '.join(columns) or 'none'}",
                    expected="the columns text and label",
                    where=Where(file=path, line=1),
                )
            for row in reader:
                where = Where(file=path, line=reader.line_num)
                text = (row[columns["text"]] or "").strip()
                if not text:
                    raise InputError("the text is empty", expected="a text", where=where)
                rows.append((text, _label(row[columns["label"]], where)))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", expected="a CSV file in UTF-8", where=Where(file=path)) from None
    return rows


def _label(value: str | None, where: Where) -> bool:
    mark = (value or "").strip().lower()
    if mark not in SPAM | HAM:
        raise InputError(f"found the label {value!r}", expected="spam or ham (1 or 0, 垃圾 or 正常)", where=where)
    return mark in SPAM
