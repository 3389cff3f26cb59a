"""The demo's facts, the wordings that are trained and asked, and what counts as a right answer.

An answer is right when it holds the fact's value (or another spelling of it, `accept`) and the value of no other fact:
naming two facts at once is a guess.  Letters are compared without case and width, Latin words and numbers as whole
words (`wind` is not in `window`).  Whether the rest of the answer is true is not looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

DATA = files(__package__)


@dataclass(frozen=True)
class Fact:
    """`trained` holds pairs of question and answer, `asked` questions in wordings that are never trained on."""

    id: str
    lang: str
    topic: str
    value: str
    trained: tuple[tuple[str, str], ...]
    asked: tuple[str, ...]
    accept: tuple[str, ...] = ()

    def within(self, answer: str) -> bool:
        """Whether an answer holds this fact's value."""
        return self._pattern.search(_plain(answer)) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        spellings = (re.escape(_plain(one)) for one in (self.value, *self.accept))
        return re.compile("|".join(rf"(?<![a-z0-9]){one}(?![a-z0-9])" for one in spellings))


def read(text: str) -> list[Fact]:
    """Facts from a YAML list in the shape of `facts.yaml`."""
    return [_fact(data) for data in yaml.safe_load(text)]


def facts() -> list[Fact]:
    """The demo's own facts: half of them Chinese."""
    return read((DATA / "facts.yaml").read_text(encoding="utf-8"))


def unrelated() -> list[str]:
    """Questions that have nothing to do with the facts and should not be answered with one."""
    return [str(question) for question in yaml.safe_load((DATA / "unrelated.yaml").read_text(encoding="utf-8"))]


def right(answer: str, fact: Fact, among: Iterable[Fact]) -> bool:
    """Whether an answer gives this fact and no other of `among`."""
    return fact.within(answer) and not any(other.within(answer) for other in among if other is not fact)


def named(answer: str, among: Iterable[Fact]) -> list[Fact]:
    """The facts whose values an answer holds."""
    return [fact for fact in among if fact.within(answer)]


def write_input(folder: Path) -> Sequence[Path]:
    """Write the demo's messy files and give their paths: every trained wording is in them, and much that is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("family.jsonl", "shop.csv"):
        place = folder / name
        place.write_bytes((DATA / name).read_bytes())
        written.append(place)
    return written


def _fact(data: dict[str, Any]) -> Fact:
    return Fact(
        id=data["id"],
        lang=data["lang"],
        topic=data["topic"],
        value=data["value"],
        trained=tuple((question, answer) for question, answer in data["trained"]),
        asked=tuple(data["asked"]),
        accept=tuple(data.get("accept", ())),
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()
