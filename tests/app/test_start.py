"""The command line answers at once: help loads no heavy library, whatever the command."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from tuneloop.app.cli.main import COMMANDS, actions

HEAVY = ("torch", "transformers", "pydantic", "sqlalchemy", "pyarrow", "duckdb", "numpy", "rich", "yaml")
LIMIT = 0.4
LOADED = """
import json, sys
from tuneloop.app.cli.main import COMMANDS, actions, main
for words in [[], *[[name] for name in COMMANDS], *[[name, action] for name in COMMANDS for action in actions(name)]]:
    assert main([*words, "--help"]) == 0
    loaded = [name for name in {heavy} if name in sys.modules]
    print(json.dumps([words, loaded]), file=sys.stderr)
"""


def test_no_help_loads_anything_heavy() -> None:
    command = [sys.executable, "-c", LOADED.format(heavy=HEAVY)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    told = {tuple(words): loaded for words, loaded in map(json.loads, result.stderr.splitlines())}
    assert len(told) == 1 + len(COMMANDS) + sum(len(actions(name)) for name in COMMANDS)
    assert {words: loaded for words, loaded in told.items() if loaded} == {}


def test_help_starts_in_under_04_seconds() -> None:
    """In processor time: on an idle machine the clock shows the same, on a busy one it measures the others.  A slow
    machine may take as long as two and a half imports of the library that reads the command line."""
    times: dict[str, list[float]] = {"help": [], "typer": []}
    for _ in range(5):
        times["help"].append(taken("-m", "tuneloop", "--help"))
        times["typer"].append(taken("-c", "import typer"))
    assert min(times["help"]) < max(LIMIT, 2.5 * min(times["typer"]))


def taken(*words: str) -> float:
    """Seconds of processor time of a Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
