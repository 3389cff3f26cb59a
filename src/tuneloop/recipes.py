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
from tuneloop.serve.recipe import ChatRecipe
from tuneloop.train.export_recipe import ExportRecipe
from tuneloop.train.recipe import TrainRecipe

RECIPES: Mapping[str, type[Settings]] = {
    "prepare": PrepareRecipe,
    "choose": ChooseRecipe,
    "train": TrainRecipe,
    "evaluate": EvaluateRecipe,
    "chat": ChatRecipe,
    "export": ExportRecipe,
}
"""What stands below each stage's key, in the order of the loop."""


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
