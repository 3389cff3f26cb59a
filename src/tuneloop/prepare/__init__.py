"""Prepare: raw files → a clean dataset version.

place.py  places/  fetching/                           addresses → single files: folders, databases, pages, hubs
source_file.py  unpacking.py  container.py  containers/  a file's bytes, out of archives
decoding.py  lines.py  strict_json.py  json_reader.py  bytes → text → values
importer.py  importers/  foreign.py                    one file format → raw rows; what a file really is
document/  cutting.py  column_names.py                 what importers of documents and tables share
shape.py  shapes/  answerless.py                       raw rows → records; rows that lack answers
turns.py  calls.py  order.py  values.py                messages, as every shape reads them
ingest.py                                              the first pass: items, numbered and counted
step.py  decision.py  steps/  pipeline.py              cleaning
split.py  splits/  placing.py                          train, validation, test
outcomes.py  successors.py  originals.py               what became of each item, and what was changed
salt.py  pseudonyms.py  revealing.py                   names in the place of personal data, and the way back
sorting.py  commit.py  report.py                       the version
extended.py  versions.py                               adding to one; reading, comparing, restoring
layout.py  layouts/  writer.py  writers/  exporting.py  a version as a file for other programs
statistics.py  statistics_page.py  advising.py         what is in a version, and what to do about it
review_sample.py  review_file.py                       samples for people to judge, by strata
review_judging.py  review_result.py                    a model's verdicts; rates with intervals
preparing.py                                           the verb: all of it in order

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
