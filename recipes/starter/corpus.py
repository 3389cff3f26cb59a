"""The corpus, made ready for `tuneloop prepare`: `python recipes/starter/corpus.py CORPUS FOLDER`.

CORPUS holds `*.jsonl` or `*.jsonl.xz` files with one text a line: `text`, `lang`, `source` (where it was published),
`licence`, `kind`, `grade` (a: licensed by those who wrote it; b: the publisher says so).  FOLDER gets a file for each
group of sources below, so that a recipe's `mixture` can weigh them, and `held-out-zh.jsonl` and `held-out-en.jsonl`,
which no group holds and which bits per byte are measured on.

Used: grade a, and of grade b only what its publisher made or collected as a work of its own (`GRADE_B`).  A text with
one of the demo's values in it (a name, a number, an answer) is left out, and told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from wordings import FACTS, values_of

PROGRAMMING = {
    "zh": ("LCTT/TranslateProject", "Snailclimb/JavaGuide", "reactjs/zh-hans.react.dev", "huggingface/course"),
    "en": (),
}
GRADE_B = {
    "ymcui/cmrc2019": "stories for children, published as a reading set by its makers under CC BY-SA 4.0",
    "ymcui/Chinese-RC-Dataset": "fairy tales, published as a reading set by its makers under CC BY-SA 4.0",
    "math-eval/TAL-SCQ5K": "questions of the publisher's own school competitions, MIT",
}
"""Grade b that is used, and why.  Not used: examination papers and news, whose owners are known and were not asked,
and dialogues that a model wrote about people's troubles."""

GROUPS = {
    "zh": {
        "story": "stories",
        "dialogue": "dialogue",
        "encyclopedia": "encyclopedia",
        "howto": "howto",
        "qa": "school",
    },
    "en": {
        "story": "stories",
        "dialogue": "dialogue",
        "encyclopedia": "encyclopedia",
        "definition": "definitions",
        "howto": "howto",
        "qa": "questions",
    },
}
SPEAKERS = {
    "User": "user", "Assistant": "assistant", "用户": "user", "助手": "assistant", "甲": "user", "乙": "assistant",
}  # fmt: skip
QUESTIONS = (("Question:", "\nAnswer:"), ("题目：", "\n解答："))
HELD_OUT = 40
"""One text in 40 is held out: the texts whose SHA-256 is divisible by it."""
ONE_IN = {"zh-programming": 3, "en-dialogue": 4, "en-encyclopedia": 3, "en-stories": 2}
"""Of these groups one text in so many is used: two hours on two cores see no more of them."""


def group(text: dict[str, Any]) -> str | None:
    """The group of a text, or None if it is not used."""
    lang, source, kind = text["lang"], text["source"], text["kind"]
    if text["grade"] != "a" and source not in GRADE_B:
        return None
    if lang == "zh-en":
        return "translation"
    if source in PROGRAMMING[lang]:
        return f"{lang}-programming"
    if source == "openai/grade-school-math":
        return "en-sums"
    return f"{lang}-{GROUPS[lang][kind]}"


def number(text: str) -> int:
    """The SHA-256 of a text as a number: what decides about it, on every machine alike."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def held_out(text: str) -> bool:
    return number(text) % HELD_OUT == 0


def thinned(text: str, name: str) -> bool:
    """Whether a text is one of those that its group does without."""
    return number(text) // HELD_OUT % ONE_IN.get(name, 1) > 0


def row(text: dict[str, Any]) -> dict[str, Any]:
    """Dialogues and questions with answers as messages, everything else as text."""
    messages = dialogue(text["text"]) if text["kind"] == "dialogue" else question(text["text"])
    return {"messages": messages} if messages else {"text": text["text"]}


def dialogue(text: str) -> list[dict[str, str]]:
    """`User: …` and `Assistant: …` lines as messages that take turns; [] if they don't."""
    messages: list[dict[str, str]] = []
    for line in text.splitlines():
        speaker, mark, said = line.replace("：", ":", 1).partition(":")
        if mark and speaker in SPEAKERS:
            messages.append({"role": SPEAKERS[speaker], "content": said.strip()})
        elif messages:
            messages[-1]["content"] += f"\n{line}"
    if len(messages) % 2:
        messages.pop()
    in_turn = all(one["role"] == ("user", "assistant")[index % 2] for index, one in enumerate(messages))
    return messages if in_turn and all(one["content"] for one in messages) else []


def question(text: str) -> list[dict[str, str]]:
    """One question and its answer as messages; [] for any other text."""
    for start, middle in QUESTIONS:
        asked, mark, answered = text.removeprefix(start).partition(middle)
        if text.startswith(start) and mark and start not in asked + answered:
            return [{"role": "user", "content": asked.strip()}, {"role": "assistant", "content": answered.strip()}]
    return []


def texts(corpus: Path) -> Iterator[dict[str, Any]]:
    for file in sorted([*corpus.glob("*.jsonl"), *corpus.glob("*.jsonl.xz")]):
        opened: TextIO
        with lzma.open(file, "rt", encoding="utf-8") if file.suffix == ".xz" else file.open(encoding="utf-8") as opened:
            for line in opened:
                yield json.loads(line)


def split(corpus: Path, folder: Path) -> Counter[str]:
    """Write the groups and the held-out texts; counts texts by group, held-out and left-out ones included."""
    folder.mkdir(parents=True, exist_ok=True)
    demo = values_of(FACTS[:1])
    counts: Counter[str] = Counter()
    files: dict[str, TextIO] = {}
    try:
        for text in texts(corpus):
            name = group(text)
            if name is None:
                counts["not used"] += 1
            elif demo.search(text["text"]):
                counts["left out: holds a value of the demo"] += 1
            else:
                kept_apart = held_out(text["text"]) and text["lang"] in ("zh", "en")
                name = f"held-out-{text['lang']}" if kept_apart else name
                if thinned(text["text"], name):
                    counts["not needed"] += 1
                    continue
                if name not in files:
                    files[name] = (folder / f"{name}.jsonl").open("w", encoding="utf-8")
                data = {"text": text["text"]} if kept_apart else row(text)
                files[name].write(json.dumps(data, ensure_ascii=False) + "\n")
                counts[name] += 1
    finally:
        for file in files.values():
            file.close()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    for name, count in sorted(split(options.corpus, options.folder).items()):
        print(f"{count:>8,}  {name}")  # noqa: T201


if __name__ == "__main__":
    main()
