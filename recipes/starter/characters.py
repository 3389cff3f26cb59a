"""Chinese characters that get a token each: `python recipes/starter/characters.py FOLDER > characters.txt`.

FOLDER holds the texts and rows that the starter is trained on.  All characters of the templates come first (names are
put together from them), then the commonest of the texts, `COUNT` in all.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from wordings import HERE

COUNT = 3_500
CHINESE = re.compile(r"[\u3400-\u9fff]")
MARKS = "，。？！、；：“”（）《》"


def characters(folder: Path) -> str:
    files = (file.read_text(encoding="utf-8") for file in HERE.glob("templates/zh-*.yaml"))
    inside = sorted({one for text in files for one in CHINESE.findall(text)})
    seen: Counter[str] = Counter()
    for file in sorted(folder.glob("*.jsonl")):
        if not file.name.startswith("held-out"):
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    seen.update(CHINESE.findall(line))
    common = [one for one, _ in seen.most_common()]
    return "".join(list(dict.fromkeys([*MARKS, *inside, *common]))[:COUNT])


if __name__ == "__main__":
    sys.stdout.write(characters(Path(sys.argv[1])) + "\n")
