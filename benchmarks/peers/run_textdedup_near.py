"""text-dedup's MinHash over texts: ROWS SETTINGS, as `harness/ours_near.py`; its command, in this process.

Rows that its filter for short texts takes out before it begins are told as -1.  `spaced` puts a space between all
characters first, the usual help for Chinese.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from text_dedup import minhash


def main(file: str, settings: str) -> None:
    with Path(file).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    told = []
    for one in json.loads(settings):
        with tempfile.TemporaryDirectory() as folder:
            told.append(deduplicate(texts, dict(one), Path(folder)) | {"settings": one})
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


def deduplicate(texts: list[str], settings: dict[str, object], folder: Path) -> dict[str, object]:
    if settings.pop("spaced", False):
        texts = [" ".join(text) for text in texts]
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")
    words = ["--path", "json", "--data_files", str(rows), "--split", "train", "--column", "text", "--num_proc", "1"]
    words += ["--cache_dir", str(folder / "cache"), "--output", str(folder / "out"), "--no-clean_cache"]
    for name, value in settings.items():
        words += [f"--{name}", str(value)]
    minhash.RNG = np.random.RandomState(minhash.SEED)
    began = sum(os.times()[:4])  # its children count as well: it maps in processes
    minhash.main.main(args=words, standalone_mode=False)
    seconds = sum(os.times()[:4]) - began
    shortest = int(settings.get("min_length", 5))
    long_enough = [len(minhash.NON_ALPHA.split(text.lower())) >= shortest for text in texts]
    clusters = [minhash.uf.find(number) if there else -1 for number, there in enumerate(long_enough)]
    return {"clusters": [int(one) for one in clusters], "seconds": seconds}


if __name__ == "__main__":
    main(*sys.argv[1:])
