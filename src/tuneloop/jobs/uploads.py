"""What becomes of an uploaded file: checked as a whole where it is for fine-tuning, kept by content, given an id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection

from tuneloop.errors import InputError, UsageError, Where, unknown_key
from tuneloop.models.places import STARTER
from tuneloop.prepare.checking import LEAST, TOO_FEW, check_file
from tuneloop.store import Workspace, files
from tuneloop.store.durable import storage_errors
from tuneloop.store.files import File

PURPOSES: tuple[files.Purpose, ...] = ("fine-tune", "evals", "batch", "user_data")
MOST_BYTES = 512 * 1024 * 1024
SOONEST, LATEST = 3600, 2_592_000
BAD_ROWS = ("refuse", "set_aside")


def check_request(purpose: str, expires_after: int | None, options: Mapping[str, Any]) -> None:
    """Refuse what cannot be, before anything is read; raises `UsageError` with the field."""
    if purpose not in PURPOSES:
        raise UsageError(f"found {purpose!r}", expected=f"one of {', '.join(PURPOSES)}", where=Where(field="purpose"))
    if expires_after is not None and not SOONEST <= expires_after <= LATEST:
        raise UsageError(
            f"found {expires_after}", expected=f"{SOONEST} to {LATEST}", where=Where(field="expires_after.seconds")
        )
    for key, value in options.items():
        if key != "on_bad_rows":
            raise unknown_key(key, ["on_bad_rows"], Where(field=f"tuneloop.{key}"))
        if value not in BAD_ROWS:
            raise UsageError(
                f"found {value!r}", expected=f"one of {', '.join(BAD_ROWS)}", where=Where(field=f"tuneloop.{key}")
            )


def keep(
    ws: Workspace,
    part: Path,
    *,
    filename: str,
    purpose: str,
    expires_after: int | None = None,
    options: Mapping[str, Any] | None = None,
    owner: str = "",
    within: Callable[[Connection, File], None] | None = None,
) -> File:
    """Check a file that lies whole at `part` (a part of the workspace's blobs), and make it visible.

    `within` is called in the transaction that does so.  Raises `InputError` for a fine-tuning file with a line that is
    no JSON object, and `StorageError` where the disk is full: then nothing is kept.
    """
    check_request(purpose, expires_after, options or {})
    size = part.stat().st_size
    if not size:
        raise InputError("the file is empty", expected="at least one line", where=Where(field="file"))
    validation = checked(ws, part, filename) if purpose == "fine-tune" else None
    address = ws.blobs.adopt(part)
    return files.add_file(
        ws,
        address,
        filename=filename,
        purpose=purpose,  # type: ignore[arg-type]
        size=size,
        validation=validation,
        details=sentence(validation) if validation else None,
        options=options,
        expires_after=expires_after,
        owner=owner,
        within=within,
    )


def copy(source: BinaryIO, part: Path) -> None:
    """Write a stream to a part, and nothing where the disk is full or it is too large."""
    with storage_errors(part), part.open("wb") as out:
        while chunk := source.read(1 << 20):
            if out.tell() + len(chunk) > MOST_BYTES:
                raise InputError(
                    "the file is too large", expected=f"at most {MOST_BYTES // 2**20} MB", where=Where(field="file")
                )
            out.write(chunk)


def checked(ws: Workspace, path: Path, filename: str, base: str = STARTER) -> dict[str, Any]:
    """The whole file's validation, lengths counted by a base's tokenizer."""
    from tuneloop.jobs.counting import counting

    return check_file(path, filename, counting(ws, base))


def sentence(validation: Mapping[str, Any]) -> str | None:
    """What is wrong with a file in one sentence, or None."""
    if validation["examples"] < LEAST:
        return TOO_FEW.format(count=validation["examples"], least=LEAST)
    if not validation["unusable"]:
        return None
    first = validation["problems"][validation["method"]][0]["message"]
    more = validation["unusable"] - 1
    return f"{first}" + (f" ({more} more examples cannot be used.)" if more else "")
