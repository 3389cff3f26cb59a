"""What the source must not hold: code made from data, shells, pickles, weak hashes, SQL glued from texts.

And docs/security.md: every test that its table names is there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tuneloop

PACKAGE = Path(tuneloop.__path__[0])
ROOT = Path(__file__).parent.parent.parent
FORBIDDEN = {
    "eval", "exec", "compile", "os.system", "os.popen", "pickle.load", "pickle.loads", "pickle.Unpickler",
    "marshal.loads", "shelve.open", "torch.load", "yaml.unsafe_load", "yaml.full_load", "hashlib.md5", "hashlib.sha1",
    "joblib.load", "xml.etree.ElementTree.parse", "ssl._create_unverified_context",
}  # fmt: skip
GLUED = {"text", "sa.text", "exec_driver_sql", "execute"}
"""Functions whose first text is SQL."""


def problems(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in FORBIDDEN:
            found.append(f"{name}")
        if any(one.arg == "shell" and not _is(one.value, False) for one in node.keywords):
            found.append("shell=")
        if any(one.arg == "allow_pickle" and not _is(one.value, False) for one in node.keywords):
            found.append("allow_pickle=")
        if any(one.arg == "verify" and _is(one.value, False) for one in node.keywords):
            found.append("verify=False")
        glued = node.args and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
        if glued and (name in GLUED or name.endswith((".execute", ".exec_driver_sql"))):
            found.append("SQL")
        if name == "yaml.load" and not any(one.arg == "Loader" for one in node.keywords):
            found.append("yaml.load without a Loader")
    return found


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


ALLOWED = {
    "jobs/in_parts.py: hashlib.md5": "the protocol's check of a transfer, which protects from nobody",
    "store/ledgers.py: SQL": "views over our own files, whose names are hashes",
    "store/migrations/versions/0002_access.py: SQL": "triggers, of words that stand there",
}


def files() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))


def test_nothing_dangerous_is_called() -> None:
    found = [f"{path.relative_to(PACKAGE)}: {one}" for path in files() for one in problems(path.read_text("utf-8"))]
    assert sorted(set(found) - set(ALLOWED)) == []
    assert set(ALLOWED) <= set(found)


@pytest.mark.parametrize(
    "source",
    [
        "eval(x)", "exec(x)", "os.system(x)", "pickle.loads(x)", "torch.load(x)", "hashlib.md5(x)", "yaml.load(x)",
        "subprocess.run(x, shell=True)", "np.load(x, allow_pickle=True)", "httpx.get(x, verify=False)",
        "text(f'SELECT {x}')", "connection.execute('SELECT ' + x)",
    ],
)  # fmt: skip
def test_the_checker_catches(source: str) -> None:
    assert len(problems(source)) == 1


def test_the_table_of_security_names_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    named = re.findall(r"`((?:\w+/)?test_\w+)::(test_\w+)`", page)
    assert len(named) > 30
    assert page.count("::test_") == len(named)
    for file, test in named:
        source = (ROOT / "tests" / f"{file}.py").read_text("utf-8")
        assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), f"{file}::{test}"
