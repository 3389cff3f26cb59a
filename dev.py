#!/usr/bin/env python3
"""The one script of this repository: sets everything up, then does what the first word says.

    python dev.py demo       from a fresh clone to a tuned model that answers
    python dev.py test       the tests; what follows goes to pytest; --all runs every mark but gpu and soak
    python dev.py lint       ruff and mypy
    python dev.py docs       write docs/reference/ anew from the code (--check compares only)
    python dev.py bench      list the benchmarks; with a name, run it; `bench soak` runs the long hostile tests
    python dev.py setup      only set up
    python dev.py WORD ...   any other word goes to `tuneloop`, as in: python dev.py train --dry-run

It needs Python 3.11 or newer and nothing else.  The environment is `.venv` beside this file; it is made again only when
`pyproject.toml`, `constraints.txt`, this folder's place or the Python changed; a set-up that was cut off starts over.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
QUICK = "not slow and not soak and not gpu and not browser and not postgres and not cluster"
ALL = "not soak and not gpu"


def main(words: list[str]) -> int:
    if sys.version_info < (3, 11):
        return say(f"tuneloop needs Python 3.11 or newer; this is {sys.version.split()[0]}.", 1)
    word, rest = (words[0], words[1:]) if words else ("help", [])
    if word in ("help", "-h", "--help"):
        print(__doc__)
        return 0
    set_up("dev" if word in ("setup", "test", "lint", "docs", "bench") else "use")
    own = {"setup": setup, "test": test, "lint": lint, "docs": docs, "bench": bench}
    return own[word](rest) if word in own else run("-m", "tuneloop", word, *rest)


def setup(_: list[str]) -> int:
    return say(f"Ready: {PYTHON}", 0)


def test(rest: list[str]) -> int:
    # One thread a worker: two OpenMP threads beside a second process are 5-20 times slower than one.
    env = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    if "--all" in rest:
        rest = ["-m", ALL, "--no-skips", *[word for word in rest if word != "--all"]]
    elif "-m" not in rest:
        rest = ["-m", QUICK, *rest]
    named = any((ROOT / word.partition("::")[0]).exists() for word in rest)
    workers = [] if named or "-n" in rest else ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    return run("-m", "pytest", *workers, *rest, env=env)


def lint(_: list[str]) -> int:
    commands = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])
    return max([run("-m", *command) for command in commands])


def docs(rest: list[str]) -> int:
    return run("docs/generate.py", *rest)


def bench(rest: list[str]) -> int:
    if rest[:1] == ["soak"]:
        return test(["-m", "soak", "-n", "0", *rest[1:]])
    names = sorted(file.stem for file in (ROOT / "benchmarks").glob("[a-z]*.py"))
    if not rest:
        return say("python dev.py bench NAME, where NAME is one of: " + ", ".join([*names, "soak"]), 0)
    if rest[0] not in names:
        return say(f"No benchmark is called {rest[0]!r}; there are: " + ", ".join([*names, "soak"]), 2)
    return run(f"benchmarks/{rest[0]}.py", *rest[1:])


# Set-up


def set_up(extra: str) -> None:
    """Bring `.venv` up to date: `use` has what tuneloop needs, `dev` the tools and oracles of its tests as well."""
    wanted = fingerprint()
    marks = {name: VENV / f".ready-{name}" for name in ("use", "dev")}
    enough = [marks["dev"]] if extra == "dev" else list(marks.values())
    if PYTHON.exists() and any(mark.exists() and mark.read_text() == wanted for mark in enough):
        return
    for mark in enough:
        mark.unlink(missing_ok=True)
    make_environment()
    settings = from_pip()
    if quiet(PYTHON, "-m", "uv", "--version") != 0:
        say("Installing uv ...")
        subprocess.call([PYTHON, "-m", "pip", "install", "--quiet", "uv"])
    what = ["-c", "constraints.txt", "-e", ".[dev]" if extra == "dev" else "."]
    ways = installers(settings)
    for name, way in ways:
        say(f"Installing with {name} ...")
        if subprocess.call([PYTHON, "-m", *way, *what], cwd=ROOT, env=os.environ | settings) == 0:
            marks[extra].write_text(wanted)  # last, so that a set-up that was cut off starts over
            return
    sys.exit(say("The set-up failed: see the messages above. Run the same command again to go on.", 1))


def fingerprint() -> str:
    parts = [str(ROOT), sys.version]
    parts += [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make_environment() -> None:
    if PYTHON.exists() and quiet(PYTHON, "-m", "pip", "--version") == 0:
        version = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
        if quiet(PYTHON, "-c", version) == 0:
            return
    say(f"Making the environment {VENV.name} ...")
    shutil.rmtree(VENV, ignore_errors=True)
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) != 0:
        sys.exit(say("Python could not make an environment. On Debian or Ubuntu: apt install python3-venv", 1))


def from_pip() -> dict[str, str]:
    """pip's settings that uv does not read, as uv's environment: find-links, a mirror, a certificate."""
    listed = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    found: dict[str, list[str]] = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        found.setdefault(key.rpartition(".")[2], []).extend(str(ast.literal_eval(value)).split())
    names = {"find-links": "UV_FIND_LINKS", "index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    settings = {}
    for key, variable in names.items():
        if key in found and variable not in os.environ:
            unique = list(dict.fromkeys(found[key]))
            settings[variable] = ",".join(unique) if key == "find-links" else unique[-1]
    return settings


def installers(settings: dict[str, str]) -> list[tuple[str, list[str]]]:
    """The ways to install, best first.

    uv knows nothing of a CPU build of torch unless a local wheel is found or it may choose the build itself; without
    either, a Linux machine without a GPU downloads several gigabytes that it cannot use.
    """
    uv = ["uv", "pip", "install", "--python", str(PYTHON)]
    links = settings.get("UV_FIND_LINKS", os.environ.get("UV_FIND_LINKS", "")).split(",")
    ways = [("uv", uv), ("pip", ["pip", "install"])]
    if sys.platform == "linux" and not any(has_torch(link) for link in links if link):
        ways.insert(0, ("uv, the torch build that fits this machine", [*uv, "--torch-backend=auto"]))
    return ways


def has_torch(link: str) -> bool:
    parsed = urlparse(link)
    folder = Path(unquote(parsed.path)) if parsed.scheme == "file" else Path(link)
    return any(folder.glob(f"torch-*-cp{sys.version_info[0]}{sys.version_info[1]}-*.whl"))


# Running


def run(*arguments: str, env: dict[str, str] | None = None) -> int:
    """Run the environment's Python in this folder's name; Ctrl-C goes to it, and its exit code comes back."""
    variables = os.environ | {"PATH": f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', '')}"} | (env or {})
    here = None if arguments[:2] == ("-m", "tuneloop") else ROOT
    child = subprocess.Popen([str(PYTHON), *arguments], cwd=here, env=variables)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def quiet(*command: str | Path) -> int:
    try:
        return subprocess.call([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return 1


def say(text: str, code: int = 0) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
