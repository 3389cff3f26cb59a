"""`tuneloop classify`: ask a model that was trained to classify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.errors import InputError, UsageError, Where


def classify(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A model version, as model-3, or newest.")],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", show_default=False)] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Texts, one a line; of a .jsonl file the field text of each row.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the class of texts, with its probability.

    \b
    Examples:
      tuneloop classify newest "味道不错，送得也快"
      tuneloop classify model-2 --file reviews.txt --json
    """
    from tuneloop import models
    from tuneloop.app.cli.screen import Screen

    screen = Screen(as_json)
    asked = [*(texts or ()), *(_read(file) if file else ())]
    if not asked:
        raise UsageError(
            "there is nothing to classify", expected="a text, or --file", do="See: tuneloop classify --help"
        )
    if empty := [place for place, text in enumerate(asked, start=1) if not text.strip()]:
        raise InputError(f"text {empty[0]} is empty", expected="some words in each")
    with workspace_at(workspace, create=False) as ws:
        found = models.load_classifier(ws, name).predict(asked)
    rows = [(text, *next(iter(one.items())), one) for text, one in zip(asked, found, strict=True)]
    screen.result(
        [{"text": text, "label": label, "probabilities": every} for text, label, _, every in rows],
        "\n".join(f"{label}\t{share:.1%}\t{' '.join(text.split())}" for text, label, share, _ in rows),
    )


def _read(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", expected="a UTF-8 text", where=Where(file=file)) from None
    if file.suffix != ".jsonl":
        return [line for line in lines if line.strip()]
    return [_text(line, Where(file=file, line=n)) for n, line in enumerate(lines, start=1) if line.strip()]


def _text(line: str, where: Where) -> str:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"is not JSON ({error})", expected="one object a line", where=where) from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise InputError("has no text", expected='an object with the field "text"', where=where)
    return str(row["text"])
