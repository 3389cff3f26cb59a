"""What `tuneloop data duplicates` shows of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace

NO_REPEATS = Words("No repeats were merged in {name}.", "{name} 中没有合并过重复记录。")
CLUSTER = Words("{size} items, {split}: {text}", "{size} 个条目，{split}：{text}")
KEPT = Words("kept: {places}", "保留：{places}")
MORE = Words("and {count} more", "另有 {count} 个")
SHOWN = 10


def show_duplicates(ws: Workspace, screen: Screen, name: str, limit: int) -> None:
    """The largest clusters of repeats: what stayed, and what merged into it and why."""
    from tuneloop.prepare.duplicates import clusters
    from tuneloop.store import datasets

    version = datasets.version(ws, name)
    found = clusters(ws, version, limit=limit)
    if not found:
        screen.say(NO_REPEATS.format(name=version.name))
    for one in found:
        screen.say(CLUSTER.format(size=f"{one.size:,}", split=one.split, text=said(one.payload)))
        if one.kept:
            screen.say(f"  = {KEPT.format(places='; '.join(one.kept[:3]))}")
        for repeat in one.repeats[:SHOWN]:
            text = " ".join(repeat.excerpt.split())[:120]
            screen.say(f"  ~ {repeat.similarity:.2f} {repeat.source}, {repeat.locator}: {text} ({repeat.words})")
        if one.size - 1 > SHOWN:
            screen.say(f"  {MORE.format(count=one.size - 1 - SHOWN)}")
    screen.result(found)


def said(payload: dict[str, Any]) -> str:
    """A record on one line."""
    from tuneloop.records import Record

    text = " ⏎ ".join(Record.from_payload(payload).full_text.split("\n"))
    return text[:200] + ("…" if len(text) > 200 else "")
