"""The shipped families and a user's own, as one list of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tuneloop.config import read, read_yaml
from tuneloop.errors import InputError, NotFoundError, SettingError, Where, nearest
from tuneloop.models.catalogue.schema import FIGURES, Entry, Family, Size, Source
from tuneloop.wording import Words

SHIPPED = Path(__file__).parent
_NOTHING = Size()


@dataclass(frozen=True)
class Listed:
    """One model with everything that its size and its family say of it; `get` gives None for what is not known."""

    family: str
    entry: Entry
    size: Size
    about: Family
    file: Path

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def reference(self) -> str | None:
        """What a recipe's `base` would say: the hub's name, else ModelScope's."""
        if self.entry.hub is None and self.entry.modelscope is not None:
            return f"modelscope:{self.entry.modelscope}"
        return self.entry.hub

    @property
    def title(self) -> Words:
        return self.about.title.words

    def get(self, figure: str) -> Any:
        """A figure of `FIGURES` (or `domain`): the model's own, else its size's, else its family's."""
        for holder in (self.entry, self.size, self.about):
            value = getattr(holder, figure, None)
            if value is not None:
                return value
        return None

    def source(self, figure: str) -> Source | None:
        """Where a stated figure is from: the nearest source that names it."""
        for holder in (self.entry, self.size, self.about):
            for source in holder.sources:
                if figure in source.of:
                    return source
        return None

    def stated(self) -> Iterator[str]:
        """The figures that are known."""
        return (figure for figure in FIGURES if self.get(figure) is not None)


def listed(*more: str | Path) -> list[Listed]:
    """All models: the shipped ones, and those of further files or folders, which replace families of the same name."""
    families = dict(_shipped())
    for path in more:
        families |= {file.stem: read_family(file) for file in _files(Path(path).expanduser())}
    return [model for models in families.values() for model in models]


def find(name: str, models: Iterable[Listed]) -> Listed | None:
    """The model that is called so, by its own name or a hub's; None where there is none."""
    plain = name.removeprefix("modelscope:").casefold()
    for model in models:
        if plain in {str(one).casefold() for one in (model.name, model.entry.hub, model.entry.modelscope) if one}:
            return model
    return None


def get(name: str, models: Iterable[Listed]) -> Listed:
    """As `find`; a name that is not there raises NotFoundError with the nearest one."""
    known = list(models)
    model = find(name, known)
    if model is None:
        raise NotFoundError(f"the catalogue has no model called {name!r}", do=nearest_name(name, known))
    return model


def nearest_name(name: str, models: Iterable[Listed]) -> str:
    """A hint such as "Did you mean 'Qwen3-8B'?", or where to see all names."""
    hint = nearest(name, [one.name for one in models])
    return hint[0].upper() + hint[1:] if hint.startswith("did") else "See them all with: tuneloop choose --list"


def read_family(file: Path) -> list[Listed]:
    """The models of one file; an unknown key, size or figure raises SettingError with the file and the field."""
    about = read(Family, read_yaml(file), file=file)
    _check(about, file)
    return [
        Listed(file.stem, entry, about.sizes[entry.size] if entry.size else _NOTHING, about, file)
        for entry in about.models
    ]


def _check(about: Family, file: Path) -> None:
    names: set[str] = set()
    for number, entry in enumerate(about.models):
        where = Where(file=file, field=f"models.{number}")
        if entry.size is not None and entry.size not in about.sizes:
            raise SettingError(
                f"{entry.name} has the size {entry.size!r}", expected=f"one of {', '.join(about.sizes)}", where=where
            )
        if entry.name in names:
            raise SettingError(f"the model {entry.name!r} stands twice", where=where)
        names.add(entry.name)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
        if not files:
            raise InputError("holds no catalogue", expected="files that end in .yaml", where=Where(file=path))
        return files
    if not path.is_file():
        raise NotFoundError("no such catalogue", where=Where(file=path))
    return [path]


@cache
def _shipped() -> dict[str, list[Listed]]:
    return {file.stem: read_family(file) for file in sorted(SHIPPED.glob("*.yaml"))}
