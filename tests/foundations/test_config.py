"""Settings: strict, frozen, and mistakes told with the path and the nearest known key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuneloop.config import Settings, assign, read, read_yaml, setting, setting_words
from tuneloop.errors import InputError, SettingError
from tuneloop.wording import Words


class Inner(Settings):
    rank: int = setting(8, en="Rank of the update.", zh="更新矩阵的秩。", ge=1, le=64)


class Outer(Settings):
    name: str = setting(en="Its name.", zh="名称。")
    inner: Inner = Inner()
    maybe: Inner | None = None


def test_defaults_and_values() -> None:
    made = read(Outer, {"name": "a", "inner": {"rank": 4}})
    assert (made.name, made.inner.rank, made.maybe) == ("a", 4, None)


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"name": "a", "iner": {}}, "train.iner", "unknown key 'iner'. Did you mean 'inner'?"),
        ({"name": "a", "inner": {"rnk": 4}}, "train.inner.rnk", "unknown key 'rnk'. Did you mean 'rank'?"),
        ({"name": "a", "maybe": {"rnk": 4}}, "train.maybe.rnk", "unknown key 'rnk'. Did you mean 'rank'?"),
        ({}, "train.name", "no value; expected one: it has no default."),
        ({"name": "a", "inner": {"rank": 65}}, "train.inner.rank", "found 65; expected input should be less than"),
        ({"name": 5}, "train.name", "found 5; expected input should be a valid string."),
    ],
)
def test_a_mistake_names_its_place(data: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(SettingError) as error:
        read(Outer, data, file="r.yaml", path="train")
    assert error.value.where
    assert (error.value.where.file, error.value.where.field) == ("r.yaml", field)
    assert str(error.value).startswith(f"r.yaml, field '{field}': {sentence}")


def test_settings_cannot_be_changed() -> None:
    made = read(Outer, {"name": "a"})
    with pytest.raises(ValueError, match="frozen"):
        made.name = "b"


def test_help_in_both_languages() -> None:
    assert setting_words(Inner, "rank") == Words("Rank of the update.", "更新矩阵的秩。")


@pytest.mark.parametrize(
    ("before", "assignment", "after"),
    [
        ({}, "epochs=3", {"epochs": 3}),
        ({}, "tuner.rank=16", {"tuner": {"rank": 16}}),
        ({"tuner": "lora"}, "tuner.rank=16", {"tuner": {"name": "lora", "rank": 16}}),
        ({"a": {"b": 1, "c": 2}}, "a.b=x=y", {"a": {"b": "x=y", "c": 2}}),
        ({}, "on=true", {"on": True}),
        ({}, "list=[1, 2]", {"list": [1, 2]}),
        ({}, "text=[broken", {"text": "[broken"}),
        ({}, "rate=2.0e-4", {"rate": 2e-4}),
        ({"a": 5}, "a.b=1", {"a": {"b": 1}}),
        ({"steps": ["html", "urls"]}, "steps.urls.keep=no", {"steps": ["html", {"name": "urls", "keep": False}]}),
        (
            {"steps": [{"name": "urls", "on": 1}]},
            "steps.urls.keep=2",
            {"steps": [{"name": "urls", "on": 1, "keep": 2}]},
        ),
        ({"steps": ("html",)}, "steps.html.a.b=2", {"steps": [{"name": "html", "a": {"b": 2}}]}),
    ],
)
def test_assign(before: dict[str, Any], assignment: str, after: dict[str, Any]) -> None:
    assign(before, assignment)
    assert before == after


def test_an_assignment_leaves_the_list_that_it_was_made_from() -> None:
    steps = [{"name": "html", "a": 1}]
    data = {"steps": steps}
    assign(data, "steps.html.a=2")
    assert (data, steps) == ({"steps": [{"name": "html", "a": 2}]}, [{"name": "html", "a": 1}])


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("steps.spam.above=1", r"'spam' is not in the list \(html\); expected one that is. Write the whole list."),
        ("steps.html=1", "expected a setting of html, as in steps.html.setting=1"),
        ("numbers.first.a=1", r"'first' is not in the list \(no names\)"),
    ],
)
def test_an_assignment_into_a_list_names_a_member(assignment: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        assign({"steps": ["html"], "numbers": [1, 2]}, assignment)


@pytest.mark.parametrize("assignment", ["epochs", "=3", "  =3"])
def test_an_assignment_needs_a_key_and_a_value(assignment: str) -> None:
    with pytest.raises(SettingError, match="expected key=value"):
        assign({}, assignment)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: 1\na: 2\n", "line 2: is not YAML: key 'a' stands twice"),
        (b"a: [1\n", "is not YAML"),
        (b"- 1\n", "found a list; expected keys with values"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"!!python/object/apply:os.system ['true']\n", "is not YAML"),
    ],
)
def test_a_bad_recipe_file_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_yaml(file)
    assert str(file) in str(error.value)
    assert sentence in str(error.value)


def test_a_recipe_file_may_be_empty_or_have_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(b"")
    assert read_yaml(file) == {}
    file.write_bytes("﻿名称: 值\n".encode())
    assert read_yaml(file) == {"名称": "值"}


def test_a_missing_recipe_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such recipe file"):
        read_yaml(tmp_path / "none.yaml")
