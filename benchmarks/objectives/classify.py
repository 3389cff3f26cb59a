"""Classification of short remarks, praise or complaint: right answers on wordings that were not trained on.

Macro F1 on real data is what `benchmarks/classification.py` measures; this cell only holds it against no update.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuneloop.models.classifier import load_classifier
from tuneloop.records import ModelVersion
from tuneloop.store import Workspace

HELD_OUT = 60
THINGS = {
    "en": ["soup", "bread", "tea", "room", "bed", "driver", "waiter", "parcel", "phone", "lamp", "chair", "coat"],
    "zh": ["米饭", "面条", "豆浆", "房间", "床铺", "司机", "服务员", "包裹", "手机", "台灯", "椅子", "大衣"],
}
SAID = {
    "praise": {
        "en": ["The {} was lovely.", "I am very happy with the {}.", "What a good {}, thank you.", "Best {} in town."],
        "zh": ["{}非常好，很满意。", "这个{}我很喜欢。", "{}不错，谢谢！", "{}太棒了，下次还来。"],
    },
    "complaint": {
        "en": ["The {} was awful.", "I am not happy with the {}.", "What a bad {}, never again.", "Worst {} in town."],
        "zh": ["{}太差了，很失望。", "这个{}我不喜欢。", "{}有问题，要退款！", "{}糟透了，再也不来。"],
    },
}


def remarks() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Rows to train on and held-out ones, whose (thing, wording) pairs the others do not have."""
    draw = random.Random(3)
    rows = [
        (wording.format(thing), label)
        for label, by_language in SAID.items()
        for language, wordings in by_language.items()
        for wording in wordings
        for thing in THINGS[language]
    ]
    draw.shuffle(rows)
    return rows[HELD_OUT:], rows[:HELD_OUT]


@dataclass
class RemarksCell:
    settings: Mapping[str, Any] = field(default_factory=lambda: {"objective": "classify"})
    units: Mapping[str, str] = field(default_factory=lambda: {"right": "accuracy"})

    def write(self, folder: Path, data: Sequence[Path]) -> Path:
        if data:
            raise SystemExit("the cell holds out remarks of its own making and takes no --data")
        file = folder / "remarks.jsonl"
        rows = (json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in remarks()[0])
        file.write_text("\n".join(rows), encoding="utf-8")
        return file

    def measure(self, ws: Workspace, model: ModelVersion) -> dict[str, list[float]]:
        classifier, held_out = load_classifier(ws, model, dtype="float32"), remarks()[1]
        found = classifier.predict([text for text, _ in held_out])
        return {"right": [float(next(iter(one)) == label) for one, (_, label) in zip(found, held_out, strict=True)]}


CELL = RemarksCell()
