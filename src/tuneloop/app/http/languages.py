"""The language of a page: as its address says (`?lang=zh`), else as the browser prefers."""

from __future__ import annotations

from fastapi import Request

from tuneloop.wording import Language


def language_of(request: Request, asked: str | None = None) -> Language:
    """English where neither says Chinese (RFC 9110, 12.5.4: the highest weight, of equals the first)."""
    if asked in ("en", "zh"):
        return asked  # type: ignore[return-value]
    best: tuple[float, Language] = (0.0, "en")
    for part in request.headers.get("accept-language", "").split(","):
        name, _, weight = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in ("en", "zh") and (share := _share(weight)) > best[0]:
            best = (share, language)  # type: ignore[assignment]
    return best[1]


def _share(weight: str) -> float:
    """`q=0.8` → 0.8; 1 without one, 0 for what is none."""
    if not weight.strip():
        return 1.0
    try:
        share = float(weight.strip().removeprefix("q="))
    except ValueError:
        return 0.0
    return share if 0 <= share <= 1 else 0.0
