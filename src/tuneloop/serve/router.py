"""From the name that a request asks for to what answers it.

    starter, Qwen/Qwen3-0.6B     a base: the starter, those that versions were tuned from, those stated to the service
    model-3                      a version; an adapter shares the process of its base, a full one has its own
    ft:…, aliases                other names of versions, told by `finders`

A name's version is what the answer states as `model`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuneloop.errors import NotFoundError
from tuneloop.records import ModelVersion
from tuneloop.serve.asking import AskingError, Held
from tuneloop.store import Workspace
from tuneloop.store import models as store

STARTER = "starter"
NEW = "new"
"""The base of a version that was trained from nothing."""
WORDLESS = {"classify": "tells classes", "reward": "gives answers a number"}

Finder = Callable[[Workspace, str, str | None], str | None]
"""(workspace, name, user) → the version's name, or None where the name is none of its kind."""


@dataclass(frozen=True)
class Target:
    """`name` is what answers by its own name; `base` what a process loads; `adapter` what goes on top."""

    name: str
    base: str
    adapter: Held | None = None
    version: ModelVersion | None = None


def speaks(version: ModelVersion) -> bool:
    """Whether a version answers with text here."""
    return version.objective not in WORDLESS and version.form != "remote"


class Router:
    def __init__(self, ws: Workspace, finders: Sequence[Finder] = (), bases: Sequence[str] = ()) -> None:
        self.ws, self.finders, self.stated = ws, list(finders), list(bases)
        self._targets: dict[str, Target] = {}

    def resolve(self, name: str, user: str | None = None) -> Target:
        """What answers to a name; raises AskingError with what there is where nothing does."""
        for find in self.finders:
            found = find(self.ws, name, user)
            if found is not None:
                return self._version(found)
        if re.fullmatch(r"model-\d+", name):
            return self._version(name)
        if name in self.bases():
            return Target(name, name)
        raise self._unknown(name)

    def bases(self, found: Sequence[ModelVersion] | None = None) -> list[str]:
        """Bases that may be asked, the starter first; `found` are all versions where they are known."""
        tuned = [one.base for one in (store.models(self.ws) if found is None else found)]
        known = dict.fromkeys([STARTER, *self.stated, *tuned])
        return [base for base in known if base != NEW and not re.fullmatch(r"model-\d+", base)]

    def versions(self) -> list[ModelVersion]:
        """Versions that answer with text, oldest first."""
        return [one for one in store.models(self.ws) if speaks(one)]

    def forget(self, name: str) -> None:
        """A version was removed."""
        self._targets.pop(name, None)

    def _version(self, name: str) -> Target:
        """The target of a version; it never changes, so it is looked up once."""
        if name not in self._targets:
            try:
                version = store.model(self.ws, name)
            except NotFoundError:
                raise self._unknown(name) from None
            self._targets[name] = self._target(version)
        return self._targets[name]

    def _target(self, version: ModelVersion) -> Target:
        told = WORDLESS.get(version.objective)
        if told:
            raise AskingError(f"{version.name} {told} and writes no text", code="model_not_supported", param="model")
        if version.form == "remote":
            raise AskingError(
                f"{version.name} is held by the provider that tuned it", code="model_not_supported", param="model",
                do="Ask it through the provider's own API",
            )  # fmt: skip
        if version.form == "full":
            return Target(version.name, version.name, None, version)
        folder = store.model_folder(self.ws, version)
        # the id in the name: an engine must never answer with other weights under a name that it has seen
        held = Held(f"{version.name}-{version.id.partition(':')[2][:12]}", str(folder))
        return Target(version.name, version.base, held, version)

    def _unknown(self, name: str) -> AskingError:
        there = [*self.bases(), *(one.name for one in self.versions())]
        shown = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
        return AskingError(
            f"The model `{name}` does not exist. Available: {shown}", code="model_not_found", param="model", status=404
        )
