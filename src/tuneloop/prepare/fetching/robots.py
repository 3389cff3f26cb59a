"""What a site's robots.txt lets a crawler fetch (RFC 9309), with `Crawl-delay`, which the RFC does not know.

The group of our own name counts, else that of `*`; groups of one name are taken together.  Of the rules that match a
path the longest wins, and of equals the one that allows; `*` stands for anything and `$` for the end.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

MOST_BYTES = 500 * 1024
"""What is read of a robots.txt; the RFC asks for as much at least."""


@dataclass
class Robots:
    """`rules` are (pattern, allowed); `delay` in seconds between two requests, 0 where none is asked for."""

    rules: list[tuple[str, bool]] = field(default_factory=list)
    delay: float = 0.0

    def allows(self, path: str) -> bool:
        """May a path, its query included, be fetched?  robots.txt itself always may."""
        if path == "/robots.txt":
            return True
        plain = unquote(path)
        matching = [(len(pattern), allowed) for pattern, allowed in self.rules if _matches(pattern, plain)]
        return max(matching)[1] if matching else True


ALL, NONE = Robots(), Robots([("/", False)])


def parse(text: str, name: str) -> Robots:
    """The rules for the crawler called `name` (its product token, such as tuneloop)."""
    groups: dict[str, Robots] = {}
    current: list[Robots] = []
    opened = False
    for line in text.splitlines():
        key, mark, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not mark:
            continue
        if key == "user-agent":
            current = [*(current if opened else []), groups.setdefault(value.lower(), Robots())]
            opened = True
        elif key in ("allow", "disallow"):
            opened = False
            for group in current:
                if value:
                    group.rules.append((unquote(value), key == "allow"))
        elif key == "crawl-delay":
            opened = False
            for group in current:
                group.delay = _seconds(value) or group.delay
        elif key != "sitemap":
            opened = False
    return groups.get(name.lower()) or groups.get("*") or ALL


def _matches(pattern: str, path: str) -> bool:
    end = pattern.endswith("$")
    pieces = (pattern[:-1] if end else pattern).split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for piece in pieces[1:-1] if len(pieces) > 1 else ():
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if len(pieces) == 1:
        return not end or at == len(path)
    last = pieces[-1]
    return path.endswith(last) and len(path) - len(last) >= at if end else path.find(last, at) >= 0


def _seconds(value: str) -> float:
    found = re.match(r"\d+(\.\d+)?", value)
    seconds = float(found[0]) if found else 0.0
    return seconds if math.isfinite(seconds) else 0.0
