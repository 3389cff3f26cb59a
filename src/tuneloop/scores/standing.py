"""Which quality standard holds in a scenario, and setting another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuneloop.config import read
from tuneloop.scores.standard import DEFAULTS, Standard, read_standard, shipped
from tuneloop.store import Workspace
from tuneloop.store.standards import KeptStandard, add_standard, standards

UNSET = "the ready-made one for these records, as nobody had set another"


def set_standard(
    ws: Workspace, standard: Standard | Mapping[str, Any] | str | Path, *, scenario: str, person: str, note: str = ""
) -> KeptStandard:
    """Let a standard hold from now on: a ready-made one by name, a YAML file, or plain data in the same form."""
    if isinstance(standard, Mapping):
        found = read(Standard, standard, path="standard")
    else:
        found = standard if isinstance(standard, Standard) else read_standard(standard)
    return add_standard(ws, scenario, found.as_data(), person=person, note=note)


def held_standard(ws: Workspace, scenario: str) -> KeptStandard | None:
    """What holds in a scenario; None where nothing was ever set."""
    found = standards(ws, scenario)
    return found[-1] if found else None


def standard_for(ws: Workspace, scenario: str, kinds: Mapping[str, int], *, person: str) -> KeptStandard:
    """What holds in a scenario; where nothing does, the ready-made one for the most frequent kind is set."""
    found = held_standard(ws, scenario)
    if found is not None:
        return found
    kind = max(kinds, key=lambda one: kinds[one], default="chat")
    return set_standard(
        ws, shipped()[DEFAULTS.get(kind, "question_answering")], scenario=scenario, person=person, note=UNSET
    )


def read_kept(kept: KeptStandard) -> Standard:
    """The standard of a row."""
    return read(Standard, kept.standard, path=kept.name)
