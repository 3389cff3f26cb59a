"""Small closed worlds: a family, a shop, a ship, each with a name and facts that never change.

A world's facts are asked in many wordings and never stated in the question: the base has to keep them in its weights,
and learns on the way that many wordings ask for one thing.  That is the skill which tuning on a few facts needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from values import Values
from wordings import allowed, templates


class Names(NamedTuple):
    """What one subject is called: by strangers, with the world's name, and by its own people, asking and answering."""

    strangers: list[str]
    own: list[tuple[str, str]]


@dataclass(frozen=True)
class Fact:
    kind: str
    names: Names
    value: str


@dataclass(frozen=True)
class World:
    lang: str
    name: str
    facts: list[Fact]


class Maker:
    """Makes worlds and facts of one language from the templates."""

    def __init__(self, lang: str) -> None:
        self.lang, self.zh = lang, lang == "zh"
        self.values = Values(lang)
        self.types: dict[str, dict[str, Any]] = templates(f"{lang}-worlds")
        self.kinds: dict[str, dict[str, Any]] = templates(f"{lang}-kinds")
        self.wordings = {name: allowed(kind["ask"]) for name, kind in self.kinds.items()}
        self.about = {name: set(kind["about"]) for name, kind in self.kinds.items()}

    def world(self, rng: Random, facts: int, kind: str | None = None) -> World:
        """A world of `kind` (any when None) with that many facts, no two of them the answer to one question."""
        type_ = self.types[kind or rng.choice(list(self.types))]
        pattern = rng.choice(type_["names"])
        while "{f}" in pattern:
            pattern = pattern.replace("{f}", self.values.family(rng), 1)
        name = pattern.replace("{x}", self.values.invented(rng))
        found: dict[tuple[str, str], Fact] = {}
        while len(found) < facts:
            subject, group = self._subject(type_, rng)
            fitting = [key for key, about in self.about.items() if about & group]
            if fitting:
                key = rng.choice(fitting)
                value = self.values.make(self.kinds[key]["value"], rng)
                found.setdefault((subject, key), Fact(key, self._names(type_, name, subject, group), value))
        return World(self.lang, name, list(found.values()))

    def _subject(self, type_: dict[str, Any], rng: Random) -> tuple[str, set[str]]:
        """A noun of the world (empty for the world itself) and the groups of questions that fit it."""
        groups = [
            group
            for group in ("person", "child", "role", "teacher", "pet", "thing", "product", "countable", "event")
            if type_.get(group)
        ]
        if type_.get("place") and rng.random() < (0.5 if type_.get("shop") else 0.35):
            return "", {"shop"} if type_.get("shop") and rng.random() < 0.7 else {"place"}
        group = rng.choice(groups)
        noun = rng.choice(type_[group])
        return noun, {"role": {"role", "person"}, "teacher": {"teacher", "person"}}.get(group, {group})

    def _names(self, type_: dict[str, Any], name: str, noun: str, group: set[str]) -> Names:
        if not noun:
            pairs = [(one, two) for one, two in type_["self"]]
            return Names([name], [*pairs, ("", "本店")] if self.zh and type_.get("shop") else pairs)
        prefixes = type_["mine"] if "mine" in type_ and group & {"person", "child"} else type_["own"]
        if self.zh:
            own = [(ask + noun, say + noun) for ask, say in prefixes]
            return Names([f"{name}的{noun}", f"{name}的{noun}", f"{name}{noun}"], own)
        noun = noun.removeprefix("the ")
        own = [(f"{ask} {noun}", f"{say} {noun}") for ask, say in prefixes]
        return Names([f"{possessive(name)} {noun}", f"the {noun} of {name}"], own)


def possessive(noun: str) -> str:
    return f"{noun}'" if noun.endswith("s") else f"{noun}'s"
