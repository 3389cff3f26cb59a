"""A folder is a registry: names without imports, one class a file, entry points, and no loading from a layer above."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import SettingError
from tuneloop.registry import Member, Registry, layer_of, spec_of

SQUARE = """
from tuneloop.config import setting
from tuneloop.wording import Words
from test_shapes_contract import Shape

class _Helper(Shape):
    pass

class Square(Shape):
    title = Words("Square", "正方形")
    help = Words("Four equal sides.", "四边相等。")
    side: float = setting(1.0, en="Length of a side, in metres.", zh="边长，单位米。", gt=0)
    corners: int = setting(4, en="How many.", zh="数量。")
"""


class Shape(Member):
    """The contract of the folder that these tests make."""


@pytest.fixture
def shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Registry[Shape]]:
    folder = tmp_path / "shapes_of_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "square.py").write_text(SQUARE)
    (folder / "two.py").write_text(SQUARE + SQUARE.replace("class Square", "class Second"))
    (folder / "_private.py").write_text("raise RuntimeError('never imported')")
    (folder / "explodes.py").write_text("raise RuntimeError('imported')")
    contract = type(sys)("test_shapes_contract")
    contract.Shape = Shape  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_shapes_contract", contract)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield Registry("shapes_of_test", Shape)
    for name in [name for name in sys.modules if name.startswith("shapes_of_test")]:
        del sys.modules[name]


def test_names_import_nothing(shapes: Registry[Shape]) -> None:
    assert shapes.names() == list(shapes) == ["explodes", "square", "two"]
    assert not [name for name in sys.modules if name.startswith("shapes_of_test.")]


def test_a_member_is_made_from_a_name_or_a_mapping(shapes: Registry[Shape]) -> None:
    plain: Any = shapes.create("square")
    large: Any = shapes.create({"name": "square", "side": 3})
    assert (plain.name, plain.side, large.side) == ("square", 1.0, 3.0)
    assert shapes.create(large) is large


def test_it_is_written_back_with_what_differs(shapes: Registry[Shape]) -> None:
    assert spec_of(shapes.create({"name": "square", "side": 3, "corners": 4})) == {"name": "square", "side": 3.0}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("sqare", "no shape is called 'sqare'. Did you mean 'square'?"),
        ({"side": 1}, "expected the name of a shape"),
        (5, "found 5; expected the name of a shape"),
        ({"name": "square", "sid": 1}, "r.yaml, field 'shape.sid': unknown key 'sid'. Did you mean 'side'?"),
        ({"name": "square", "side": -1}, "r.yaml, field 'shape.side': found -1; expected input should be greater"),
    ],
)
def test_a_mistake_is_told(shapes: Registry[Shape], spec: Any, sentence: str) -> None:
    with pytest.raises(SettingError) as error:
        shapes.create(spec, file="r.yaml", path="shape")
    assert sentence in str(error.value)


def test_a_file_holds_one_member(shapes: Registry[Shape]) -> None:
    with pytest.raises(TypeError, match=r"shapes_of_test\.two must define exactly one Shape, found 2"):
        shapes.load("two")


def test_a_member_describes_itself(shapes: Registry[Shape]) -> None:
    about = shapes.describe("square")
    assert about["title"] == {"en": "Square", "zh": "正方形"}
    assert about["settings"]["side"] == {"en": "Length of a side, in metres.", "zh": "边长，单位米。"}
    assert about["schema"]["properties"]["side"]["exclusiveMinimum"] == 0


def test_third_parties_add_members_by_entry_points(
    shapes: Registry[Shape], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "their_round.py").write_text(SQUARE.replace("Square", "Round"))
    point = importlib.metadata.EntryPoint("round", "their_round:Round", "shapes_of_test")
    clash = importlib.metadata.EntryPoint("square", "their_round:Round", "shapes_of_test")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point, clash])
    fresh = Registry("shapes_of_test", Shape)
    assert fresh.names() == ["explodes", "round", "square", "two"]
    assert fresh.load("round").__module__ == "their_round"
    assert fresh.load("square").__module__ == "shapes_of_test.square"  # ours is not replaced
    sys.modules.pop("their_round")


def load_from(module: str, folder: str) -> None:
    """Load a member as code of `module` would."""
    code = f"from tuneloop.registry import Member, Registry\nRegistry({folder!r}, Member).load('nothing')"
    exec(code, {"__name__": module})


@pytest.mark.parametrize(
    ("module", "folder"),
    [
        ("tuneloop.text.language", "tuneloop.prepare.steps"),
        ("tuneloop.store.database", "tuneloop.train.objectives"),
        ("tuneloop.models", "tuneloop.train.tuners"),
    ],
)
def test_loading_from_a_layer_above_is_refused(module: str, folder: str) -> None:
    with pytest.raises(ImportError, match=f"{module} may not load members of {folder}: it is a layer above"):
        load_from(module, folder)


@pytest.mark.parametrize("module", ["tuneloop.app.cli.prepare", "tuneloop.prepare.pipeline", "somebody_elses_script"])
def test_loading_from_below_or_outside_is_allowed(module: str) -> None:
    with pytest.raises(SettingError, match="no member is called 'nothing'"):
        load_from(module, "tuneloop.prepare.steps")


def test_layers() -> None:
    assert layer_of("tuneloop") is None
    assert layer_of("json.decoder") is None
    app, store, errors = (layer_of(f"tuneloop.{name}") for name in ("app.cli", "store.tables", "errors"))
    assert app is not None
    assert store is not None
    assert errors == 0 < store < app
