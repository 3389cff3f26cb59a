"""What holds for every member of every registry: it loads light, says what it is in both languages, and can be made.

The registries are those of `tuneloop.app.members`, which must list every one that the package has.
"""

from __future__ import annotations

import importlib.util
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.test_wording import HAN, NAMES

import tuneloop
from tuneloop.app.members import CONTRACTS, registries
from tuneloop.config import setting_words
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

HEAVY = ("torch", "transformers", "pyarrow", "duckdb", "pandas", "sqlalchemy", "tokenizers", "scipy", "sklearn")
LOAD_ALL = """
import importlib, json, sys
for folder, modules in json.loads(sys.argv[1]).items():
    for module in modules:
        importlib.import_module(module)
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""


def modules_with_a_registry() -> set[str]:
    """By walking the package: what the list in `app/members.py` must hold."""
    found = set()
    for module in pkgutil.walk_packages(tuneloop.__path__, "tuneloop."):
        spec = importlib.util.find_spec(module.name)
        source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
        if re.search(r"^\w+(: .+)? = Registry\(", source, re.MULTILINE):
            found.add(module.name)
    return found


def members() -> list[Any]:
    return [
        pytest.param(registry, name, id=f"{folder}.{name}")
        for folder, registry in sorted(registries().items())
        for name in registry.names()
    ]


def test_every_registry_is_listed() -> None:
    assert modules_with_a_registry() == set(CONTRACTS)
    assert {"prepare.steps", "train.objectives", "scores.metrics"} <= set(registries())


def test_all_members_load_without_a_heavy_library() -> None:
    places = {folder: list(registry._places.values()) for folder, registry in registries().items()}
    command = [sys.executable, "-c", LOAD_ALL, json.dumps(places), json.dumps(HEAVY)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == []


@pytest.mark.parametrize(("registry", "name"), members())
def test_a_member_says_what_it_is(registry: Registry[Member], name: str) -> None:
    member = registry.load(name)
    texts = {"title": member.title, "help": member.help}
    texts |= {f"setting {field}": setting_words(member, field) for field in member.model_fields}
    for what, words in texts.items():
        assert isinstance(words, Words), what
        assert words.en.strip(), what
        assert HAN.search(words.zh) or NAMES.fullmatch(words.zh), what


@pytest.mark.parametrize(("registry", "name"), members())
def test_a_member_is_called_by_its_file(registry: Registry[Member], name: str) -> None:
    member = registry.load(name)
    assert member.name == name
    module = importlib.import_module(member.__module__)
    assert member.__doc__ or module.__doc__, "a member says what it does, and what it does not cover"
    assert registry.describe(name)["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(("registry", "name"), members())
def test_a_member_can_be_made_and_written_back(registry: Registry[Member], name: str) -> None:
    required = [key for key, field in registry.load(name).model_fields.items() if field.is_required()]
    if required:  # such a member is made in the tests of its room
        assert all(setting_words(registry.load(name), key).en for key in required)
        return
    made = registry.create(name)
    again = registry.create({"name": name, **made.model_dump(mode="json")})
    assert again.model_dump() == made.model_dump()
