"""Sums of two digits, asked in Chinese and English: the cell that grpo and ppo share.

The starter adds hardly any two digits rightly, and a reward that is always 0 teaches nothing.  So it first learns the
answers by `sft` for two and a half epochs, after which two of five questions and one of five held-out ones get a right
answer; that model is what the cell tunes.  Held out are sums in a wording in which that sum was never asked, neither
then nor by the cell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tuneloop
from tuneloop.models.versions import load_named, load_version
from tuneloop.records import ModelVersion
from tuneloop.scores.metric import metrics
from tuneloop.store import Workspace

WORDINGS = (
    ("What is {a} plus {b}?", "{a} + {b} = ?", "Add {a} and {b}."),
    ("{a}加{b}等于几？", "{a} + {b} 是多少？", "求{a}与{b}的和。"),
)
TOKENS = 24  # of an answer


def rows() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Questions and answers to learn from, and held-out ones: every other sum in one of its three wordings."""
    trained, held_out = [], []
    for a in range(1, 10):
        for b in range(1, 10):
            left_out = (7 * a + 3 * b) % 3
            for wordings in WORDINGS:
                for place, wording in enumerate(wordings):
                    row = (wording.format(a=a, b=b), f"{a} + {b} = {a + b}")
                    if place != left_out:
                        trained.append(row)
                    elif (a + b) % 2 == 0:
                        held_out.append(row)
    return trained, held_out


@dataclass
class SumsCell:
    """`own` are the objective's settings beside its reward."""

    own: Mapping[str, Any]
    units: Mapping[str, str] = field(default_factory=lambda: {"right": "right sums, greedy"})
    base: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        objective = {"rewards": ["number"], "max_tokens": TOKENS, **self.own}
        return {"base": self.base, "objective": objective, "precision": "float32", "eval_every": 0}

    def write(self, folder: Path, data: Sequence[Path]) -> Path:
        """The questions, and beside them the model that has begun to learn them."""
        if data:
            raise SystemExit("the cells of sums hold out sums of their own and take no --data")
        file = folder / "sums.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for question, answer in rows()[0]:
                turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
                out.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")
        with Workspace.find(folder / "school") as ws:
            tuneloop.prepare(file, workspace=ws, recipe={"steps": ["normalize"], "split": "train_only"})
            learned = tuneloop.train(
                workspace=ws, objective="sft", epochs=2.5, replay=0.0, precision="float32", general="none"
            )
            self.base = str(load_named(ws, learned.name, dtype="float32").save(folder / "schooled"))
        return file

    def measure(self, ws: Workspace, model: ModelVersion) -> dict[str, list[float]]:
        """1 or 0 for each held-out sum."""
        from tuneloop.models.chat import encode_prompt
        from tuneloop.records import Turn

        lm, right = load_version(ws, model, dtype="float32"), metrics.create("number")
        held_out = rows()[1]
        prompts = [encode_prompt([Turn("user", one)], [], lm.tokenizer, lm.template) for one, _ in held_out]
        answers = lm.generate(prompts, max_tokens=TOKENS)
        return {
            "right": [right.score(found.text, wanted) for found, (_, wanted) in zip(answers, held_out, strict=True)]
        }
