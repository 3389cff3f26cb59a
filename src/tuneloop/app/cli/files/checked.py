"""What checking a file found, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store.files import File

ADDED = Words("{id}: {name}, {size} bytes", "{id}：{name}，{size} 字节")
FOUND = Words(
    "{examples} examples ({format}), {usable} of them usable for {method}",
    "{examples} 条样本（{format}），其中 {usable} 条可用于 {method}",
)
PROBLEM = Words("  {message}\n    {fix}", "  {message}\n    {fix}")
WARNING = Words("* {text}", "* {text}")
MORE = Words("  and {count} more", "  另有 {count} 条")
TOKENS = Words(
    "Tokens per example (by {base}): {p5} to {p95}, median {median}, most {max}",
    "每条样本的词元数（按 {base}）：{p5} 到 {p95}，中位数 {median}，最多 {max}",
)
SHOWN = 5


def tell(screen: Screen, one: File) -> None:
    """What checking the file found."""
    screen.say(ADDED.format(id=one.id, name=one.filename, size=f"{one.bytes:,}"))
    for line in _found(one.validation or {}):
        screen.say(line)


def _found(told: Mapping[str, Any]) -> Iterator[Words]:
    if not told:
        return
    method = told["method"]
    figures = {"examples": told["examples"], "format": told["format"], "method": method}
    yield FOUND.format(**figures, usable=told["usable"][method])
    problems = told["problems"].get(method, [])
    for one in problems[:SHOWN]:
        yield PROBLEM.format(message=one["message"], fix=Words(**one["fix"]))
    if told["unusable"] > SHOWN:
        yield MORE.format(count=told["unusable"] - SHOWN)
    if about := told.get("tokens"):
        numbers = {key: f"{about[key]:.0f}" for key in ("p5", "p95", "median", "max")}
        yield TOKENS.format(base=about["counted_with"], **numbers)
    for one in (*told["warnings"], *told.get("hints", ())):  # files of before have no hints
        yield WARNING.format(text=Words(**one["text"]))
