"""What a trial compares: its two sides, the records each is trained on, and the held-out records that decide."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tuneloop.config import read
from tuneloop.errors import UsageError
from tuneloop.prepare.review_sample import groups_of
from tuneloop.records import DatasetVersion, Kind, Record, Split, Turn
from tuneloop.store import Workspace, datasets
from tuneloop.store.sample import draw
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.tuner import tuners
from tuneloop.trial.settings import TrialSettings

KINDS: tuple[Kind, ...] = ("chat", "text")


@dataclass(frozen=True)
class Sides:
    """What a trial compares: `other` None is the base; `test` holds the records of the split that decide."""

    kind: Kind
    other: DatasetVersion | None
    test: DatasetVersion
    split: Split


def check(ws: Workspace, version: DatasetVersion, settings: TrialSettings) -> Sides:
    """Refuse what cannot be tried before anything is loaded; raises `UsageError`, `NotFoundError`, `SettingError`."""
    recipe = read(TrainRecipe, {"tuner": "lora", **settings.train}, path="train")
    tuner = tuners.create(recipe.tuner or "lora", path="train.tuner")
    if tuner.traits.form == "full":
        raise UsageError(
            f"the tuner {tuner.name!r} changes the base itself",
            expected="an adapter, which is taken off again after the trial, such as lora",
        )
    kind = next((one for one in KINDS if version.kinds.get(one)), None)
    if kind is None:
        raise UsageError(
            f"{version.name} holds {', '.join(version.kinds) or 'nothing'}",
            expected="dialogues or texts, whose reference answers have a loss",
            do="Train on it for a few steps instead: tuneloop train --set max_steps=50, then tuneloop evaluate",
        )
    other = None if settings.against == "base" else datasets.version(ws, settings.against)
    if other is not None and other.id == version.id:
        raise UsageError(f"{version.name} is compared with itself", expected="another version, or base")
    for one in (version, other):
        if one is not None and not (one.splits.get("train") and one.kinds.get(kind)):
            raise UsageError(
                f"{one.name} has no {kind} records to train on", expected=f"training records of kind {kind}"
            )
    test = version if settings.test is None else datasets.version(ws, settings.test)
    for split in ("test", "validation"):
        if test.splits.get(split):
            return Sides(kind, other, test, split)
    raise UsageError(
        f"{test.name} has no held-out records",
        expected="a test or validation split",
        do="Prepare it with a split, or name a version that has one with --test",
    )


class Rows:
    """The records of a trial, drawn by its seed."""

    def __init__(self, ws: Workspace, version: DatasetVersion, settings: TrialSettings, sides: Sides) -> None:
        self.ws, self.version, self.settings, self.sides = ws, version, settings, sides

    def arms(self) -> tuple[list[Record], list[Record] | None, list[Record] | None]:
        """The training records of this version, of the other side, and of the control."""
        settings = self.settings
        ours = self._drawn(self.version, lambda record: True)
        theirs: list[Record] | None = None
        if settings.without is not None:
            theirs = self._without(settings.without)
        elif self.sides.other is not None:
            theirs = self._drawn(self.sides.other, lambda record: True)
        if theirs is not None:
            return ours, theirs, None
        exchanged = exchange(ours, settings.seed) if settings.control and self.sides.kind == "chat" else None
        return ours, None, exchanged

    def _without(self, part: str) -> list[Record]:
        by, _, value = part.partition(":")
        groups = groups_of(self.ws, self.version)
        known = {one for single in groups.values() for one in single[by]}
        named = {one for one in known if one == value or (by == "source" and one.endswith(f"/{value}"))}
        if not named:
            told = ", ".join(sorted(known)[:12]) or f"no {by}"
            raise UsageError(f"{self.version.name} has no {by} {value!r}", expected=f"one of {told}")
        kept = self._drawn(self.version, lambda record: not named & set(groups[record.id][by]))
        if not kept:
            raise UsageError(f"{self.version.name} has no training records without {part}", expected="some that stay")
        return kept

    def _drawn(self, version: DatasetVersion, wanted: Callable[[Record], bool]) -> list[Record]:
        found: list[Record] = []
        for record in draw(self.ws, version, "train", version.splits["train"], self.settings.seed):
            if record.kind == self.sides.kind and wanted(record):
                found.append(record)
                if len(found) == self.settings.rows:
                    break
        if not found:
            raise UsageError(f"{version.name} has no {self.sides.kind} records to train on", expected="some")
        return found

    def tests(self) -> tuple[list[Record], int]:
        """Held-out records that neither side has among its training records, and how many were left out for it."""
        sides = self.sides
        drawn = [
            record
            for record in draw(self.ws, sides.test, sides.split, self.settings.test_rows, self.settings.seed)
            if record.kind == sides.kind
        ]
        trained = self._trained_on([record.id for record in drawn])
        kept = [record for record in drawn if record.id not in trained]
        if not kept:
            raise UsageError(
                f"all {len(drawn)} held-out records of {sides.test.name} are unusable: {len(trained)} are trained on",
                expected=f"held-out records of kind {sides.kind} that neither side trains on",
                do="Name another version with --test",
            )
        return kept, len(trained)

    def _trained_on(self, records: list[str]) -> set[str]:
        found: set[str] = set()
        for one in (self.version, self.sides.other):
            members = datasets.addresses(self.ws, one.name, "members") if one is not None else []
            if members:
                query = "SELECT record FROM members WHERE split = 'train' AND list_contains(?, record)"
                found |= set(self.ws.ledgers.query(query, [records], members=members)["record"].to_pylist())
        return found


def exchange(records: Sequence[Record], seed: int) -> list[Record]:
    """The same records, each answer in the place of another one's: every answer stays, and stands after a question that
    it was not given to.  Answers that call tools, or are not learnt, stay where they are."""
    places = [
        (number, place)
        for number, record in enumerate(records)
        for place, turn in enumerate(record.messages)
        if turn.role == "assistant" and turn.weight != 0 and not turn.tool_calls
    ]
    order = list(places)
    random.Random(seed).shuffle(order)
    given = {
        to: records[number].messages[place] for to, (number, place) in zip(order, order[1:] + order[:1], strict=True)
    }
    return [
        replace(
            record, messages=tuple(_as(turn, given.get((number, place))) for place, turn in enumerate(record.messages))
        )
        for number, record in enumerate(records)
    ]


def _as(turn: Turn, other: Turn | None) -> Turn:
    """A turn with what another one says."""
    return turn if other is None else replace(turn, content=other.content, reasoning=other.reasoning)
