"""Code inside prose: what stands between ``` fences or backticks is not to be cleaned like prose.

Not covered: code that nothing marks, and blocks marked by indentation alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)


def outside(text: str, change: Callable[[str], str]) -> str:
    """The text with `change` applied to all of it that is no code."""
    if "`" not in text:
        return change(text)
    pieces = _CODE.split(text)
    pieces[::2] = [change(piece) if piece else piece for piece in pieces[::2]]
    return "".join(pieces)


def without(text: str) -> str:
    """The text less its code."""
    return "".join(_CODE.split(text)[::2]) if "`" in text else text
