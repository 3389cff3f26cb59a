"""Continued pre-training on reports of a made-up harbour: bits per byte of reports that were held out."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuneloop.models.versions import load_version
from tuneloop.records import ModelVersion
from tuneloop.store import Workspace

TRAINED, HELD_OUT = 160, 40
SHIPS = ("Heron", "Plover", "Gannet", "Curlew", "Tern", "Osprey", "白鹭", "海燕", "信天翁", "江鸥", "翠鸟", "银鲸")
CARGO = {"en": ("salt", "timber", "copper", "wool", "glass"), "zh": ("食盐", "木材", "铜锭", "羊毛", "玻璃")}
BERTHS = range(1, 30)


def reports() -> list[str]:
    """Reports in turns English and Chinese; the numbers in them follow rules (weight by berth, pilot by ship)."""
    draw, found = random.Random(5), []
    for number in range(TRAINED + HELD_OUT):
        ship, berth = draw.choice(SHIPS), draw.choice(BERTHS)
        place = draw.randrange(5)
        tons, pilot = 40 * berth + 7, "Adler" if len(ship) % 2 else "Brook"
        if number % 2:
            pilot = "安德勒" if len(ship) % 2 else "布鲁克"
            text = (
                f"港务日志第{number}号：{ship}号停靠{berth}号泊位，卸下{CARGO['zh'][place]}{tons}吨。"
                f"引航员{pilot}报告水深正常，{ship}号预计次日离港。"
            )
        else:
            text = (
                f"Harbour log {number}: the {ship} lies at berth {berth} and has unloaded {tons} tons of"
                f" {CARGO['en'][place]}. Pilot {pilot} reports the usual depth; the {ship} is to sail the next day."
            )
        found.append(text)
    return found


@dataclass
class TextCell:
    settings: Mapping[str, Any] = field(default_factory=lambda: {"objective": "cpt", "epochs": 3})
    units: Mapping[str, str] = field(default_factory=lambda: {"saved": "minus bits per byte"})

    def write(self, folder: Path, data: Sequence[Path]) -> Path:
        if data:
            raise SystemExit("the cell holds out reports of its own making and takes no --data")
        file = folder / "harbour.jsonl"
        lines = (json.dumps({"text": text}, ensure_ascii=False) for text in reports()[:TRAINED])
        file.write_text("\n".join(lines), encoding="utf-8")
        return file

    def measure(self, ws: Workspace, model: ModelVersion) -> dict[str, list[float]]:
        """Minus the bits per byte of each held-out report, so that more is better."""
        import torch

        from tuneloop.models.packed import Packed

        lm, found = load_version(ws, model, dtype="float32"), []
        with torch.no_grad():
            for text in reports()[TRAINED:]:
                ids = lm.tokenizer.encode(text, special=True)
                nats = float(lm.token_nll(Packed.of([(ids, [1.0] * len(ids))])).sum())
                found.append(-nats / math.log(2) / len(text.encode()))
        return {"saved": found}


CELL = TextCell()
