"""What each cleaning step does to the data, as a trial shows it: the share it strikes, where, and examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen

TOLD = 0.005
"""Share from which it is told where a step strikes."""
HEAD = (
    Words("step", "步骤"),
    Words("seen", "检查"),
    Words("changed", "改动"),
    Words("dropped", "丢弃"),
    Words("merged", "合并"),
    Words("marked", "标记"),
    Words("struck", "影响比例"),
    Words("where", "分布"),
)
TITLE = Words("{step}: the first {count} records that it changes or removes", "{step}：最先改动或去除的 {count} 条")


def show_steps(screen: Screen, report: Mapping[str, Any], examples: int) -> None:
    """A row for each step, and before and after of up to `examples` records that each one strikes."""
    steps = report.get("steps", ())
    screen.table([_row(step) for step in steps], list(HEAD))
    shown = report.get("examples", {}).get("changed", ())
    for step in steps:
        own = [one for one in shown if one["step"] == step["name"]][:examples]
        if not own:
            continue
        screen.say(TITLE.format(step=Words(**step["title"]), count=len(own)))
        for line in _lines(own):
            screen.say(line)


def _row(step: Mapping[str, Any]) -> list[object]:
    counts = [sum(step.get(name, {}).values()) for name in ("dropped", "merged", "flagged")]
    struck = step["replaced"] + counts[0] + counts[1]
    rate = f"{100 * struck / step['seen']:.1f} %" if step["seen"] else "-"
    return [step["name"], f"{step['seen']:,}", *(f"{one:,}" for one in (step["replaced"], *counts)), rate, _where(step)]


def _where(step: Mapping[str, Any]) -> str:
    """The shares by language, by source and by tag, where there are several of them; odd ones carry a mark."""
    parts = []
    for by in ("language", "source", "tag"):
        own = [one for one in step.get("spread", ()) if one["by"] == by]
        if len(own) > 1 and any(one["rate"] >= TOLD for one in own):
            parts += [f"{one['value']} {100 * one['rate']:.0f} %{' (!)' if one['odd'] else ''}" for one in own[:4]]
    return ", ".join(parts)


def _lines(examples: list[Mapping[str, str]]) -> Iterator[str]:
    for one in examples:
        yield f"  - {_flat(one['before'])}"
        yield f"  + {_flat(one['after'])}" if one["after"] else f"    ({one['reason']})"


def _flat(text: str) -> str:
    """One line, on which characters that nobody sees can be seen."""
    line = text.replace("\n", "⏎")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in line)
