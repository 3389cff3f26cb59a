"""The states of rows in words, and how many are in each."""

from __future__ import annotations

from tuneloop.wording import Words

STATES = {
    "waiting": Words("waiting", "待审"),
    "taken": Words("taken", "已选用"),
    "refused": Words("refused", "已拒绝"),
    "duplicate": Words("duplicate", "重复"),
    "rejected": Words("rejected", "无法读取"),
}


def counted(counts: dict[str, int]) -> str:
    return "  ".join(f"{STATES[state]} {count:,}" for state, count in counts.items() if count)
