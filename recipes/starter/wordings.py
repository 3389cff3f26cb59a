"""Wordings with alternatives, and the promise that none of them is one of the demo's questions.

A pattern such as `(When|At what time) does {s} open?` stands for every choice of its brackets.  `allowed` removes each
choice that, with anything at all in place of its subject, reads like a question that is asked to measure the starter
model (the demo's and the benchmarks' `asked`): what is measured there is then a wording that no template knows.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FACTS = (
    ROOT / "src/tuneloop/app/demo/facts.yaml",
    ROOT / "benchmarks/starter/theatre.yaml",
    ROOT / "benchmarks/starter/observatory.yaml",
)
BRACKETS = re.compile(r"\(([^()]*)\)")


@cache
def facts() -> tuple[dict[str, Any], ...]:
    """All facts that the starter model is measured by."""
    return tuple(fact for file in FACTS for fact in yaml.safe_load(file.read_text(encoding="utf-8")))


def templates(name: str) -> Any:
    return yaml.safe_load((HERE / "templates" / f"{name}.yaml").read_text(encoding="utf-8"))


def choices(pattern: str) -> list[str]:
    """All texts that a pattern stands for."""
    parts = BRACKETS.split(pattern)
    options = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*options)]


def bare(text: str) -> str:
    """Letters and digits only, in one case: what makes two questions the same question."""
    return "".join(one for one in unicodedata.normalize("NFKC", text).lower() if one.isalnum())


@cache
def asked() -> tuple[str, ...]:
    return tuple(bare(question) for fact in facts() for question in fact["asked"])


@cache
def off_limits() -> frozenset[str]:
    """Questions that no row may hold: those that are asked, and those that the demo trains on."""
    trained = (bare(question) for fact in facts() for question, _ in fact["trained"])
    return frozenset(asked()) | frozenset(trained)


@cache
def forbidden() -> re.Pattern[str]:
    """Finds any value of the facts: names, numbers and answers that no row may hold."""
    return values_of(FACTS)


@cache
def values_of(files: tuple[Path, ...]) -> re.Pattern[str]:
    """Finds the values of the facts of some files; a Latin or numeric one only as a whole word."""
    known = [fact for file in files for fact in yaml.safe_load(file.read_text(encoding="utf-8"))]
    values = {str(value) for fact in known for value in (fact["value"], *fact.get("accept", ()))}
    latin = sorted((one for one in values if one.isascii()), key=len, reverse=True)
    other = sorted((one for one in values if not one.isascii()), key=len, reverse=True)
    words = rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, latin))})(?![A-Za-z0-9])"
    return re.compile(f"{words}|{'|'.join(map(re.escape, other))}", re.IGNORECASE)


def allowed(patterns: Iterable[str]) -> list[str]:
    """The choices of all patterns, without those that any subject could turn into an asked question."""
    kept = []
    for text in dict.fromkeys(itertools.chain.from_iterable(map(choices, patterns))):
        pieces = [bare(piece) for piece in re.split(r"\{s(?:'s)?\}", text)]
        shape = re.compile(".{0,40}".join(map(re.escape, pieces)))
        if not any(shape.fullmatch(question) for question in asked()):
            kept.append(text)
    return kept
