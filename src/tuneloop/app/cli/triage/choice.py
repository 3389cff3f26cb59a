"""Which rows are meant: by their numbers, or all that a filter finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.triage.states import STATES
from tuneloop.errors import UsageError

if TYPE_CHECKING:
    from tuneloop.store.triage import Chosen

NumbersArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NUMBERS...]", help="Rows, as 3 or 5-9.", show_default=False)
]
StateOption = Annotated[str | None, typer.Option(help="Only rows in this state.", show_default=False)]
TagOption = Annotated[str | None, typer.Option(help="Only rows with this tag.", show_default=False)]
ThumbOption = Annotated[str | None, typer.Option(help="Only rows with this thumb: up or down.", show_default=False)]
LanguageOption = Annotated[str | None, typer.Option(help="Only rows in it, as zh.", show_default=False)]


def chosen(
    numbers: list[str] | None, state: str | None, tag: str | None, thumb: str | None, language: str | None
) -> Chosen:
    """Raises `UsageError` for what is no number, state or thumb."""
    from tuneloop.store.triage import Chosen

    return Chosen(
        state=_one_of(state, "state", tuple(STATES)),  # type: ignore[arg-type]
        tag=tag,
        thumb=_one_of(thumb, "thumb", ("up", "down")),
        language=language,
        numbers=_numbers(numbers) if numbers else None,
    )


def _numbers(given: list[str]) -> list[int]:
    found: list[int] = []
    for one in given:
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", one)
        if match is None or int(match[2] or match[1]) - int(match[1]) > 100_000:
            raise UsageError(f"found {one!r}", expected="numbers of rows, as 3 or 5-9")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _one_of(value: str | None, name: str, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise UsageError(f"found --{name} {value}", expected=" or ".join(allowed))
    return value
