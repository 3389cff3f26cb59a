"""Generated records with a known share of duplicates: questions and answers, half Chinese, half English.

Of every 100 rows 10 repeat an earlier row exactly and 5 repeat one with a single character changed; the others are
drawn from so many words that two of them are hardly ever alike by chance.  Rows have about 190 characters.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

EXACT, NEAR = 0.10, 0.05
_RECENT = 5_000  # rows that repeats are taken from: memory stays flat however many rows are written

_ZH = (
    "天地日月山水火木金土人口手足目耳心言行走飞食衣住学书画琴棋花鸟鱼虫"
    "风雨雪云春夏秋冬东南西北大小多少高低长短红黄蓝白黑新旧早晚快慢冷热"
)
_WORDS = (
    "amber basin cedar delta ember fable glade harbor island jasmine kettle lantern meadow nectar orchard pebble quartz"
    " river saddle timber umbrella velvet willow yarrow zephyr anchor bridge candle desert engine forest garden hammer"
)
_EN = _WORDS.split()


def write(file: Path, count: int, seed: int = 0) -> dict[str, int]:
    """Write `count` rows as JSONL in OpenAI's shape; returns how many are new, exact and near repeats."""
    counts = {"new": 0, "exact": 0, "near": 0}
    with file.open("w", encoding="utf-8") as out:
        for kind, question, answer in _rows(count, random.Random(seed)):
            counts[kind] += 1
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            out.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    return counts


def _rows(count: int, draw: random.Random) -> Iterator[tuple[str, str, str]]:
    recent: list[tuple[str, str]] = []
    for number in range(count):
        chance = draw.random() if recent else 1.0
        if chance < EXACT:
            yield ("exact", *draw.choice(recent))
        elif chance < EXACT + NEAR:
            question, answer = draw.choice(recent)
            place = draw.randrange(len(answer))
            yield "near", question, f"{answer[:place]}{draw.choice(_ZH)}{answer[place + 1 :]}"
        else:
            row = _chinese(number, draw) if number % 2 else _english(number, draw)
            recent[number % _RECENT : number % _RECENT + 1] = [row]
            yield ("new", *row)


def _chinese(number: int, draw: random.Random) -> tuple[str, str]:
    question = "".join(draw.choices(_ZH, k=28))
    answer = "，".join("".join(draw.choices(_ZH, k=draw.randint(6, 14))) for _ in range(14))
    return f"第{number}问：{question}是什么意思？", f"{answer}。"


def _english(number: int, draw: random.Random) -> tuple[str, str]:
    question = " ".join(draw.choices(_EN, k=7))
    return f"Question {number}: what does {question} mean?", " ".join(draw.choices(_EN, k=22)) + "."
