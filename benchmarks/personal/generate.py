"""Texts with personal data and as many look-alikes, seeded: rows of text, language, items and look-alikes.

    python -m personal.generate --rows 20000 --seed 0 > rows.jsonl      (in benchmarks/)

Each row holds one to three pieces; every second piece of a kind is a look-alike of it.  A true value of a kind with a
form stands in a sentence that names it or in one that says nothing, half and half; a look-alike stands in a sentence
that says what it is (three in five) or in one that says nothing.  Some values have full-width digits, a line break
instead of a space inside, or stand glued to letters of the script around them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from personal import lookalikes, network, numbers, people, sentences

CHECKED = ("id_card", "bank_card", "iban", "id_hong_kong", "id_taiwan")
"""Kinds whose numbers carry a checksum."""
TRUE: dict[str, Callable[[random.Random], str]] = {
    **{name: getattr(numbers, name) for name in (*CHECKED, "mobile", "landline", "phone", "id_card_15", "passport")},
    **{name: getattr(numbers, name) for name in ("plate", "us_ssn")},
    **{
        name: getattr(network, name)
        for name in ("email", "ip_address", "mac_address", "secret", "private_key", "password", "account")
    },
}
PEOPLE = ("person_name", "address")
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@dataclass(frozen=True)
class Item:
    """A true value, or a look-alike of its kind; start and end in characters of the text."""

    kind: str
    start: int
    end: int


@dataclass
class Row:
    text: str
    language: str
    items: list[Item] = field(default_factory=list)
    lookalikes: list[Item] = field(default_factory=list)


def formats(rows: int, seed: int) -> Iterator[Row]:
    """Rows for the kinds that have a form."""
    source = random.Random(f"formats {seed}")
    kinds = sorted(TRUE)
    turn = 0
    for _ in range(rows):
        language = source.choice(("zh", "zh", "en"))
        pieces = []
        for _ in range(source.choice((1, 1, 2, 3))):
            kind, true = kinds[turn // 2 % len(kinds)], turn % 2 == 0
            turn += 1
            pieces.append(_true(source, kind, language) if true else _false(source, kind, language))
        yield _row(source, language, pieces)


def persons(rows: int, seed: int) -> Iterator[Row]:
    """Rows for names and addresses."""
    source = random.Random(f"people {seed}")
    for turn in range(rows):
        kind, true, named = PEOPLE[turn % 2], turn // 2 % 2 == 0, source.random() < 0.6
        language = source.choice(("zh", "en"))
        if true:
            value = people.MAKERS[kind][language](source)
            carrier = source.choice((people.NAMED if named else people.BARE)[kind][language])
            piece = (carrier, value, kind, True)
        else:
            piece = ("{}", source.choice(people.NOTHING[kind][language]), kind, False)
        yield _row(source, language, [piece])


Piece = tuple[str, str, str, bool]  # sentence, value, kind, true


def _true(source: random.Random, kind: str, language: str) -> Piece:
    value = TRUE[kind](source)
    if kind in ("id_card", "bank_card", "mobile", "landline") and source.random() < 0.05:
        value = value.translate(WIDE)
    if kind in ("bank_card", "mobile", "iban") and " " in value and source.random() < 0.05:
        places = [i for i, sign in enumerate(value) if sign == " "]
        place = source.choice(places)
        value = value[:place] + "\n" + value[place + 1 :]
    named = kind in sentences.WITHOUT_FORM or source.random() < 0.5
    carriers = sentences.NAMED[kind] if named else sentences.NEUTRAL
    return source.choice(carriers[language]), value, kind, True


def _false(source: random.Random, kind: str, language: str) -> Piece:
    value, what = lookalikes.MAKERS[kind](source)
    named = kind in sentences.WITHOUT_FORM or what == "whole" or source.random() < 0.6
    carriers = sentences.NOTHING[what] if named else sentences.NEUTRAL
    return source.choice(carriers[language]), value, kind, False


def _row(source: random.Random, language: str, pieces: list[Piece]) -> Row:
    row = Row("", language)
    breaks = ("", "\n") if language == "zh" else (" ", "\n")
    for place, (carrier, value, kind, true) in enumerate(pieces):
        if source.random() < 0.4:
            row.text += source.choice(sentences.FILLERS[language]) + source.choice(breaks)
        before, after = carrier.split("{}")
        start = len(row.text) + len(before)
        (row.items if true else row.lookalikes).append(Item(kind, start, start + len(value)))
        row.text += before + value + after
        if place + 1 < len(pieces):
            row.text += source.choice(sentences.JOINTS[language][:-1])
    if source.random() < 0.3:
        row.text += source.choice(("，", "。", "\n")) if language == "zh" else source.choice((". ", "\n", " "))
        row.text += source.choice(sentences.FILLERS[language])
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--people", action="store_true", help="names and addresses instead of kinds with a form")
    options = parser.parse_args()
    for row in (persons if options.people else formats)(options.rows, options.seed):
        sys.stdout.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
