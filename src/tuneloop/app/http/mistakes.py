"""What a body is refused for, as one sentence about one parameter.

Where a field takes values of several kinds, pydantic tells one mistake for each kind, and names the kind in the path
(`stop.constrained-str`, `stop.list[constrained-str]`).  Here the path holds parameters alone.  A value of none of the
kinds is told with all of them and their limits; a value that is right in its kind but wrong inside is told at the place
inside, of the kind in which it goes right for longest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

Error = Mapping[str, Any]
KINDS: Mapping[Any, tuple[str, str]] = {
    str: ("a text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
}
OTHER = ("an object", "objects")
UNITS: Mapping[Any, str] = {str: "characters", dict: "keys"}


@dataclass(frozen=True)
class Step:
    """One part of an error's place: a parameter or a list's number, or, with `union`, the kind that was tried."""

    part: int | str
    union: Any = None


def told(errors: Sequence[Error], body: Any) -> tuple[str, str, Error]:
    """(path, sentence, error) of the mistake to tell; `errors` have places within a value of the type `body`."""
    placed = [(error, steps_of(body, error["loc"])) for error in errors]
    return _told(placed, 0)


def path_of(steps: Sequence[Step]) -> str:
    return ".".join(str(step.part) for step in steps if step.union is None and step.part != "[key]")


def steps_of(body: Any, place: Sequence[int | str]) -> list[Step]:
    """The place of an error, with the kinds told apart from the parameters."""
    found: list[Step] = []
    types = [body]
    for part in place:
        inner: list[Any] = []
        kinds: list[Any] = []
        union = None
        for one in types:
            members = [member for member in _members(one) if member is not NoneType]
            if len(members) > 1:
                named = [member for member in members if _is_named(member, str(part))]
                # a validator around a union may have taken the kind out of the place
                fields = [] if named else [field for member in members for field in _field(member, part)]
                inner += fields
                if not fields:
                    union, kinds = one, kinds + (named or members)
            elif members:
                inner += _inner(members[0], part)
        types = inner or kinds
        found.append(Step(part, None if inner else union))
    return found


def _told(placed: Sequence[tuple[Error, list[Step]]], start: int) -> tuple[str, str, Error]:
    error, steps = placed[0]
    at = next((place for place in range(start, len(steps)) if steps[place].union is not None), None)
    if at is None:
        return path_of(steps), str(error["msg"]), error
    kinds: dict[int | str, list[tuple[Error, list[Step]]]] = {}
    for one in placed:
        if len(one[1]) > at and [step.part for step in one[1][:at]] == [step.part for step in steps[:at]]:
            kinds.setdefault(one[1][at].part, []).append(one)
    whole = [one for group in kinds.values() for one, place in group if len(place) == at + 1]
    inside = [group for group in kinds.values() if len(group[0][1]) > at + 1]
    if inside and all(_is_of_another_kind(one) for one in whole):
        return _told(max(inside, key=lambda group: _rightness(group, at + 1)), at + 1)
    sentence = f"found {_found(whole[0]['input'])}; expected {expected(steps[at].union)}"
    return path_of(steps[:at]), sentence, whole[0]


def _is_of_another_kind(error: Error) -> bool:
    """Else the value is of the kind that was tried, and beyond its limits."""
    return str(error["type"]).endswith("_type") or error["type"] == "literal_error"


def _rightness(group: Sequence[tuple[Error, list[Step]]], start: int) -> tuple[int, int, int]:
    """How far a value goes right as one kind: by items of a list, then by how deep the mistake lies."""
    first = group[0][1][start].part
    deepest = max(sum(step.union is None for step in steps) for _, steps in group)
    return first if isinstance(first, int) else 0, deepest, -len(group)


def _members(kind: Any) -> tuple[Any, ...]:
    bare = _bare(kind)[0]
    return get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)


def _bare(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its `Annotated`, and what stands there."""
    if get_origin(kind) is not Annotated:
        return kind, ()
    inner, *beside = get_args(kind)
    bare, more = _bare(inner)
    return bare, (*more, *beside)


def _inner(kind: Any, part: int | str) -> list[Any]:
    """The type of what stands in a value under a name or number."""
    bare = _bare(kind)[0]
    if found := _field(bare, part):
        return found
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is dict:
        return [arguments[1]]
    if origin in (list, tuple, set) and isinstance(part, int):
        return [arguments[0]]
    return []


def _field(kind: Any, part: int | str) -> list[Any]:
    """The type of an object's field."""
    bare = _bare(kind)[0]
    fields = bare.model_fields if isinstance(bare, type) and issubclass(bare, BaseModel) else {}
    return [field.annotation for name, field in fields.items() if part in (name, field.alias)]


def _is_named(kind: Any, label: str) -> bool:
    """Whether pydantic means a kind by what it writes into the path."""
    bare = _bare(kind)[0]
    origin = get_origin(bare)
    if origin is Literal:
        return label.startswith("literal[")
    if origin is not None:
        return label.startswith(f"{origin.__name__}[")
    return getattr(bare, "__name__", "") in (label, label.removeprefix("constrained-"))


def expected(kind: Any) -> str:
    """All kinds of a type with their limits: `a text, or a list of at most 4 texts`."""
    kinds = [_one(member) for member in _members(kind) if member is not NoneType]
    return _joined(list(dict.fromkeys(kinds)), ", or ")


def _one(kind: Any) -> str:
    bare, beside = _bare(kind)
    origin = get_origin(bare)
    if origin is Literal:
        return _joined([repr(value) for value in get_args(bare)], " or ")
    limits = _limits(beside)
    if origin in (list, tuple, set):
        count = f"{_range(limits, 'min_length', 'max_length')} " if limits.keys() & {"min_length", "max_length"} else ""
        return f"a list of {count}{_several(get_args(bare)[0])}"
    name = KINDS.get(bare, OTHER)[0]
    if limits.keys() & {"min_length", "max_length"}:
        return f"{name} of {_range(limits, 'min_length', 'max_length')} {UNITS.get(bare, 'keys')}"
    return f"{name} of {_range(limits, 'ge', 'le')}" if limits.keys() & {"ge", "le"} else name


def _several(kind: Any) -> str:
    """The items of a list in the plural, without their own limits."""
    names = []
    for member in _members(kind):
        bare = _bare(member)[0]
        inner = get_args(bare)
        lists = get_origin(bare) in (list, tuple, set)
        names.append(f"lists of {_several(inner[0])}" if lists else KINDS.get(bare, OTHER)[1])
    return " or ".join(dict.fromkeys(names))


def _limits(beside: Sequence[Any]) -> dict[str, Any]:
    """Pydantic's limits in what stands in an `Annotated`, by their names."""
    found: dict[str, Any] = {}
    for one in beside:
        for limit in getattr(one, "metadata", [one]):
            for name in ("min_length", "max_length", "ge", "le"):
                if getattr(limit, name, None) is not None:
                    found[name] = getattr(limit, name)
    return found


def _range(limits: Mapping[str, Any], least: str, most: str) -> str:
    if least in limits and most in limits:
        return f"{limits[least]} to {limits[most]}"
    return f"at most {limits[most]}" if most in limits else f"{limits[least]} or more"


def _joined(parts: Sequence[str], last: str) -> str:
    return last.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _found(value: Any) -> str:
    """A value by its kind: texts are not told back, as some are secret."""
    if isinstance(value, str):
        return f"a text of {len(value)} character{'s' * (len(value) != 1)}" if value else "an empty text"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    return "an object" if isinstance(value, dict) else json.dumps(value, default=str)
