"""The usable lines of a job's files as files that preparing reads, in the run's own folder.

A reinforcement line becomes a dialogue whose last answer is the line itself as JSON: that is the reference, from which
the grader takes {{item.x}}.  No word of it is trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.checking import checked_rows
from tuneloop.prepare.checking_rows import Checked, Method
from tuneloop.prepare.source_file import SourceFile
from tuneloop.store import Workspace, files
from tuneloop.store.durable import publish, storage_errors, temporary_beside
from tuneloop.store.files import File
from tuneloop.store.jobs import Job


def write_inputs(ws: Workspace, job: Job, folder: Path) -> list[Path]:
    """The lines of the validation file, where there is one, and then of the training file, each as JSONL."""
    method: Method = job.method["type"]
    places = []
    for role, identity in (("validation", job.validation_file), ("train", job.training_file)):
        if identity is not None:
            one = files.file(ws, identity, expired=True)
            place = folder / role / f"{PurePosixPath(one.filename).stem}.jsonl"
            _write(ws, one, method, place)
            places.append(place)
    return places


def _write(ws: Workspace, one: File, method: Method, place: Path) -> None:
    with storage_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(place)
        count = 0
        with temporary.open("w", encoding="utf-8") as out:
            for row in rows(ws, one, method):
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        publish(temporary, place)
    if not count:
        raise InputError(f"holds no row that {method} can use", where=Where(file=one.filename))


def rows(ws: Workspace, one: File, method: Method) -> Iterator[Mapping[str, Any]]:
    """The lines that a method can use, as preparing reads them."""
    for checked in checked_rows(SourceFile(one.filename, path=files.content(ws, one))):
        if checked.faults[method] is None:
            yield _row(checked, method)


def _row(checked: Checked, method: Method) -> Mapping[str, Any]:
    row = checked.row
    if method == "reinforcement":
        item = json.dumps(row, ensure_ascii=False)
        return {"messages": [*row["messages"], {"role": "assistant", "content": item}]}
    if method == "dpo":
        keys: tuple[str, ...] = ("input", "preferred_output", "non_preferred_output")
    elif "text" in row:
        keys = ("text",)
    else:
        keys = ("messages", "tools", "functions") if "messages" in row else ("prompt", "completion", "system")
    return {key: row[key] for key in keys if row.get(key) is not None}
