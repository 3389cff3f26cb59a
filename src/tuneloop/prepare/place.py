"""The contract of a place: from one address that a person names to single files.

    name_of("postgresql://reader@db/crm")    "sql": the place whose address it is
    shown("postgresql://reader:pw@db/crm")   the address without passwords, as sources, reports and runs keep it

Order is the same each time, so that the same content gives the same version everywhere.  What lies elsewhere is laid
into a spool first (`fetching/spool.py`), which stays until a version is made of it: whatever breaks off, the next start
goes on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import UsageError
from tuneloop.prepare.container import Budget, Entry, Limits
from tuneloop.prepare.fetching.secrets import without_secrets
from tuneloop.prepare.fetching.spool import Spool, spool_at
from tuneloop.records import SourceKind
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.store import Workspace

LOCAL = "local"


@dataclass
class Visit:
    """What a place is given for one input, and what it tells of it.

    `spools` makes the folder that spools lie in; `look` is told how much is done, of how much, of what, and raises
    `StoppedError` when a person stopped the run.  `digest` and `size` are of the content as read, `details` what the
    source remembers (revision, query, time), `times` when each file was fetched (ISO 8601, UTC), by its name,
    and `time` when those were that are not named there; `said` goes into the report.  `ws` is for a place that lies in
    the workspace, and `kind` for one whose rows are of one kind, whatever the recipe says.
    """

    spools: Callable[[], Path]
    limits: Limits = field(default_factory=Limits)
    look: Callable[[int, int | None, str], None] = lambda done, total, unit: None
    digest: str = ""
    size: int = 0
    licence: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)
    time: str | None = None
    ws: Workspace | None = None
    kind: SourceKind | None = None
    said: list[Words] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budget = Budget(self.limits)
        self._whole = hashlib.sha256()
        self._spool: Spool | None = None

    def spool(self, **about: Any) -> Spool:
        """The spool of what `about` names; raises `ConflictError` while another run reads the same."""
        self._spool = spool_at(self.spools(), about)
        return self._spool

    def add_content(self, name: str, digest: str, size: int) -> None:
        """Count a file's content into the digest of the input."""
        self._whole.update(f"{name}\0{digest}\n".encode("utf-8", "surrogatepass"))
        self.digest, self.size = self._whole.hexdigest(), self.size + size

    def time_of(self, file: str) -> str | None:
        """When a file was fetched; None for those of this machine."""
        return self.times.get(file, self.time)

    def close(self, *, made: bool) -> None:
        """End it: the spool goes when a version was `made` of it."""
        if self._spool is not None:
            self._spool.close(remove=made)
            self._spool = None


class Place(Member):
    @classmethod
    def takes(cls, address: str) -> bool:
        """Is it an address of this place?"""
        raise NotImplementedError

    def shown(self, address: str) -> str:
        """The address as it may be kept and shown: without anything secret."""
        return without_secrets(address)

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        """All files of the address; a temporary one is gone when the next is asked for.

        Raises `NotFoundError` or `InputError` when the address as a whole cannot be read; what lies inside is refused
        one by one.
        """
        raise NotImplementedError


places = Registry("tuneloop.prepare.places", Place)


def name_of(given: str | Path) -> str:
    """The place whose address it is: files and folders, unless it is written as an address elsewhere."""
    if isinstance(given, Path) or ":" not in given:
        return LOCAL
    for name in places:
        if name != LOCAL and places.load(name).takes(given):
            return name
    if "://" in given and not given.startswith("file://"):
        raise UsageError(
            f"no place knows the address {without_secrets(given)!r}",
            expected="a file or folder, a web address (https://…), a database (postgresql://…), a data set "
            "(hf:owner/name, modelscope:owner/name) or an object store (s3://bucket/path)",
            do="Check how it begins; a database needs its dialect's package",
        )
    return LOCAL


def shown(given: str | Path) -> str:
    """The input as it may be kept and shown."""
    return places.load(name_of(given))().shown(str(given))
