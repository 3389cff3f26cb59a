"""Rows from production that a person took: `triage:`.

They passed the gate (`gate.py`), so no personal data that the finder knows is in them, and their sources are of the
kind `production`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError, NotFoundError, Where
from tuneloop.prepare.container import Entry
from tuneloop.prepare.place import Place, Visit
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.store.triage import TriageRow

SCHEME = "triage:"


class Triage(Place):
    """`triage:` is everything that was taken, `triage:refunds` what has that tag."""

    title = Words("The triage queue", "待审队列")
    help = Words(
        "What a person took of rows from production: triage: for all, triage:TAG for those with a tag.",
        "经人工选用的线上数据：triage: 表示全部，triage:标签 表示带该标签的部分。",
    )

    @classmethod
    def takes(cls, address: str) -> bool:
        return address.startswith(SCHEME)

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        from tuneloop.store import triage
        from tuneloop.store.triage import Chosen

        if visit.ws is None:
            raise InputError("found no workspace", expected="the queue of one", where=Where(file=address))
        tag = address.removeprefix(SCHEME) or None
        taken = triage.every(visit.ws, Chosen(state="taken", tag=tag))
        content = b"".join(_line(row) for row in taken)
        if not content:
            raise NotFoundError(
                f"nothing {f'with the tag {tag!r} ' if tag else ''}was taken",
                where=Where(file=address),
                do="Look at the queue: tuneloop triage list, then: tuneloop triage take NUMBERS",
            )
        visit.kind = "production"
        visit.add_content(address, hashlib.sha256(content).hexdigest(), len(content))
        yield SourceFile("triage.jsonl", data=BytesIO(content), unit="row")


def _line(row: TriageRow) -> bytes:
    payload: dict[str, Any] = {name: value for name, value in (row.payload or {}).items() if name != "kind"}
    beside = {"group": row.group, "subject": row.subject, "tags": list(row.tags) or None}
    line = payload | {name: value for name, value in beside.items() if value is not None}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
