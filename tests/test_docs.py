"""The documentation is true: its commands parse, its links lead somewhere, its code runs, its reference is current."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tuneloop.app.cli.main import COMMANDS, actions, program, verb_first
from tuneloop.app.members import registries

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(tuneloop [^`\n]+)`")


def commands(page: Path) -> Iterator[str]:
    """Every line that a reader would type, from code blocks and from inline code."""
    text = page.read_text("utf-8")
    for language, _, block in FENCE.findall(text):
        if language in ("bash", "console", "sh", "text", ""):
            yield from re.findall(r"^\s*(?:\$ )?(tuneloop [^\n]+)$", block.replace("\\\n", " "), re.MULTILINE)
    rest = FENCE.sub("", text)
    yield from re.findall(r"^ {4,}(?:\$ )?(tuneloop [^\n]+)$", rest.replace("\\\n", " "), re.MULTILINE)
    yield from INLINE.findall(rest)


def cases() -> list[object]:
    found = {command.strip(): page for page in PAGES for command in commands(page)}
    return [pytest.param(command, id=f"{page.relative_to(ROOT)}: {command}") for command, page in found.items()]


@pytest.mark.parametrize("command", cases())
def test_a_documented_command_parses(command: str) -> None:
    """Everything but the doing: unknown verbs, options and missing arguments are found."""
    words = shlex.split(re.split(r"\s{3,}|\s+#", command)[0])[1:]
    app, name, rest = program(verb_first(words))
    if words[0] in COMMANDS and words[1:] in ([], *([one] for one in actions(words[0]))):
        return  # a verb that is only mentioned
    if words[0].startswith("-") and words[0] != "-w":
        rest = words
    try:
        assert typer.main.get_command(app).make_context(name, list(rest)).info_name == name
    except typer.Exit:  # --help shows itself and leaves
        return


def test_there_are_documented_commands() -> None:
    told = " ".join(command for page in (ROOT / "README.md", ROOT / "README.zh-CN.md") for command in commands(page))
    for verb in ("prepare", "train", "evaluate", "chat", "export", "show", "restore", "preview", "doctor"):
        assert f"tuneloop {verb}" in told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", page.read_text("utf-8")))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [page for page in pages if page != "index.md" and f"({page})" not in index] == []


def test_the_reference_is_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr


def test_every_member_and_command_stands_in_the_reference() -> None:
    for folder, registry in registries().items():
        page = (ROOT / "docs" / "reference" / f"{folder.replace('.', '-')}.md").read_text("utf-8")
        assert [name for name in registry.names() if f"\n## {name}\n" not in page] == []
    page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"\n## tuneloop {name}\n" not in page] == []
    several = [f"{name} {action}" for name in COMMANDS for action in actions(name)]
    assert [name for name in several if f"\n### tuneloop {name}\n" not in page] == []


def test_both_readmes_show_the_same() -> None:
    """The same headings, pictures and commands; only words differ."""
    shapes = []
    for page in (ROOT / "README.md", ROOT / "README.zh-CN.md"):
        text = page.read_text("utf-8")
        blocks = [re.sub(r"\s*#.*|\"[^\"]*\"", "", block) for _, _, block in FENCE.findall(text)]
        links = sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.zh-CN.md"})
        shapes.append((len(re.findall(r"^#+ ", FENCE.sub("", text), re.MULTILINE)), blocks, links))
    assert shapes[0] == shapes[1]


def runnable() -> list[object]:
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, (language, rest, block) in enumerate(FENCE.findall(page.read_text("utf-8")))
        if language == "python" and "runnable" in rest
    ]


@pytest.mark.slow
@pytest.mark.parametrize("code", runnable())
def test_the_code_of_the_documentation_runs(
    code: str, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tiny model in the place of the starter, which would take a minute."""
    from tuneloop.models import places

    monkeypatch.setattr(places, "starter", lambda: tiny_base)
    shutil.copy(ROOT / "src/tuneloop/app/demo/family.jsonl", tmp_path / "family.jsonl")
    made: dict[str, object] = {}
    exec(compile(code, "documentation", "exec"), made)
    assert made.keys() - {"__builtins__"}  # it did something, and no line of it raised
