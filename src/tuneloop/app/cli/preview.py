"""`tuneloop preview`: exactly which tokens would be trained on, turn by turn, before any run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, RecipeOption, SetOption, WorkspaceOption, workspace_at
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.train.preview import Piece, Preview

ASIDE = Words("set aside: {reason}", "不参与训练：{reason}")
CUT = Words("{count} tokens do not fit into max_length and are cut", "有 {count} 个词元超出 max_length，已截去")
TOKENS = Words("{count} tokens", "{count} 个词元")


def preview(
    name: Annotated[
        str, typer.Argument(metavar="DATA", help="A dataset version, as data-3.", show_default=False)
    ] = "newest",
    base: Annotated[
        str | None, typer.Option(help="The model whose tokens and chat template count.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many records.")] = 3,
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show exactly which words training would count.

    Each record stands as the model's chat template writes it, with the recipe's objective and length. Between ⟦ and ⟧
    stand the words that the loss counts; everything else is only read.

    \b
    Examples:
      tuneloop preview
      tuneloop preview data-2 --base my-models/qwen -n 10
      tuneloop preview --set max_length=256
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.recipes import read_recipe
    from tuneloop.store import datasets
    from tuneloop.train import previews

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        recipe = read_recipe("train", file, assignments or (), {"base": base})
        version = datasets.version(ws, name)
        resolved, seen = previews(version, recipe, workspace=ws, count=count)
    chosen = resolved.recipe
    screen.say(
        f"{version.name} as {chosen.base} reads it (objective {chosen.objective}, max_length {chosen.max_length})"
    )
    for one in seen:
        _show(screen, one)
    screen.result({"data": version.name, "base": chosen.base, "max_length": chosen.max_length, "records": seen})


def _show(screen: Screen, one: Preview) -> None:
    screen.say(f"\n{one.record}")
    if one.aside:
        screen.say(ASIDE.format(reason=one.aside))
    for example in one.examples:
        for piece in example:
            screen.say(_marked(piece))
    if one.cut:
        screen.say(CUT.format(count=one.cut))


def _marked(piece: Piece) -> str:
    text = piece.text.rstrip("\n")
    if not piece.weight:
        return text
    share = "" if piece.weight == 1 else f" x{piece.weight:g}"
    return f"⟦{text}⟧  {TOKENS.format(count=len(piece.ids))}{share}"
