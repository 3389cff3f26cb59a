"""Prepare: raw files → a clean dataset version.

source_file.py  places.py  container.py  containers/   inputs → single files, out of folders and archives
decoding.py  lines.py  strict_json.py  foreign.py      bytes → text, and what a file really is
importer.py  importers/                                one file format → raw rows
shape.py  turns.py  shapes/                            raw rows → records
ingest.py                                              the first pass: items, numbered and counted
step.py  decision.py  steps/  pipeline.py              cleaning
split.py  splits/  placing.py                          train, validation, test
outcomes.py  successors.py  originals.py               what became of each item, and what was changed
sorting.py  commit.py  report.py  versions.py          the version, and reading it

version = prepare(["family.jsonl"], workspace=None)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuneloop.prepare import versions
    from tuneloop.prepare.preparing import prepare
    from tuneloop.prepare.recipe import PrepareRecipe

__all__ = ["PrepareRecipe", "prepare", "versions"]

_PLACES = {"prepare": "tuneloop.prepare.preparing", "PrepareRecipe": "tuneloop.prepare.recipe"}


def __getattr__(name: str) -> Any:
    # Loading the members of `steps` passes through here and must not cost the store.
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
