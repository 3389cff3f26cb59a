"""Plans: one run of several stages (CPT → SFT → DPO), each from what the one before it made, resumable as one.

    stage 1 ──result──▶ stage 2 ──result──▶ … ──▶ the model version

A stage whose tuner is that of the stage before goes on with the same adapter.  Where the tuner changes, what was
trained is folded into the weights first, and the last result is then a whole model.  The recipe says what differs from
stage to stage; layers unfrozen step by step are stages of `freeze`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import SettingError, Where
from tuneloop.records import DatasetVersion
from tuneloop.store.durable import write_file
from tuneloop.train.objective import objectives
from tuneloop.train.recipe import Resolved, TrainRecipe
from tuneloop.train.tuner import tuners

if TYPE_CHECKING:
    from tuneloop.store.workspace import Workspace

DONE = "done.json"


@dataclass(frozen=True)
class Start:
    """What a stage begins with: a base other than the recipe's (a folder), and an adapter to go on with."""

    base: str | None = None
    adapter: Path | None = None


@dataclass(frozen=True)
class Stage:
    """`hands_on`: the next stage goes on with this one's adapter; `last`: its result is the model version."""

    number: int
    recipe: TrainRecipe
    version: DatasetVersion
    hands_on: bool
    last: bool


@dataclass(frozen=True)
class Done:
    """What a finished stage left: `folder` holds an adapter, or a whole model."""

    folder: Path
    form: str
    steps: int
    tokens: int
    metrics: Mapping[str, float]
    resolved: Resolved
    objective: str
    tuner: str

    def write(self, place: Path) -> None:
        """Note that the stage in this folder is finished; its files must be safe before."""
        values = {**vars(self), "folder": str(self.folder), "metrics": dict(self.metrics)}
        values["resolved"] = self.resolved.as_dict()
        write_file(place / DONE, json.dumps(values, ensure_ascii=False).encode())

    @classmethod
    def read(cls, place: Path) -> Done | None:
        """The stage's result; None where it is not finished."""
        file = place / DONE
        if not file.is_file():
            return None
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        resolved = Resolved.from_dict(values["resolved"])
        return cls(**{**values, "folder": Path(values["folder"]), "resolved": resolved})

    def start(self, before: Start, hands_on: bool) -> Start:
        """What the next stage begins with."""
        return Start(before.base, self.folder) if hands_on and self.form == "adapter" else Start(str(self.folder))


def stages_of(ws: Workspace, recipe: TrainRecipe, version: DatasetVersion) -> list[Stage]:
    """The stages of a recipe with the data of each; one without `stages` is a plan of one."""
    from tuneloop.store import datasets

    recipes = recipe.stage_recipes()
    own = [
        datasets.version(ws, str(one.data)) if recipe.stages and recipe.stages[number].get("data") else version
        for number, one in enumerate(recipes)
    ]
    return [
        Stage(number + 1, one, own[number], _hands_on(recipes, number), number == len(recipes) - 1)
        for number, one in enumerate(recipes)
    ]


def _hands_on(recipes: list[TrainRecipe], number: int) -> bool:
    if number + 1 >= len(recipes):
        return False
    this, following = (tuners.create(one.tuner or "lora") for one in recipes[number : number + 2])
    return this == following and this.traits.form != "full"


def check(recipes: list[TrainRecipe]) -> None:
    """Refuse what a stage cannot take over from the one before it; raises `SettingError` with the names."""
    changed = False
    for number, recipe in enumerate(recipes[:-1]):
        where = Where(field=f"stages.{number + 1}")
        objective = objectives.create(recipe.objective) if recipe.objective is not None else None
        if objective is not None and "head" in objective.needs.capabilities:
            raise SettingError(
                f"stage {number + 1} trains a head ({objective.name!r}), which the next stage would throw away",
                where=where,
                do="Train it in a run of its own, and name the model it makes where it is needed",
            )
        if not _hands_on(recipes, number):
            _must_merge(recipe, number + 1, where)
            changed = True
    if changed:
        _must_merge(recipes[-1], len(recipes), Where(field=f"stages.{len(recipes)}"))


def _must_merge(recipe: TrainRecipe, number: int, where: Where) -> None:
    tuner = tuners.create(recipe.tuner or "lora")
    if tuner.traits.form != "full" and not tuner.traits.mergeable:
        raise SettingError(
            f"the tuner {tuner.name!r} of stage {number} cannot be folded into the weights, which a change of tuners"
            " between stages needs",
            where=where,
            do="Use the same tuner in all stages, or one that can be merged (lora, full)",
        )
