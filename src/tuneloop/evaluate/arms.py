"""The two models that are compared, one after the other: the base, then what was tuned from it.

Where the tuned model is an adapter one base is loaded for both.  Two full models are never held at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tuneloop.errors import UsageError
from tuneloop.evaluate.measures import Arm
from tuneloop.records import ModelVersion
from tuneloop.store import Workspace

if TYPE_CHECKING:
    from tuneloop.models import LanguageModel


def arms(ws: Workspace, version: ModelVersion) -> Iterator[tuple[Arm, LanguageModel]]:
    """("base", model), then ("tuned", model); the first is used up when the second comes."""
    from tuneloop.models.versions import load_base, load_version

    lm = load_base(ws, version)
    if lm is None:
        raise UsageError(
            f"{version.name} was trained from nothing, so there is no base to compare it with",
            expected="a model that was tuned from a base",
            do="Its losses are in the run: tuneloop show " + (version.run or version.name),
        )
    if version.form == "full":
        yield "base", lm
        del lm
        yield "tuned", load_version(ws, version)
        return
    adapter = load_version(ws, version, lm).adapter
    assert adapter is not None
    lm.detach()
    lm.reserved = adapter.before
    yield "base", lm
    lm.attach(adapter)
    yield "tuned", lm
