"""A folder is a registry: one file is one member, and the file's name is the member's name.

A member is a `Member`: a settings object with a title and a help text in both languages.  Third parties add members by
an entry point whose group is the folder's dotted name.  Listing names imports nothing; loading a member imports its
module only, and heavy libraries are imported inside functions there (a test loads all members and finds no torch).

Loading is an import made at run time, so the import law holds for it: a module may not load members of a layer above
its own.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from tuneloop.config import Settings, read, setting_words
from tuneloop.errors import SettingError, Where, nearest
from tuneloop.wording import Words


class Member(Settings):
    """The base of every member: its fields are its settings."""

    title: ClassVar[Words]
    help: ClassVar[Words]
    name: ClassVar[str]


MemberT = TypeVar("MemberT", bound=Member)


class Registry(Generic[MemberT]):
    """The members of one folder (`folder` is its dotted name) that are of one contract (`base`)."""

    def __init__(self, folder: str, base: type[MemberT]) -> None:
        self.folder, self.base = folder, base

    @property
    def kind(self) -> str:
        """What one member is called in a sentence: `step`, `objective`."""
        return self.base.__name__.lower()

    @cached_property
    def _places(self) -> dict[str, str]:
        spec = find_spec(self.folder)
        found = {
            module.name: f"{self.folder}.{module.name}"
            for module in pkgutil.iter_modules(spec.submodule_search_locations if spec else None)
            if not module.name.startswith("_")
        }
        for point in importlib.metadata.entry_points(group=self.folder):
            found.setdefault(point.name, point.value.partition(":")[0])
        return dict(sorted(found.items()))

    def names(self) -> list[str]:
        """All names, sorted; nothing is imported."""
        return list(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def load(self, name: str) -> type[MemberT]:
        """The member's class."""
        _refuse_upward(self.folder)
        if name not in self._places:
            hint = nearest(name, self._places)
            raise SettingError(f"no {self.kind} is called {name!r}", do=hint[0].upper() + hint[1:])
        module = importlib.import_module(self._places[name])
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, self.base)
            and value.__module__ == module.__name__
            and not value.__name__.startswith("_")
        ]
        if len(classes) != 1:
            raise TypeError(f"{module.__name__} must define exactly one {self.base.__name__}, found {len(classes)}")
        member = classes[0]
        member.name = name
        return member

    def create(
        self, spec: str | Mapping[str, Any] | MemberT, *, file: str | Path | None = None, path: str = ""
    ) -> MemberT:
        """A member from a name, or from `{name: …, setting: value}` as recipes write it."""
        if isinstance(spec, self.base):
            return spec
        if isinstance(spec, str):
            spec = {"name": spec}
        if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
            raise SettingError(
                f"found {spec!r}", expected=f"the name of a {self.kind}", where=Where(file=file, field=path)
            )
        settings = {key: value for key, value in spec.items() if key != "name"}
        return read(self.load(spec["name"]), settings, file=file, path=path)

    def describe(self, name: str) -> dict[str, Any]:
        """Schema and texts of one member, as `GET /api/members/{folder}` gives them."""
        member = self.load(name)
        return {
            "name": name,
            "title": member.title._asdict(),
            "help": member.help._asdict(),
            "settings": {field: setting_words(member, field)._asdict() for field in member.model_fields},
            "schema": member.model_json_schema(),
        }


def spec_of(member: Member) -> dict[str, Any]:
    """A member written back as a recipe would write it: its name, and what differs from the defaults."""
    return {"name": member.name, **member.model_dump(mode="json", exclude_defaults=True)}


@cache
def layers() -> dict[str, int]:
    """The level of each top-level name, read from the package docstring; 0 is the lowest."""
    doc = importlib.import_module("tuneloop").__doc__ or ""
    lines = re.findall(r"^    (?:> )?([a-z_]+(?:, [a-z_]+)*)$", doc, flags=re.MULTILINE)
    levels = [[name.strip() for name in line.split(",")] for line in lines]
    return {name: len(levels) - 1 - index for index, names in enumerate(levels) for name in names}


def layer_of(module: str) -> int | None:
    """The level of a module's dotted name; None outside tuneloop or for the package itself (the public face)."""
    parts = module.split(".")
    return layers().get(parts[1]) if parts[0] == "tuneloop" and len(parts) > 1 else None


def _refuse_upward(folder: str) -> None:
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back:
        frame = frame.f_back
    caller = str(frame.f_globals.get("__name__"))
    above, own = layer_of(folder), layer_of(caller)
    if above is not None and own is not None and above > own:
        raise ImportError(f"{caller} may not load members of {folder}: it is a layer above")
