"""`tuneloop chat`: ask the tuned model and its base the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import (
    DryRunOption,
    JsonOption,
    RecipeOption,
    SetOption,
    WorkspaceOption,
    workspace_at,
)
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.serve import Answers, Talk

HELLO = Words(
    "{model} and its base {base}. Ask something; an empty line ends it, /new forgets what was said.",
    "{model} 与其基座 {base}。请提问；输入空行结束，/new 清除对话记录。",
)
WOULD = Words("{model} would answer, its base {base} beside it", "将由 {model} 回答，并与其基座 {base} 对照")
BASE, TUNED = Words("base ", "基座"), Words("tuned", "微调后")


def chat(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model version, as model-3.", show_default=False)
    ] = "newest",
    prompt: Annotated[
        str | None, typer.Option("-p", "--prompt", help="Ask one question and print the answer.", show_default=False)
    ] = None,
    both: Annotated[bool, typer.Option("--both", help="With -p: the base's answer too.", show_default=False)] = False,
    file: RecipeOption = None,
    assignments: SetOption = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Talk to a tuned model, with its base beside it.

    An empty line or Ctrl-D ends it; /new forgets what was said before.

    \b
    Examples:
      tuneloop chat
      tuneloop chat model-2 -p "What is our cat's name?"
      tuneloop chat -p "我们家的猫叫什么？" --both
      tuneloop chat --set temperature=0.7 --set max_tokens=64
    """
    from tuneloop import loop
    from tuneloop.app.cli.screen import Screen
    from tuneloop.recipes import read_recipe

    screen = Screen(as_json)
    recipe = read_recipe("chat", file, assignments or ())
    if as_json and prompt is None and not dry_run:
        raise UsageError("--json answers one question", do='Give it: tuneloop chat -p "question" --json')
    with workspace_at(workspace, create=False) as ws:
        talk = loop.chat(name, workspace=ws, recipe=recipe)
        if dry_run:
            screen.say(WOULD.format(model=talk.version.name, base=talk.version.base))
            screen.result({"model": talk.version.name, "base": talk.version.base, "recipe": recipe})
            return
        if prompt is None:
            _converse(talk)
            return
        answers = talk.ask(prompt, both=both)
    screen.result(answers, _side_by_side(answers) if both else answers.tuned)


def _converse(talk: Talk) -> None:
    """Questions from standard input until it ends; both sides remember what they said."""
    print(HELLO.format(model=talk.version.name, base=talk.version.base))
    while True:
        try:
            question = input("\n> ").strip()
        except EOFError:
            print()
            return
        if question in ("/bye", ""):
            return
        if question == "/new":
            talk.forget()
            continue
        try:
            print(_side_by_side(talk.ask(question, both=talk.has_base)))
        except UsageError as error:  # the conversation has grown too long for the model
            print(error)


def _side_by_side(answers: Answers) -> str:
    """Both answers, one below the other: side by side in columns they would be hard to read in Chinese."""
    lines = [f"{BASE}: {answers.base}"] if answers.base is not None else []
    return "\n".join([*lines, f"{TUNED}: {answers.tuned}"])
