"""Two keys of a request that set the same: refused, as only one of them could count.

`SETS` says which key of the recipes each key of a request sets; keys of `tuneloop.train` and `tuneloop.prepare` are
keys of the recipes themselves.  A key that is absent, null or `auto` sets nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tuneloop.errors import SettingError, Where

SPLIT = "prepare.split"
NUMBERS: Mapping[str, str] = {
    "n_epochs": "train.epochs",
    "batch_size": "train.batch",
    "learning_rate_multiplier": "train.learning_rate",
    "beta": "train.objective",
    "compute_multiplier": "train.objective.samples",
    "eval_samples": "train.objective.eval_samples",
    "eval_interval": "train.eval_every",
}
"""Of hyperparameters."""

SETS: Mapping[str, str] = {
    "validation_file": SPLIT,
    "seed": "train.seed",
    "tuneloop.validation_split": SPLIT,
    "tuneloop.lora": "train.tuner",
    "tuneloop.replay": "train.replay",
    "tuneloop.max_seq_len": "train.max_length",
    "tuneloop.max_steps": "train.max_steps",
}
SAME: Mapping[str, str] = {"train.batch_tokens": "train.batch"}
"""Keys of recipes of which one stands instead of the other."""

WORDS: Mapping[str, str] = {
    SPLIT: "which rows are validated on",
    "train.epochs": "the passes over the data",
    "train.batch": "the size of a step",
    "train.learning_rate": "the learning rate",
    "train.eval_every": "the steps between validations",
    "train.tuner": "which weights move",
    "train.replay": "the share of general examples",
    "train.max_length": "the tokens of an example",
    "train.max_steps": "the steps at most",
}


def check(body: Mapping[str, Any], classification: tuple[str, ...] = ()) -> None:
    """Raises `SettingError` that names both keys, for a request whose single keys are right.

    `classification` are keys that may stand at the top level and in `tuneloop`.
    """
    first: dict[str, str] = {}
    if isinstance(body.get("method"), Mapping):
        _check_legacy(body)
    for path, key in _set(body, classification):
        if (other := first.setdefault(key, path)) != path:
            what = WORDS.get(key)
            raise SettingError(
                f"found {path} beside {other}" + (f", and both say {what}" if what else ""),
                expected="one of the two",
                where=Where(field=path),
            )


def _check_legacy(body: Mapping[str, Any]) -> None:
    """Beside `method` the top level's hyperparameters count for nothing: they must be the same.

    A job shows both, so whoever makes one again from it sends both.
    """
    own = f"method.{body['method']['type']}.hyperparameters"
    numbers = _at(body, own) or {}
    for name, value in (body.get("hyperparameters") or {}).items():
        if value != numbers.get(name, "auto"):
            raise SettingError(
                f"found hyperparameters.{name} = {value!r} beside {own}, which says {numbers.get(name, 'auto')!r}",
                expected="one of the two",
                where=Where(field=f"hyperparameters.{name}"),
                do=f"Say it in {own} alone",
            )


def _set(body: Mapping[str, Any], classification: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(key of the request, key of the recipe) of all that the request says."""
    top, method = body.get("hyperparameters"), body.get("method")
    if isinstance(method, Mapping):
        own = f"method.{method['type']}.hyperparameters"
        yield from _numbers(own, _at(body, own))
    else:
        yield from _numbers("hyperparameters", top)
    for path, key in SETS.items():
        if _says(_at(body, path)):
            yield path, key
    for name in classification:
        for path in (name, f"tuneloop.{name}"):
            if _says(_at(body, path)):
                yield path, name
    for recipe in ("train", "prepare"):
        for key, value in (_at(body, f"tuneloop.{recipe}") or {}).items():
            if _says(value):
                yield f"tuneloop.{recipe}.{key}", SAME.get(f"{recipe}.{key}", f"{recipe}.{key}")


def _numbers(path: str, given: Any) -> Iterator[tuple[str, str]]:
    for name, value in (given or {}).items():
        if name in NUMBERS and _says(value):
            yield f"{path}.{name}", NUMBERS[name]


def _says(value: Any) -> bool:
    return value not in (None, "auto", {})


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body.get(part) if isinstance(body, Mapping) else None
    return body
