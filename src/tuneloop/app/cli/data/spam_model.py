"""`tuneloop data spam-model`: a spam classifier fitted on own examples, and how it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

MADE = Words(
    "{file}: fitted on {spam} examples of spam and {ham} of others. "
    "Use it with: steps: [{{name: spam, model: {file}}}]",
    "{file}：用 {spam} 条垃圾样例和 {ham} 条正常样例训练。使用方法：steps: [{{name: spam, model: {file}}}]",
)
MEASURED = Words(
    "Of {held} examples held out it finds {recall} % of the spam, and takes {wrong} % of the others for spam.",
    "在留出的 {held} 条样例上：找出 {recall}% 的垃圾信息，误判 {wrong}% 的正常内容。",
)
FEW = Words(
    "Too few examples to hold some out and measure it: give 50 or more.",
    "样例太少，无法留出一部分来测量：请提供 50 条以上。",
)


def command(
    examples: Annotated[
        str, typer.Argument(metavar="EXAMPLES", help="A CSV with the columns text and label.", show_default=False)
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where the classifier goes.")] = Path("spam.npz"),
    as_json: JsonOption = False,
) -> None:
    """Fit a spam classifier on examples of your own.

    \b
    Examples:
      tuneloop data spam-model examples.csv --to spam.npz
    """
    from tuneloop.prepare.spam_model import fit_spam_model

    screen = Screen(as_json)
    with screen.progress() as watch:
        made = fit_spam_model(examples, to, progress=watch)
    screen.say(MADE.format(file=made.file, spam=made.spam, ham=made.ham))
    if made.recall is None or made.false_positives is None:
        screen.say(FEW)
    else:
        shares = {"recall": f"{100 * made.recall:.1f}", "wrong": f"{100 * made.false_positives:.1f}"}
        screen.say(MEASURED.format(held=made.held_out, **shares))
    screen.result(made)
