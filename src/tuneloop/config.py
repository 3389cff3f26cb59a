"""Settings: checked when made, strict about unknown keys, and able to say where each value came from.

`Settings` is the base of recipes and of members.  `read` turns plain data into settings and a user's mistake into a
`SettingError` with the field's path and the nearest known key.  `Resolved` keeps, beside the values, the origin of each
one (`recipe file`, `--set`, `default`, or the reason that a rule gave).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from tuneloop.errors import InputError, SettingError, Where, unknown_key
from tuneloop.wording import Words

SettingsT = TypeVar("SettingsT", bound="Settings")


class Settings(BaseModel):
    """A frozen object that is its own configuration; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, use_attribute_docstrings=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_yes_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        return numbers_alone(cls, value, info)


def numbers_alone(kind: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """The value of a field, unless it is true or false where a number is asked: pydantic would read 1 or 0.

    For `field_validator("*", mode="before")`; also of the items of a list of numbers.
    """
    given = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(one, bool) for one in given) and _takes_numbers(kind, str(info.field_name), given is value):
        raise ValueError("a number, not true or false")
    return value


@cache
def _takes_numbers(kind: type[BaseModel], name: str, in_list: bool) -> bool:
    leaves = set(_leaves(kind.model_fields[name].annotation, in_list))
    return bool(leaves & {int, float}) and bool not in leaves


def _leaves(annotation: Any, in_list: bool) -> Iterator[Any]:
    """The types that a value may have, or with `in_list` the items of a list."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _leaves(arguments[0], in_list)
    elif origin in (Union, UnionType):
        for one in arguments:
            yield from _leaves(one, in_list)
    elif in_list and origin in (list, tuple):
        for one in arguments:
            yield from _leaves(one, False)
    elif not in_list:
        yield annotation


def setting(default: Any = ..., *, en: str, zh: str, **limits: Any) -> Any:
    """A field with its help in both languages (unit and counting rule included) and pydantic's limits (`ge`, …)."""
    return Field(default, description=en, json_schema_extra={"zh": zh}, **limits)


def setting_words(kind: type[Settings], name: str) -> Words:
    """The help of one field in both languages."""
    field = kind.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return Words(field.description or "", str(extra.get("zh", "")))


def read(
    kind: type[SettingsT], data: Mapping[str, Any], *, file: str | Path | None = None, path: str = ""
) -> SettingsT:
    """Check plain data; `file` and `path` say in an error where the data stood."""
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        raise _first_mistake(kind, error, file, path) from None


def _first_mistake(kind: type[Settings], error: ValidationError, file: str | Path | None, path: str) -> SettingError:
    first, *others = error.errors(include_url=False)
    field = ".".join([path] * bool(path) + [str(part) for part in first["loc"] if not _is_kind(part)])
    where = Where(file=file, field=field)
    if first["type"] == "extra_forbidden":
        owner = _owner(kind, first["loc"][:-1])
        return unknown_key(str(first["loc"][-1]), owner.model_fields if owner else (), where)
    if first["type"] == "missing":
        return SettingError("no value", expected="one: it has no default", where=where)
    if first["loc"] and _is_kind(first["loc"][-1]):
        same = [one for one in (first, *others) if one["loc"][:-1] == first["loc"][:-1] and _is_kind(one["loc"][-1])]
        return SettingError(f"found {first['input']!r}", expected=_any_of(same), where=where)
    shapes = {"tuple_type": "a list, as in [a, b]", "model_type": "keys with values"}
    expected = shapes.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return SettingError(f"found {first['input']!r}", expected=expected[0].lower() + expected[1:], where=where)


_KIND = re.compile(r"str|int|float|bool|(constrained-|function-).+|(literal|list|dict|tuple|set)\[.*\]")
_KINDS = {"string": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list",
          "tuple": "a list", "dict": "keys with values", "model": "keys with values"}  # fmt: skip


def _is_kind(part: int | str) -> bool:
    """Whether a part of pydantic's path names no field, but one of several kinds that a value may have."""
    return isinstance(part, str) and _KIND.fullmatch(part) is not None


def _any_of(errors: Sequence[Any]) -> str:
    """What a value may be that is of none of its kinds, or beyond the limits of one."""
    told = []
    for one in errors:
        kind = str(one["type"]).partition("_")[0]
        plain = str(one["type"]).endswith(("_type", "_parsing", "_from_float"))
        message = str(one["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
        told.append(_KINDS.get(kind, message) if plain else message[:1].lower() + message[1:])
    return " or ".join(dict.fromkeys(told))


def _owner(kind: type[Settings], path: tuple[int | str, ...]) -> type[Settings] | None:
    """The settings class that the keys of `path` lead to, for the list of its known keys."""
    owner: Any = kind
    inside = False  # the numbers of a list and the names in a mapping are no settings
    for key in path:
        if inside:
            inside = False
            continue
        fields = getattr(owner, "model_fields", {})
        if key not in fields:
            return None
        owner = fields[key].annotation
        inside = get_origin(owner) in (tuple, list, dict)
        for argument in getattr(owner, "__args__", ()):
            if isinstance(argument, type) and issubclass(argument, Settings):
                owner = argument
    return owner if isinstance(owner, type) and issubclass(owner, Settings) else None


def read_yaml(file: str | Path) -> dict[str, Any]:
    """A YAML mapping by the safe loader; a repeated key is an error, as the second would silently win."""
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such recipe file", where=Where(file=path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", expected="a UTF-8 text file", where=Where(file=path)) from None
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Where(file=path, line=mark.line + 1 if mark else None)
        raise InputError(f"is not YAML: {getattr(error, 'problem', error)}", where=place) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError(f"found a {type(data).__name__}", expected="keys with values", where=Where(file=path))
    return data


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def assign(data: dict[str, Any], assignment: str) -> None:
    """Apply `--set a.b=value` to nested data; the value is read as YAML (numbers, true, lists), a sentence as
    it stands.  In a list, `steps.spam.above=0.9` means the member called `spam`, and raises `SettingError` where
    there is none."""
    key, equals, value = assignment.partition("=")
    if not equals or not key.strip():
        raise SettingError(f"found {assignment!r}", expected="key=value, as in --set tuner.rank=16")
    *parents, last = key.strip().split(".")
    place: dict[str, Any] | list[Any] = data
    for parent in parents:
        place = _member(place, parent) if isinstance(place, list) else _below(place, parent)
    if isinstance(place, list):
        raise SettingError(
            f"found {assignment!r}", expected=f"a setting of {last}, as in {key.strip()}.setting={value}"
        )
    try:
        place[last] = value if _is_text(value) else yaml.safe_load(value)
    except yaml.YAMLError:
        place[last] = value


def _below(data: dict[str, Any], key: str) -> dict[str, Any] | list[Any]:
    """What stands at a key, as something that can be written into: `tuner: lora` and `--set tuner.rank=8` together."""
    inner = data.get(key)
    if isinstance(inner, str):
        inner = {"name": inner}
    made: dict[str, Any] | list[Any] = {}
    if isinstance(inner, dict | list | tuple):
        made = dict(inner) if isinstance(inner, dict) else list(inner)
    data[key] = made
    return made


def _member(members: list[Any], name: str) -> dict[str, Any]:
    """The settings of the member of a list that is called so."""
    names = [one if isinstance(one, str) else one.get("name") if isinstance(one, dict) else None for one in members]
    if name not in names:
        known = ", ".join(str(one) for one in names if one) or "no names"
        raise SettingError(f"{name!r} is not in the list ({known})", expected="one that is", do="Write the whole list.")
    one = members[names.index(name)]
    members[names.index(name)] = settings = {"name": one} if isinstance(one, str) else dict(one)
    return settings


def _is_text(value: str) -> bool:
    """Is it a text of several words, such as a query?  YAML would take `a: b` for a key, and ` #` for a comment."""
    plain = value.strip()
    return " " in plain and plain[0] not in "[{\"'" and (": " in plain or " #" in plain)
