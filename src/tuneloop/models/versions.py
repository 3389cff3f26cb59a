"""From a model version's row to models that answer: what it was tuned from, and itself.

adapter    one base is loaded, the adapter goes on and off
full       base and tuned model are two folders, loaded one at a time by whoever needs them

What loads is imported when it is called: a server reads names here and must not load torch (3 s, 200 MB).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tuneloop.errors import ModelError, Where
from tuneloop.records import ModelVersion
from tuneloop.store import Workspace
from tuneloop.store.models import model, model_folder

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

NEW = "new"
"""The base of a model that was made from nothing."""


def is_version(name: str) -> bool:
    """Whether a name can only be that of a model version: `model-2`, or an id."""
    return re.fullmatch(r"model-\d+|m1:[0-9a-f]+", name) is not None


def load_base(ws: Workspace, version: ModelVersion, **how: Any) -> LanguageModel | None:
    """The model that a version was tuned from; None where it was made from nothing. `how` is for `load`."""
    return None if version.base == NEW else load_named(ws, version.base, **how)


def load_version(ws: Workspace, version: ModelVersion, base: LanguageModel | None = None, **how: Any) -> LanguageModel:
    """The tuned model; an adapter is put on `base` where that is given, else on a base loaded for it."""
    folder = model_folder(ws, version)
    if version.form == "remote":
        raise ModelError(
            f"{version.name} is held by the provider that tuned it, and has no weights here",
            where=Where(file=folder),
            do="Ask it through the provider's own API; its name there stands in remote.json",
        )
    from tuneloop.models.adapter import load_adapter
    from tuneloop.models.loading import load

    if version.form == "full":
        tuned = load(folder, **how)
        tuned.reference = version.name
        return tuned
    lm = base or load_named(ws, version.base, **how)
    lm.attach(load_adapter(folder, lm))
    return lm


def load_named(ws: Workspace, name: str, **how: Any) -> LanguageModel:
    """A model by what a person calls it: a version of the workspace (adapters merged), or whatever `load` takes."""
    from tuneloop.models.loading import load

    if not is_version(name):
        return load(name, **how)
    version = model(ws, name)
    # an adapter is added to the dense base; what comes of it may be quantized then
    quantize = how.pop("quantize", None) if version.form != "full" else None
    lm = load_version(ws, version, **how)
    if lm.adapter is not None:
        adapter = lm.adapter
        lm.detach()
        adapter.merge(lm)
    if quantize:
        lm.quantize(quantize)
    return lm
