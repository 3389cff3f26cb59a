"""Presidio or scrubadub over the Chinese cases: CASES PROGRAM, as `harness/ours_chinese.py`; personal data alone.

What they find is taken out of the text.  Presidio's finds of every kind count, with its own recognisers for Chinese.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import run_pii


def main(file: str, program: str) -> None:
    find, _ = getattr(run_pii, program)()
    with Path(file).open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    told = {}
    for case in cases:
        if case["task"] == "personal":
            text = case["text"]
            for start, end, _ in sorted(find(text, "zh"), reverse=True):
                text = f"{text[:start]}□{text[end:]}"
            told[case["id"]] = text
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
