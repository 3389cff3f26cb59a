"""What a long piece of work tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tuneloop.wording import Words


@dataclass(frozen=True)
class Progress:
    """`done` of `total` `unit`s (total None: unknown); `values` are the figures of the moment, such as loss."""

    stage: str
    done: int
    total: int | None = None
    unit: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    note: Words | None = None


Watcher = Callable[[Progress], None]


def unwatched(_: Progress) -> None:
    """The watcher of work that nobody looks at."""
