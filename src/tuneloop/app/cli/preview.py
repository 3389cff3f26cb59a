"""`tuneloop preview`: exactly which tokens would be trained on, turn by turn, before any run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.records import Record


def preview(
    name: Annotated[
        str, typer.Argument(metavar="DATA", help="A dataset version, as data-3.", show_default=False)
    ] = "newest",
    base: Annotated[str, typer.Option(help="The model whose tokens and chat template count.")] = "starter",
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many records.")] = 3,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show exactly which words training would count.

    Each record stands as the model's chat template writes it. Between ⟦ and ⟧ stand the words that the loss counts;
    everything else is only read.

    \b
    Examples:
      tuneloop preview
      tuneloop preview data-2 --base my-models/qwen -n 10
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.models import load
    from tuneloop.prepare import versions
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        screen.say(f"{version.name} as {base} reads it")
        lm = load(base)
        rows = [record for record, _, _ in islice(versions.records(ws, version, "train"), count)]
    seen = [(record, pieces(record, lm)) for record in rows]
    for record, parts in seen:
        screen.say(f"\n{record.id}")
        for part in parts:
            screen.say(_marked(part))
    told = [{"record": record.id, "kind": record.kind, "pieces": parts} for record, parts in seen]
    screen.result({"data": version.name, "base": base, "records": told})


def pieces(record: Record, lm: LanguageModel) -> list[dict[str, Any]]:
    """The record's text cut where trained and untrained tokens meet; a text record is trained on as a whole."""
    from tuneloop.models.chat import preview as pieces_of

    if record.kind == "text":
        ids = lm.tokenizer.encode(record.text or "")
        return [{"turn": None, "tokens": len(ids), "weight": 1.0, "text": record.text}]
    if record.kind != "chat":
        return [{"turn": None, "tokens": 0, "weight": 0.0, "text": record.full_text}]
    return [
        {"turn": piece.turn, "tokens": len(piece.ids), "weight": piece.weight, "text": piece.text}
        for piece in pieces_of(record.messages, record.tools, lm.tokenizer, lm.template)
    ]


def _marked(piece: dict[str, Any]) -> str:
    text = str(piece["text"]).rstrip("\n")
    if not piece["weight"]:
        return text
    share = "" if piece["weight"] == 1 else f" x{piece['weight']:g}"
    return f"⟦{text}⟧  {piece['tokens']} tokens{share}"
