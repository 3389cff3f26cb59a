"""Which models a caller may name over HTTP.

The starter, a version of this workspace, an `ft:` name, a base that the workspace's setting `bases` lists, and a hub's
model whose weights are on this machine: what `/v1/fine_tuning/jobs` takes (`jobs/bases.py`).  A folder is none, also
where it stands beside the server and looks like a hub's name; and nothing is fetched because a caller named it.
"""

from __future__ import annotations

from pathlib import Path

from tuneloop.errors import NotFoundError, UsageError, Where
from tuneloop.jobs import bases
from tuneloop.models import places
from tuneloop.models.versions import NEW, is_version
from tuneloop.store import Workspace
from tuneloop.store.model_names import PREFIX
from tuneloop.store.models import model, model_folder

LONGEST = 128
"""Bytes of a hub's name, `modelscope:` included; hubs allow 96 characters.  Longer ones are not looked for: the file
system refuses names of 256 bytes."""


def served_model(ws: Workspace | None, place: str, name: str) -> str:
    """What a recipe says for a model that a caller named; raises `UsageError` at `place` for any other.

    Without a workspace only the starter and versions will do.
    """
    if ws is None:
        if name == places.STARTER or is_version(name):
            return name
        raise refused(place, "starter or a model version (model-2)", name)
    if not is_name(ws, name):
        raise _no_model(ws, place, name)
    try:
        return bases.find(ws, name).reference
    except NotFoundError:
        raise _no_model(ws, place, name) from None


def is_name(ws: Workspace, name: str) -> bool:
    """Whether a text is a name, and no folder's."""
    if name.startswith(PREFIX) or is_version(name) or name in bases.known(ws):
        return True
    short = len(name.encode("utf-8", "replace")) <= LONGEST
    return short and not places.looks_like_path(name) and not Path(name).exists()


def served_tokenizer(ws: Workspace, place: str, name: str) -> str:
    """The same for a model whose tokens are counted: of a version, the base that it was tuned from."""
    reference = served_model(ws, place, name)
    while is_version(reference):
        version = model(ws, reference)
        if version.base == NEW:
            return str(model_folder(ws, version))
        reference = version.base
    return reference


def refused(place: str, expected: str, found: object) -> UsageError:
    """The error for what only the command line may name."""
    return UsageError(
        f"found {str(found)[:200]!r}",
        expected=f"over HTTP only {expected}",
        where=Where(field=place),
        do="Anything else is named on the command line, in a recipe file or with --set",
    )


def _no_model(ws: Workspace, place: str, name: str) -> UsageError:
    listed = ", ".join(bases.known(ws))
    return refused(
        place,
        "starter, a model version (model-2), an ft: name, a hub's model whose weights are here, or a base that the "
        f"workspace's setting bases lists{f' ({listed})' if listed else ''}",
        name,
    )
