"""Records as they were before a step changed or dropped them: the ledger `changes`.

A record's text before personal data were hidden is personal data itself.  So as soon as one step of the pipeline
hides such data, every original is sealed with the workspace's key; without a key it is not kept at all, which the
report says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tuneloop.prepare.spill import Rows, SpillFolder
from tuneloop.store import Workspace, keys
from tuneloop.store.ledgers import LedgerWriter

AT_ONCE = 1024


@dataclass
class Originals:
    """Writes changes.

    `seal` says that originals must be encrypted, with `key`; without one only the fact of the change is kept.
    """

    writer: LedgerWriter
    folder: SpillFolder
    seal: bool = False
    key: bytes | None = None
    _pending: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        import pyarrow as pa

        self._replaced = Rows(self.folder.new(pa.schema({"parent": pa.string(), "record": pa.string()})))

    def add(self, record: str, parent: str, step: str, reason: str, before: bytes) -> None:
        """`record` went on in the place of `parent`; they are the same for one that was dropped or merged."""
        kept: bytes | None = before
        if self.seal:
            kept = keys.seal(self.key, before, parent) if self.key is not None else None
        self._pending.append(
            {"record": record, "parent": parent, "step": step, "reason": reason, "sealed": self.seal, "before": kept}
        )
        if record != parent:
            self.follow(parent, record)
        if len(self._pending) >= AT_ONCE:
            self.flush()

    def follow(self, parent: str, record: str) -> None:
        """Note that whatever merged into `parent` is in `record` from here on."""
        self._replaced.add(parent, record)

    def flush(self) -> None:
        self.writer.write(self._pending)
        self._pending = []

    def replaced(self) -> Iterator[tuple[str, str]]:
        """(parent, record) of all that was replaced or merged, in the order in which it was."""
        for batch in self._replaced.close().read():
            yield from zip(batch.column("parent").to_pylist(), batch.column("record").to_pylist(), strict=True)


def opened(ws: Workspace, parent: str, sealed: bool, before: bytes | None) -> bytes | None:
    """An original from the ledger; None when it was not kept or the key is not here."""
    if before is None or not sealed:
        return before
    key = ws.key()
    return None if key is None else keys.unseal(key, before, parent)
