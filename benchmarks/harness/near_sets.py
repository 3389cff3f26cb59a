"""Sets with known near-duplicates, made from real texts: what each row is a copy of is known, and how alike they are.

    edits      1,500 Chinese sentences, lengths drawn uniformly from 15 to 120 characters, and 500 copies of them with
               one or two characters replaced; the sentences come from `sft/alpaca_zh_demo.json` and
               `chat/smile_zh_600.jsonl`
    versions   documents in several versions (`dedup/*.jsonl`): the rows of one cluster are one document

How alike a copy is to its sentence is said by an index of its own: Jaccard over the sets of 3 characters, nothing
folded, so that no engine is measured by its own ruler.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SENTENCES, COPIES = 1500, 500
SHORTEST, LONGEST = 15, 120
_END = re.compile(r"(?<=[。！？!?])|\n")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Row:
    """`of` is the number of the row that this one is a copy of; `alike` its Jaccard index with it."""

    text: str
    of: int | None = None
    alike: float = 1.0


def edits(data: Path, seed: int = 0) -> list[Row]:
    """Sentences first, then the copies."""
    draw = random.Random(seed)
    by_length: dict[int, list[str]] = defaultdict(list)
    for sentence in dict.fromkeys(_sentences(data)):
        by_length[len(sentence)].append(sentence)
    for several in by_length.values():
        draw.shuffle(several)
    chosen: list[str] = []
    while len(chosen) < SENTENCES:
        several = by_length[draw.randint(SHORTEST, LONGEST)]
        if several:
            chosen.append(several.pop())
    signs = sorted({sign for sentence in chosen for sign in sentence if _CHINESE.match(sign)})
    rows = [Row(sentence) for sentence in chosen]
    for number in draw.sample(range(SENTENCES), COPIES):
        text = list(chosen[number])
        for place in draw.sample(range(len(text)), draw.randint(1, 2)):
            text[place] = draw.choice([sign for sign in draw.sample(signs, 2) if sign != text[place]])
        copy = "".join(text)
        rows.append(Row(copy, number, jaccard(chosen[number], copy)))
    return rows


def versions(file: Path) -> tuple[list[str], list[str]]:
    """Texts and the document that each is a version of."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows], [row["cluster"] for row in rows]


def jaccard(first: str, second: str) -> float:
    one, two = ({text[at : at + 3] for at in range(len(text) - 2)} for text in (first, second))
    return len(one & two) / len(one | two)


def _sentences(data: Path) -> list[str]:
    texts = [
        row[field]
        for row in json.loads((data / "sft" / "alpaca_zh_demo.json").read_text(encoding="utf-8"))
        for field in ("instruction", "input", "output")
    ]
    for line in (data / "chat" / "smile_zh_600.jsonl").read_text(encoding="utf-8").splitlines():
        texts += [turn["value"] for turn in json.loads(line)["conversations"]]
    found = (piece.strip() for text in texts for piece in _END.split(text))
    return [one for one in found if SHORTEST <= len(one) <= LONGEST and 2 * len(_CHINESE.findall(one)) > len(one)]
