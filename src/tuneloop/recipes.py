"""Recipe files: one YAML document for the whole loop, whose top-level keys are stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneloop.choose.recipe import ChooseRecipe
from tuneloop.config import Settings, assign, read, read_yaml
from tuneloop.errors import SettingError, Where, unknown_key
from tuneloop.evaluate.recipe import EvaluateRecipe
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.registry import Registry
from tuneloop.scores.metric import metrics
from tuneloop.scores.reward import Rewards
from tuneloop.serve.recipe import ChatRecipe
from tuneloop.train.backend import backends
from tuneloop.train.export import exports
from tuneloop.train.export_recipe import ExportRecipe
from tuneloop.train.objective import objectives
from tuneloop.train.optimizer import optimizers
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.reinforcement import Reinforcement
from tuneloop.train.tuner import tuners

RECIPES: Mapping[str, type[Settings]] = {
    "prepare": PrepareRecipe,
    "choose": ChooseRecipe,
    "train": TrainRecipe,
    "evaluate": EvaluateRecipe,
    "chat": ChatRecipe,
    "export": ExportRecipe,
}
"""What stands below each stage's key, in the order of the loop."""

TRAINED_WITH: Mapping[str, Registry[Any]] = {
    "backend": backends,
    "objective": objectives,
    "tuner": tuners,
    "optimizer": optimizers,
}
"""The members that a training recipe names, by its keys."""


def read_recipe(
    stage: str,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
) -> Any:
    """The recipe of one stage: its key in the file, then `given` (None is left out), then each `--set key=value`.

    An assignment's key may begin with the stage's name.  Other stages' keys in the file are checked for their names
    only; a key that is no stage is a `SettingError` with the nearest one.
    """
    document = read_yaml(file) if file else {}
    for key in document:
        if key not in RECIPES:
            raise unknown_key(str(key), RECIPES, Where(file=file, field=str(key)))
    chosen = document.get(stage) or {}
    if not isinstance(chosen, dict):
        raise SettingError(f"found {chosen!r}", expected="settings", where=Where(file=file, field=stage))
    chosen = {**chosen, **{key: value for key, value in (given or {}).items() if value is not None}}
    for assignment in assignments:
        setting = assignment.strip().removeprefix(f"{stage}.")
        parent, dot, _ = setting.partition("=")[0].partition(".")
        field = RECIPES[stage].model_fields.get(parent.strip())
        if dot and field and parent not in chosen and isinstance(field.default, str):
            chosen[parent] = field.default  # `--set form.dtype=float32` keeps the form that is the default
        assign(chosen, setting)
    return read(RECIPES[stage], chosen, file=file, path=stage)


def created(registry: Registry[Any], spec: Any, path: str) -> Any:
    """A member as `registry.create` makes it; a name that is not known is told with its place."""
    try:
        return registry.create(spec, path=path)
    except SettingError as error:
        if error.where is not None:
            raise
        where = Where(field=path)
        raise type(error)(error.message, expected=error.expected, where=where, do=error.do) from None


def check_members(recipe: Settings, path: str = "") -> None:
    """Create every member that a recipe names, so that a mistake in one is found before anything begins.

    `path` stands before the fields in errors.  Raises `SettingError`.
    """
    prefix = f"{path}." if path else ""
    if isinstance(recipe, PrepareRecipe):
        recipe.check()
    elif isinstance(recipe, EvaluateRecipe):
        for number, spec in enumerate(recipe.metrics):
            created(metrics, spec, f"{prefix}metrics[{number}]")
    elif isinstance(recipe, ExportRecipe):
        created(exports, recipe.form, f"{prefix}form")
    elif isinstance(recipe, ChooseRecipe):
        for field in ("objective", "tuner"):
            if (name := getattr(recipe, field)) is not None and name not in TRAINED_WITH[field].names():
                created(TRAINED_WITH[field], name, f"{prefix}{field}")
    elif isinstance(recipe, TrainRecipe):
        for one in recipe.stage_recipes():
            _check_train(one, prefix)


def _check_train(recipe: TrainRecipe, prefix: str) -> None:
    for name, registry in TRAINED_WITH.items():
        if (spec := getattr(recipe, name)) is not None:
            made = created(registry, spec, f"{prefix}{name}")
            if isinstance(made, Reinforcement):
                Rewards.of(made.rewards, path=f"{prefix}{name}.rewards")
