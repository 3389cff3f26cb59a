"""Imports go down only, and rooms of one level don't import each other.

The law is read from the docstring of the package.  Every import counts: absolute, relative, inside a function, under
`TYPE_CHECKING`, and `import_module` with a name written out.  Loading members by a name made at run time is refused by
the registry itself (tests/foundations/test_registry.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneloop import registry

PACKAGE = Path(registry.__file__).parent


def test_every_import_goes_down() -> None:
    assert violations(PACKAGE) == []


def test_every_room_stands_in_the_law() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} <= set(law(PACKAGE))


def test_the_registry_reads_the_same_law() -> None:
    assert registry.layers() == law(PACKAGE)
    assert law(PACKAGE)["app"] == max(law(PACKAGE).values())
    assert law(PACKAGE)["errors"] == law(PACKAGE)["wording"] == 0


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("low/a.py", "import broken.high.b"),
        ("low/a.py", "import broken.high.b as b"),
        ("low/a.py", "from broken.high import b"),
        ("low/a.py", "from broken import high"),
        ("low/a.py", "from broken import PublicName"),
        ("low/a.py", "import broken"),
        ("low/a.py", "from ..high import b"),
        ("low/a.py", "from .. import high"),
        ("low/deep/a.py", "from ...high.b import name"),
        ("low/__init__.py", "from ..high import b"),
        ("low/a.py", "def lazy():\n    from broken.high import b\n    return b"),
        ("low/a.py", "class A:\n    def m(self):\n        import broken.high"),
        ("low/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from broken.high import b"),
        ("low/a.py", "import importlib\nimportlib.import_module('broken.high.b')"),
        ("low/a.py", "from importlib import import_module\nimport_module('broken.high')"),
        ("low/a.py", "__import__('broken.high')"),
        ("left.py", "from broken.right import b"),
        ("left.py", "from . import right"),
        ("left.py", "from broken.nowhere import b"),
        ("stray.py", "x = 1"),
    ],
)
def test_the_checker_catches(tmp_path: Path, room: str, source: str) -> None:
    package = small_package(tmp_path)
    file = package / room
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert len(violations(package)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("high/b.py", "from broken.low import a\nfrom broken import left, right, __version__"),
        ("low/a.py", "import json\nfrom . import other\nfrom broken.low.deep import a"),
        ("low/deep/a.py", "from ..other import name\nfrom .. import other"),
        ("__init__.py", '"""Doc.\n\n    high\n    > left, right\n    > low\n"""\nfrom broken.high import b'),
    ],
)
def test_the_checker_lets_lawful_imports_pass(tmp_path: Path, room: str, source: str) -> None:
    package = small_package(tmp_path)
    file = package / room
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert violations(package) == []


def small_package(folder: Path) -> Path:
    package = folder / "broken"
    for room in ("high", "low"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    for room in ("left.py", "right.py"):
        (package / room).touch()
    (package / "__init__.py").write_text('"""Doc.\n\n    high\n    > left, right\n    > low\n"""\n')
    return package


def law(package: Path) -> dict[str, int]:
    """The level of each room, 0 for the lowest, from the lines of the docstring that are indented by four spaces."""
    doc = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")), clean=False) or ""
    lines = re.findall(r"^    (?:> )?([a-z_]+(?:, [a-z_]+)*)$", doc, flags=re.MULTILINE)
    return {room: level for level, line in enumerate(reversed(lines)) for room in line.split(", ")}


def violations(package: Path) -> list[str]:
    levels = law(package)
    found = []
    for file in sorted(package.rglob("*.py")):
        parts = (package.name, *file.relative_to(package).with_suffix("").parts)
        if parts[1:] in (("__init__",), ("__main__",)):
            continue  # the public face and the door belong to no room
        if parts[1] not in levels:
            found.append(f"{file}: {parts[1]!r} does not stand in the law")
            continue
        for line, target in imports(file, parts):
            if target == package.name and parts[1] == "registry":
                continue  # it reads the law from the docstring
            room = target.split(".")[1] if "." in target else ""
            if room in ("__version__", parts[1]):
                continue
            if room not in levels or levels[room] >= levels[parts[1]]:
                found.append(f"{file}:{line}: {parts[1]} imports {target}")
    return found


def imports(file: Path, parts: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that `file` (whose dotted name is `parts`) imports from its own package."""
    package = parts[:-1]  # also for a package's own __init__, whose last part is "__init__"
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        for target in targets(node, package):
            if target.split(".")[0] == parts[0]:
                yield node.lineno, target  # type: ignore[attr-defined]


def targets(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*base, *([node.module] if node.module else [])])
        return [f"{module}.{alias.name}" for alias in node.names] if module == package[0] else [module]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__", "find_spec"):
            return [str(node.args[0].value)]
    return []
