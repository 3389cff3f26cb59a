"""The commands in the order of the loop, the exit codes, and how an error is shown.

Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.  A person's mistake is one sentence on standard error (and,
with `--json`, the error's document on standard output); a bug is a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import typer

from tuneloop import __version__
from tuneloop.errors import StoppedError, TuneloopError, UsageError

LESSON = """From your own questions and answers to a model that knows them, on this machine.

\b
The five steps; each works on the newest thing and says what it took:
  tuneloop prepare family.jsonl    files, folders, archives -> a dataset version, with its report
  tuneloop train                   newest data, starter base, defaults with reasons -> a model version
  tuneloop evaluate                newest model against its base
  tuneloop chat                    talk to both, side by side
  tuneloop export --to folder      plain files that every tool loads

\b
New here?
  tuneloop demo                    all of it in two minutes, on example data
  tuneloop doctor                  what this machine can do
  tuneloop choose                  which base and tuning suit the data, and fit here

Each command's --help has examples. Each takes --json, and -w FOLDER for the workspace (also before the verb: tuneloop
-w FOLDER train); without it, the nearest .tuneloop upwards from here counts, else a new one is made here.
"""
COMMANDS = (
    "prepare",
    "preview",
    "trial",
    "choose",
    "train",
    "evaluate",
    "chat",
    "classify",
    "export",
    "serve",
    "keys",
    "data",
    "quality",
    "triage",
    "models",
    "aliases",
    "runs",
    "files",
    "jobs",
    "show",
    "restore",
    "backup",
    "doctor",
    "demo",
)
"""In the order of help; each is the function of this name in the file of this name, or a folder with its actions.

A folder says its `ACTIONS`; each is the function `command` in the file of its name.  Without one, the first is meant.
"""


PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}


def program(words: Sequence[str]) -> tuple[typer.Typer, str, list[str]]:
    """The program for these words, its name, and what is left for it.

    A known verb is a program of its own, so that only its file is loaded; a group would also load pydantic to read its
    own options first, a fifth of a second on a slow machine.
    """
    name, rest = words[0], list(words[1:])
    if name not in COMMANDS:
        return _lesson(), "tuneloop", list(words)
    names = actions(name)
    if not names:
        return _alone(_function(name)), f"tuneloop {name}", rest
    common, others = _common(rest)
    if others[:1] and others[0] in names:
        return _alone(_action(name, others[0])), f"tuneloop {name} {others[0]}", [*common, *others[1:]]
    if "--help" not in rest and (not others or others[0].startswith("-")):
        return _alone(_action(name, names[0])), f"tuneloop {name} {names[0]}", rest
    group = typer.Typer(help=_module(name).ABOUT, epilog=f"Without a command: {names[0]}.", callback=_group, **PLAIN)
    for action in names:
        group.command(action)(_action(name, action))
    return group, f"tuneloop {name}", ["--help"] if "--help" in rest else others


def _common(words: list[str]) -> tuple[list[str], list[str]]:
    """The options that every action takes and that stand in front, and the rest."""
    place = 0
    while place < len(words) and (words[place] == "--json" or words[place].startswith(("-w", "--workspace"))):
        place += 2 if words[place] in ("-w", "--workspace") else 1
    return words[:place], words[place:]


def actions(name: str) -> tuple[str, ...]:
    """The actions of a command in the order of its help; none if it does one thing."""
    found: tuple[str, ...] = getattr(_module(name), "ACTIONS", ())
    return found


def _lesson() -> typer.Typer:
    """All commands, to be listed or to find the nearest to a word; none is called through this."""
    group = typer.Typer(help=LESSON, callback=_group, **PLAIN)
    for name in COMMANDS:
        about = getattr(_module(name), "ABOUT", None)
        group.command(name, help=about)(_elsewhere if about else _function(name))
    return group


def _alone(function: Callable[..., Any]) -> typer.Typer:
    alone = typer.Typer(**PLAIN)
    alone.command()(function)
    return alone


def _module(name: str) -> ModuleType:
    return import_module(f"tuneloop.app.cli.{name}")


def _function(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(_module(name), name)
    return function


def _action(name: str, action: str) -> Callable[..., Any]:
    function: Callable[..., Any] = _module(f"{name}.{action.replace('-', '_')}").command
    return function


def _group() -> None:
    """No options of its own: `verb_first` moves those that stand before the verb."""


def _elsewhere() -> None:
    """Stands in the list of commands for one with actions, which `program` finds before."""
    raise UsageError("found a command behind --", expected="tuneloop COMMAND", do="See: tuneloop --help")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    if "OMP_WAIT_POLICY" not in os.environ:
        # Threads of OpenMP that wait by spinning starve each other beside a busy process: training in this process ran
        # at 1,440 tokens/s beside two of them, at 3,650 with this shorter spin, and alone at the same speed.
        os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    words = verb_first(list(sys.argv[1:] if words is None else words) or ["--help"])
    if words == ["--version"]:
        print(f"tuneloop {__version__}")
        return 0
    app, name, rest = program(words)
    try:
        code = app(args=rest, prog_name=name, standalone_mode=False)
    except typer.TyperException as error:
        return _refused(error, name, "--json" in words)
    except TuneloopError as error:
        return _failed(error, "--json" in words)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        print("Stopped.", file=sys.stderr)
    return code if isinstance(code, int) else 0


def verb_first(words: list[str]) -> list[str]:
    """`-w FOLDER verb …` → `verb -w FOLDER …`: what stands after the verb comes later, and so wins."""
    common, rest = _common(words)
    return [*rest[:1], *common, *rest[1:]]


def _failed(error: TuneloopError, as_json: bool) -> int:
    if as_json:
        from tuneloop.app.cli.screen import Screen

        Screen(as_json).result({"error": error.as_dict()})
    print(error if isinstance(error, StoppedError) else f"Error: {error}", file=sys.stderr)
    return error.exit_code


def _refused(error: typer.TyperException, name: str, as_json: bool) -> int:
    """Wrong use as Typer found it: its sentence, and where the help is."""
    return _failed(UsageError(error.format_message().rstrip(".?"), do=f"See: {name} --help"), as_json)


if __name__ == "__main__":
    sys.exit(main())
