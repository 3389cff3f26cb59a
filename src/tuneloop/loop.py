"""The product, read top to bottom: each verb opens the workspace and calls its stage.

    import tuneloop

    data = tuneloop.prepare("family.jsonl")      # files, folders, archives → a dataset version
    print(tuneloop.trial().sentence)             # does it help? a small training run before the big one
    choice = tuneloop.choose()                   # which base, objective and tuner, and whether it fits here
    model = tuneloop.train()                     # newest version, starter base, defaults with reasons
    report = tuneloop.evaluate()                 # newest model against its base
    print(tuneloop.chat().ask("What is the cat's name?").tuned)
    tuneloop.export(to="cat-model")

`workspace` is an open one, a folder, or None for the nearest one upwards (else made here).  `recipe` is a recipe file,
its settings, or None; settings given by keyword stand above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.config import Settings
from tuneloop.errors import NotFoundError
from tuneloop.records import Choice, DatasetVersion, ModelVersion, Report, Watcher, unwatched

if TYPE_CHECKING:
    from tuneloop.choose import ChooseRecipe
    from tuneloop.evaluate import EvaluateRecipe
    from tuneloop.prepare.recipe import PrepareRecipe
    from tuneloop.runs import Lease
    from tuneloop.serve import ChatRecipe, Talk
    from tuneloop.store import Workspace
    from tuneloop.train import TrainRecipe
    from tuneloop.train.export import Exported
    from tuneloop.train.export_recipe import ExportRecipe
    from tuneloop.trial import TrialResult, TrialSettings


def prepare(
    inputs: str | Path | Sequence[str | Path],
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: PrepareRecipe | str | Path | Mapping[str, Any] | None = None,
    scenario: str = "main",
    lease: Lease | None = None,
    progress: Watcher = unwatched,
    dry_run: bool = False,
    **settings: Any,
) -> DatasetVersion:
    """Read files, folders, archives and addresses into a dataset version; see `tuneloop.prepare.prepare`."""
    from tuneloop.prepare import prepare as stage

    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    with _opened(workspace) as ws:
        return stage(
            paths,
            workspace=ws,
            recipe=_recipe("prepare", recipe, settings),
            scenario=scenario,
            lease=lease,
            progress=progress,
            dry_run=dry_run,
        )


def choose(
    data: str | None = None,
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: ChooseRecipe | str | Path | Mapping[str, Any] | None = None,
    progress: Watcher = unwatched,
    **settings: Any,
) -> Choice:
    """Say which base, objective and tuner suit a dataset version (by name; None: the recipe's, else the newest, else
    none) and this machine; see `tuneloop.choose.choose`.  Makes no workspace where there is none."""
    from tuneloop.choose import choose as stage
    from tuneloop.store import datasets
    from tuneloop.train.objective import objectives
    from tuneloop.train.tuner import tuners

    asked = _recipe("choose", recipe, settings)
    with ExitStack() as stack:
        name = data or asked.data
        try:
            ws = stack.enter_context(_opened(workspace, create=False))
        except NotFoundError:
            if name is not None or workspace is not None:
                raise
            ws = None
        version = None
        if ws is not None and (name is not None or datasets.versions(ws)):
            version = datasets.version(ws, name or "newest")
        return stage(
            version,
            asked,
            workspace=ws,
            objectives={name: objectives.load(name).needs for name in objectives},
            tuners={name: tuners.load(name).traits for name in tuners},
            progress=progress,
        )


def trial(
    data: str | None = None,
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: TrialSettings | Mapping[str, Any] | None = None,
    lease: Lease | None = None,
    progress: Watcher = unwatched,
    **settings: Any,
) -> TrialResult:
    """Does a dataset version (by name; None: the newest) help? A few steps of training against a baseline, measured on
    held-out records; see `tuneloop.trial.trial`."""
    from tuneloop.config import read
    from tuneloop.store import datasets
    from tuneloop.trial import TrialSettings
    from tuneloop.trial import trial as small_run

    given = recipe.model_dump(exclude_unset=True) if isinstance(recipe, Settings) else dict(recipe or {})
    with _opened(workspace, create=False) as ws:
        version = datasets.version(ws, data or "newest")
        asked = read(TrialSettings, {**given, **settings}, path="trial")
        return small_run(version, asked, workspace=ws, lease=lease, progress=progress)


def train(
    data: str | None = None,
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: TrainRecipe | str | Path | Mapping[str, Any] | None = None,
    lease: Lease | None = None,
    progress: Watcher = unwatched,
    **settings: Any,
) -> ModelVersion:
    """Tune a base on a dataset version (by name; None: the recipe's, else the newest); see `tuneloop.train.train`."""
    from tuneloop.store import datasets
    from tuneloop.train import train as stage

    with _opened(workspace) as ws:
        version = datasets.version(ws, data) if data else None
        return stage(version, _recipe("train", recipe, settings), workspace=ws, lease=lease, progress=progress)


def evaluate(
    model: str = "newest",
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: EvaluateRecipe | str | Path | Mapping[str, Any] | None = None,
    lease: Lease | None = None,
    progress: Watcher = unwatched,
    **settings: Any,
) -> Report:
    """Compare a model version with its base; see `tuneloop.evaluate.evaluate`."""
    from tuneloop.evaluate import evaluate as stage
    from tuneloop.store import models

    with _opened(workspace) as ws:
        return stage(
            models.model(ws, model),
            workspace=ws,
            recipe=_recipe("evaluate", recipe, settings),
            lease=lease,
            progress=progress,
        )


def chat(
    model: str = "newest",
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: ChatRecipe | str | Path | Mapping[str, Any] | None = None,
    how: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Talk:
    """A conversation with a model version, its base beside it; `how` as in `tuneloop.serve.Talk`."""
    from tuneloop.serve import Talk
    from tuneloop.store import Workspace, models

    ws = workspace if isinstance(workspace, Workspace) else Workspace.find(workspace, create=False)
    return Talk(ws, models.model(ws, model), _recipe("chat", recipe, settings), dict(how or {}))


def export(
    model: str = "newest",
    *,
    to: str | Path,
    workspace: Workspace | str | Path | None = None,
    recipe: ExportRecipe | str | Path | Mapping[str, Any] | None = None,
    progress: Watcher = unwatched,
    **settings: Any,
) -> Exported:
    """Write a model version as plain files for other tools; see `tuneloop.train.export.export`."""
    from tuneloop.store import models
    from tuneloop.train.export import export as stage

    with _opened(workspace) as ws:
        version, form = models.model(ws, model), _recipe("export", recipe, settings).form
        return stage(version, Path(to), form, workspace=ws, progress=progress)


@contextmanager
def _opened(workspace: Workspace | str | Path | None, create: bool = True) -> Iterator[Workspace]:
    from tuneloop.store import Workspace

    if isinstance(workspace, Workspace):
        yield workspace
        return
    with Workspace.find(workspace, create=create) as ws:
        yield ws


def _recipe(stage: str, recipe: Any, settings: Mapping[str, Any]) -> Any:
    """The stage's recipe from whatever was given, with keyword settings on top."""
    from tuneloop.recipes import RECIPES, read_recipe

    if isinstance(recipe, Settings):
        recipe = recipe.model_dump(exclude_unset=True)
    if isinstance(recipe, Mapping):
        return read_recipe(stage, given={**recipe, **settings})
    if recipe is None and not settings:
        return RECIPES[stage]()
    return read_recipe(stage, None if recipe is None else Path(recipe), given=settings)
