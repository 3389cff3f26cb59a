"""Chat rows from templates: `python recipes/starter/rows.py FOLDER [--scale 1.0] [--seed 0] [--replay FILE]`.

    worlds      facts of small closed worlds, asked without context (worlds.py)
    passages    facts told in the row itself, then asked: copying what was never seen
    unknown     the same questions about worlds that nobody told of: "I don't know"
    talk        greetings, facts of the world, repeating, arithmetic

Half of each is Chinese.  The same seed and scale give the same bytes.  Nothing of the demo's and the benchmarks' facts
is in a row: no value (names, numbers, answers) and no question, trained or asked.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

from values import Values
from wordings import bare, choices, forbidden, off_limits, templates
from worlds import Fact, Maker, World, possessive

ROWS = {"worlds": 72_000, "passages": 12_000, "unknown": 10_000, "talk": 14_000}
REPLAY = {"talk": 200, "unknown": 100, "passages": 80, "worlds": 100}
"""Rows of the file that ships with the model: mixed into a tuning, they keep it from answering all with its facts."""
WORLDS_PER_TYPE = 2
FACTS_PER_WORLD = 14

Messages = list[dict[str, str]]


class Speaker:
    """Puts facts into words, in one language."""

    def __init__(self, lang: str) -> None:
        self.zh = lang == "zh"
        self.maker = Maker(lang)
        self.talk = templates(f"{lang}-talk")
        self.facts = [
            (choices_of(entry["ask"]), list(entry["say"])) for entry in (*self.talk["talk"], *self.talk["facts"])
        ]

    def ask(self, fact: Fact, rng: Random, own: tuple[str, str] | None = None) -> str:
        """A question about a fact: by a stranger, or in the words of the world's own people."""
        wording = rng.choice(self.maker.wordings[fact.kind])
        subject = own[0] if own else rng.choice(fact.names.strangers)
        if own and not self.zh and own[0].startswith("your ") and rng.random() < 0.5:
            wording = to_you(wording)
        return self._spoken(self._filled(wording, subject, ""), rng)

    def answer(self, fact: Fact, rng: Random, own: tuple[str, str] | None = None, whole: bool = False) -> str:
        """An answer; `whole` asks for one that can be understood without its question."""
        sayings = self.maker.kinds[fact.kind]["say"]
        wording = sayings[0] if whole else rng.choice(sayings)
        return self._filled(wording, own[1] if own else rng.choice(fact.names.strangers), fact.value)

    def _filled(self, wording: str, subject: str, value: str) -> str:
        text = wording.replace("{s's}", possessive(subject)).replace("{s}", subject).replace("{v}", value)
        return text if self.zh else sentence_case(text)

    def _spoken(self, question: str, rng: Random) -> str:
        """A question with what people put around it, one time in four, and a slip one time in ten."""
        if rng.random() < 0.10:
            question = self._slip(question, rng)
        if rng.random() < 0.15:
            start = rng.choice(self.talk["before"])
            question = start + (question if self.zh else question[0].lower() + question[1:])
        if rng.random() < 0.08:
            question += ("" if self.zh else " ") + rng.choice(self.talk["after"])
        return question

    def _slip(self, text: str, rng: Random) -> str:
        """A word left out, a filler put in, or the end mark forgotten."""
        choice = rng.randrange(3)
        if choice == 0:
            return text.rstrip("？?。.!！")
        units = list(text) if self.zh else text.split(" ")
        at = rng.randrange(1, max(2, len(units) - 1))
        if choice == 1 and (not self.zh or units[at] in self.talk["noise"]) and len(units) > 4:
            del units[at]
        elif not self.zh:
            units.insert(at, rng.choice(self.talk["noise"]))
        return ("" if self.zh else " ").join(units)


@cache
def speaker_of(lang: str) -> Speaker:
    return Speaker(lang)


def choices_of(patterns: list[str]) -> list[str]:
    return [text for pattern in patterns for text in choices(pattern)]


def sentence_case(text: str) -> str:
    """English sentences begin with a capital letter, also behind a full stop."""
    letters = list(" ".join(text.split()))
    for index, letter in enumerate(letters):
        if index == 0 or (index > 1 and letters[index - 1] == " " and letters[index - 2] in ".?!"):
            letters[index] = letter.upper()
    return "".join(letters)


def to_you(wording: str) -> str:
    """A question to a place, put to its people: `does {s} open` becomes `do you open`."""
    for old, new in (
        ("does {s}", "do you"),
        ("is {s} open", "are you open"),
        (" at {s}", ""),
        ("from {s}", "from you"),
        ("{s's}", "your"),
    ):
        wording = wording.replace(old, new)
    return wording


def chat(*turns: str, system: str = "") -> Messages:
    messages = [{"role": "system", "content": system}] if system else []
    return messages + [
        {"role": "assistant" if index % 2 else "user", "content": text} for index, text in enumerate(turns)
    ]


def known(speaker: Speaker, worlds: list[World], rng: Random) -> Messages:
    """One to three questions to a closed world; two in five are asked by its own people, under a system message."""
    world = rng.choice(worlds)
    at_home = rng.random() < 0.4
    system = rng.choice(speaker.talk["system"]).replace("{w}", world.name) if at_home else ""
    turns: list[str] = []
    for fact in rng.sample(world.facts, rng.choice((1, 1, 1, 1, 2, 3) if at_home else (1, 1, 1, 1, 1, 2))):
        own = rng.choice(fact.names.own) if at_home else None
        turns += [speaker.ask(fact, rng, own), speaker.answer(fact, rng, own)]
    return chat(*turns, system=system)


def passage(speaker: Speaker, rng: Random) -> Messages:
    """Facts of a new world, told, and a question about one of them; one time in ten about what was not told."""
    world = speaker.maker.world(rng, rng.choice((2, 3, 4, 5)))
    told, missing = list(world.facts), None
    if rng.random() < 0.1:
        missing = told.pop()
    pairs = [rng.choice(fact.names.own) if rng.random() < 0.5 else None for fact in told]
    parts = [
        speaker.answer(fact, rng, (pair[0], pair[0]) if pair else None, whole=True)
        for fact, pair in zip(told, pairs, strict=True)
    ]
    text = ("" if speaker.zh else " ").join(parts)
    at = rng.randrange(len(told))
    fact, pair = (missing, None) if missing else (told[at], pairs[at])
    question = speaker.ask(fact, rng, pair)
    reply = rng.choice(speaker.talk["unknown"]) if missing else speaker.answer(fact, rng, pair)
    if rng.random() < 0.3:
        return chat(text, rng.choice(speaker.talk["told"]), question, reply)
    return chat(rng.choice(speaker.talk["passage"]).replace("{t}", text).replace("{q}", question), reply)


def unknown(speaker: Speaker, rng: Random) -> Messages:
    fact = speaker.maker.world(rng, 1).facts[0]
    return chat(speaker.ask(fact, rng), rng.choice(speaker.talk["unknown"]))


def small(speaker: Speaker, rng: Random) -> Messages:
    """Small talk and facts of the world; repeating and adding, which have no end of examples."""
    draw = rng.random()
    if draw < 0.2:
        return repeat(speaker, rng)
    if draw < 0.3:
        return add(speaker.zh, rng)
    if draw < 0.6:
        entry = rng.choice(speaker.talk["lists"])
        one, two = rng.choice(entry["pairs"])
        ask, say = rng.choice(choices_of(entry["ask"])), rng.choice(entry["say"])
        question, reply = (text.replace("{a}", one).replace("{b}", two) for text in (ask, say))
    else:
        asks, says = rng.choice(speaker.facts)
        question, reply = rng.choice(asks), rng.choice(says)
    if not speaker.zh:
        question, reply = sentence_case(question), sentence_case(reply)
    return chat(speaker._spoken(question, rng) if draw < 0.6 else question, reply)


def repeat(speaker: Speaker, rng: Random) -> Messages:
    values: Values = speaker.maker.values
    kinds = ("person", "pet_name", "code", "street", "company", "work", "object", "food", "time", "date", "price")
    words = [values.make(rng.choice(kinds), rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    text = ("，" if speaker.zh else ", ").join(words)
    return chat(rng.choice(speaker.talk["repeat"]).replace("{a}", text), text)


def add(zh: bool, rng: Random) -> Messages:
    one, two = rng.randint(1, 20), rng.randint(1, 20)
    if zh:
        return chat(rng.choice((f"{one}加{two}等于几？", f"{one}+{two}=?")), f"{one}加{two}等于{one + two}。")
    return chat(rng.choice((f"What is {one} plus {two}?", f"{one}+{two}=?")), f"{one} plus {two} is {one + two}.")


def clean(messages: Messages) -> bool:
    """Whether a row keeps the promise of the module's docstring."""
    texts = [message["content"] for message in messages]
    return not any(forbidden().search(text) or bare(text) in off_limits() for text in texts)


def rows(part: str, count: int, seed: int, purpose: str = "training") -> Iterator[Messages]:
    """`count` rows of one part; languages take turns."""
    rng = Random(f"{part} {seed}" if purpose == "training" else f"{part} {seed} {purpose}")
    speakers = [speaker_of("zh"), speaker_of("en")]
    worlds = {speaker: closed_worlds(speaker, seed) for speaker in speakers} if part == "worlds" else {}
    makers = {"passages": passage, "unknown": unknown, "talk": small}
    made = 0
    while made < count:
        speaker = speakers[made % 2]
        row = known(speaker, worlds[speaker], rng) if part == "worlds" else makers[part](speaker, rng)
        if clean(row):
            made += 1
            yield row


def closed_worlds(speaker: Speaker, seed: int) -> list[World]:
    """The worlds that the base learns by heart: the same ones at every scale."""
    rng = Random(f"closed worlds {seed}")
    return [
        speaker.maker.world(rng, FACTS_PER_WORLD, kind) for kind in speaker.maker.types for _ in range(WORLDS_PER_TYPE)
    ]


def write(folder: Path, scale: float, seed: int) -> dict[str, int]:
    """One file for each part, which a recipe's `mixture` can name; gives the number of rows written."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {part: max(1, round(count * scale)) for part, count in ROWS.items()}
    for part, count in counts.items():
        with (folder / f"rows-{part}.jsonl").open("w", encoding="utf-8") as file:
            for messages in rows(part, count, seed):
                file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    return counts


def write_replay(file: Path, seed: int) -> None:
    """A few rows of each part, other ones than `write` gives with the same seed (the closed worlds are the same)."""
    with file.open("w", encoding="utf-8") as lines:
        for part, count in REPLAY.items():
            for messages in rows(part, count, seed, "replay"):
                lines.write(json.dumps({"kind": "chat", "messages": messages}, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of rows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", type=Path, help="write the replay file of the model as well")
    options = parser.parse_args()
    if options.replay:
        write_replay(options.replay, options.seed)
    for part, count in write(options.folder, options.scale, options.seed).items():
        print(f"rows-{part}.jsonl  {count:,} rows")  # noqa: T201


if __name__ == "__main__":
    main()
