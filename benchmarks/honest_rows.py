"""What the steps that judge a text take out of honest sets, by their defaults: too much is their mistake.

    python benchmarks/honest_rows.py --root FOLDER --data FOLDER

`--data` holds `sft/`, `chat/`, `preference/` and `classify/` (see `spam.honest`), and `sft/huanhuan.json`, lines of a
play.
A set is not free of bad rows: what counts as honest mistakes was not marked, so a share is an upper bound of them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import machine
from spam import dialogue, honest

from tuneloop.prepare.decision import Drop, Keep
from tuneloop.prepare.step import StepContext, steps
from tuneloop.prepare.taught import answers
from tuneloop.records import Record

JUDGES = ("repetition", "refusals", "junk_characters", "mismatched_answers")
SHORT = range(24, 121)


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    sets = honest(options.data)
    with (options.data / "sft/huanhuan.json").open(encoding="utf-8") as file:
        play = [dialogue([row["instruction"], row["output"]]) for row in json.load(file)]
    lines = [machine.sentence(machine.describe()), "", *table({**sets, "huanhuan (a play)": play})]
    (options.root / "honest_rows.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def table(sets: dict[str, list[Record]]) -> Iterator[str]:
    yield f"| set | records | {' | '.join(JUDGES)} | short texts | of them by repetition |"
    yield f"| --- |{' ---: |' * (len(JUDGES) + 3)}"
    for name, records in sets.items():
        cells = [told(struck(judge, records)) for judge in JUDGES]
        short = [Record("text", text=text) for record in records for text in texts(record) if len(text) in SHORT]
        cells += [f"{len(short):,}", told(struck("repetition", short))]
        yield f"| {name} | {len(records):,} | {' | '.join(cells)} |"


def texts(record: Record) -> list[str]:
    return [turn.text for turn in answers(record)] if record.text is None else [record.text]


def struck(name: str, records: Sequence[Record]) -> Counter[str]:
    """Records that a step drops or marks, by reason."""
    step = steps.create(name).start(StepContext())
    found: Counter[str] = Counter()
    for record in records:
        decision = step.decide_one(record)
        if isinstance(decision, Drop):
            found[decision.reason] += 1
        elif isinstance(decision, Keep):
            found.update(decision.flags)
    return found


def told(found: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in found.most_common()) or "0"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
