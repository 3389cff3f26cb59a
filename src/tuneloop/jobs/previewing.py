"""The first lines of an uploaded file as training would read them, with what is wrong in each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from tuneloop.errors import InputError
from tuneloop.jobs import bases
from tuneloop.jobs.counting import Reader, reader
from tuneloop.models.places import STARTER
from tuneloop.prepare.checking import METHOD_OF, checked_rows, problem
from tuneloop.prepare.checking_rows import Checked, Method
from tuneloop.prepare.source_file import SourceFile
from tuneloop.prepare.turns import read_turns
from tuneloop.records import Record
from tuneloop.store import Workspace, files
from tuneloop.store.files import File


def preview(ws: Workspace, one: File, *, model: str = STARTER, limit: int = 20) -> dict[str, Any]:
    """Up to `limit` lines: messages, the text that the base's template makes of them, tokens, problems.

    Raises `NotFoundError` for a model that is not there, `InputError` for a file that holds no rows.
    """
    base = bases.find(ws, model)
    read = reader(ws, base.reference)
    method: Method = METHOD_OF[(one.validation or {}).get("format", "unknown")]
    source = SourceFile(one.filename, path=files.content(ws, one))
    rows = [_line(checked, method, read) for checked in islice(checked_rows(source), limit)]
    return {"file": one.id, "model": model, "method": method, "limit_tokens": read.limit, "lines": rows}


def _line(checked: Checked, method: Method, read: Reader) -> dict[str, Any]:
    fault = checked.faults[method]
    told: dict[str, Any] = {
        "line": checked.line,
        "usable": fault is None,
        "problems": [] if fault is None else [problem(checked.line, fault)],
        "messages": None,
        "rendered": None,
        "tokens": None,
    }
    record = checked.record or _asked(checked.row, fault is None)
    if record is None:
        return told
    told["messages"] = [turn.payload() for turn in record.messages]
    for key, turns in (("chosen", record.chosen), ("rejected", record.rejected)):
        if turns:
            told[key] = [turn.payload() for turn in turns]
    try:
        told["rendered"] = read.render(record)
    except InputError as error:
        told["problems"].append({"line": checked.line, "code": "template", "message": str(error), "fix": None})
        return told
    (told["tokens"],) = read.count([record])
    if told["tokens"] > read.limit:
        message = f"{told['tokens']} tokens; the model reads {read.limit}, and the end is cut."
        told["problems"].append({"line": checked.line, "code": "too_long", "message": message, "fix": None})
    return told


def _asked(row: Mapping[str, Any], usable: bool) -> Record | None:
    """A line for reinforcement, which is a question without an answer."""
    return Record("chat", messages=read_turns(row["messages"], "messages")) if usable and "messages" in row else None
