"""The whole evaluation, read top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from tuneloop.errors import UsageError
from tuneloop.evaluate import asking, classes, classes_shown
from tuneloop.evaluate.page import Curves, Made, page
from tuneloop.evaluate.recipe import EvaluateRecipe
from tuneloop.records import SPLITS, DatasetVersion, ModelVersion, Record, Report, Split, Watcher, together, unwatched
from tuneloop.registry import spec_of
from tuneloop.runs import queue
from tuneloop.scores import Metric
from tuneloop.scores.metric import metrics as registry
from tuneloop.store import Workspace, datasets, durable
from tuneloop.store.evaluations import add_evaluation
from tuneloop.store.sample import draw
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs import Lease

Measure = Literal["generalization", "recall"]


def evaluate(
    model: ModelVersion,
    *,
    workspace: Workspace,
    recipe: EvaluateRecipe | None = None,
    lease: Lease | None = None,
    progress: Watcher | None = None,
) -> Report:
    """Compare a model version with its base on records of the dataset version that it was trained from, or of another.

    Both answer the same questions and are measured on the same records, by default of the test split; where nothing
    was held out the train split is taken.  As soon as one of the records was trained on, the report calls it recall.
    A classifier is compared with the majority class of its training data instead (classes.py).  The report is kept as
    a row, its page under the workspace's `reports/`.  Without a `lease` the work is a run of this process.
    """
    recipe = recipe or EvaluateRecipe()
    if lease is not None:
        return _evaluated(workspace, model, recipe, lease, progress or unwatched)
    spec = {"model": model.name, "evaluate": recipe.model_dump(mode="json")}
    with queue.here(workspace, "evaluate", spec, scenario=model.scenario) as own:
        report = _evaluated(workspace, model, recipe, own, progress or unwatched)
        own.finish({"report": report.name})
    return report


def _evaluated(ws: Workspace, model: ModelVersion, recipe: EvaluateRecipe, lease: Lease, watch: Watcher) -> Report:
    progress = together(watch, lease.watch)
    if model.objective == "reward":
        raise UsageError(
            f"{model.name} gives answers a number and writes none, so there are no answers to compare",
            expected="a model version that answers or classifies",
            do=f"Its accuracy on held-out pairs is in its run: tuneloop show {model.run or model.name}",
        )
    metrics = [registry.create(spec, path="metrics") for spec in recipe.metrics]
    version = _dataset_of(ws, model, recipe)
    split = _split_of(version, recipe)
    records = list(draw(ws, version, split, max(recipe.max_records, recipe.max_questions), recipe.seed))
    measure: Measure = "recall" if _trained_on(ws, model, records) else "generalization"
    if model.objective == "classify":
        judged = classes.judge(ws, model, records, recipe, lease, progress)
        judged.metrics["counts"] |= {split: version.splits[split], "available": version.splits[split]}
        made = _made(model, version, split, (), recipe, lease)
        return _kept(ws, model, version, measure, judged.metrics, judged.answers, made, lease, classes_shown.page)
    outcome = asking.ask(ws, model, records, recipe, lease, progress)
    figures = asking.scored(outcome, metrics, recipe.seed)
    figures["counts"] = {split: version.splits[split], "available": version.splits[split]} | asking.counted(outcome)
    made = _made(model, version, split, metrics, recipe, lease)
    return _kept(ws, model, version, measure, figures, asking.rows(outcome, metrics), made, lease, page)


def _dataset_of(ws: Workspace, model: ModelVersion, recipe: EvaluateRecipe) -> DatasetVersion:
    if recipe.data is not None:
        return datasets.version(ws, recipe.data)
    if model.dataset is None:
        raise UsageError(
            f"{model.name} names no dataset version, so there is nothing to ask it",
            expected="a model that was trained in this workspace",
        )
    return datasets.version(ws, model.dataset)


def _split_of(version: DatasetVersion, recipe: EvaluateRecipe) -> Split:
    """The split that the recipe names, or test, or train where nothing was held out."""
    if recipe.split == "auto":
        return "test" if version.splits.get("test") else "train"
    if not version.splits.get(recipe.split):
        held = ", ".join(f"{name} ({version.splits[name]})" for name in SPLITS if version.splits.get(name))
        raise UsageError(f"{version.name} has no records in the split {recipe.split!r}", expected=f"one of {held}")
    return recipe.split


def _trained_on(ws: Workspace, model: ModelVersion, records: Sequence[Record]) -> bool:
    """Whether the model was trained on any of the records."""
    members = datasets.addresses(ws, model.dataset, "members") if model.dataset else []
    if not members:
        return False
    query = "SELECT count(*) AS found FROM members WHERE split = 'train' AND list_contains(?, record)"
    return bool(ws.ledgers.query(query, [[record.id for record in records]], members=members)["found"][0].as_py())


def _kept(
    ws: Workspace,
    model: ModelVersion,
    version: DatasetVersion,
    measure: Measure,
    figures: Mapping[str, Mapping[str, float]],
    answers: Sequence[Mapping[str, Any]],
    made: Sequence[Made],
    lease: Lease,
    drawn: Callable[[Report, ModelVersion, Curves, Sequence[Made]], str],
) -> Report:
    """Write the page, then the row that names it."""
    draft = Report(
        id="",
        name="",
        scenario=model.scenario,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        run=lease.run,
        model=model.name,
        base=model.base,
        dataset=version.name,
        measure=measure,
        metrics=figures,
        answers=tuple(answers),
    )
    place = ws.path("reports") / f"{model.name}-{lease.run}.html"
    durable.write_file(place, drawn(draft, model, _curves(ws, model), made).encode())
    return add_evaluation(
        ws,
        model=draft.model,
        base=draft.base,
        measure=draft.measure,
        metrics=draft.metrics,
        answers=draft.answers,
        dataset=draft.dataset,
        page=place,
        scenario=draft.scenario,
        run=draft.run,
        fence=lease.fence,
    )


def _curves(ws: Workspace, model: ModelVersion) -> Curves:
    """The losses of the run that made the model."""
    found: dict[str, list[tuple[float, float]]] = {"loss": [], "validation_loss": []}
    for point in queue.metrics(ws, model.run, list(found)) if model.run else ():
        found[point.name].append((point.step, point.value))
    return found


def _made(
    model: ModelVersion,
    version: DatasetVersion,
    split: Split,
    metrics: Sequence[Metric],
    recipe: EvaluateRecipe,
    lease: Lease,
) -> list[Made]:
    counts = " · ".join(f"{name} {version.splits[name]}" for name in SPLITS if version.splits.get(name))
    shown = recipe.model_dump(mode="json", exclude={"metrics", "split"})
    return [
        Made(Words("Model version", "模型版本"), f"{model.name} ({model.objective}, {model.tuner})"),
        Made(Words("Base model", "基座模型"), model.base),
        Made(Words("Dataset version", "数据集版本"), f"{version.name} ({counts})"),
        Made(Words("Asked", "提问范围"), split),
        *([Made(Words("Metrics", "指标"), ", ".join(_written(spec_of(one)) for one in metrics))] if metrics else []),
        Made(Words("Settings", "设置"), " · ".join(f"{key} {value}" for key, value in shown.items())),
        Made(Words("Runs", "运行"), f"{model.run or '–'} → {lease.run}"),
    ]


def _written(spec: Mapping[str, Any]) -> str:
    """`char_f1`, or `char_f1 (key=value)` where settings differ from the defaults."""
    rest = ", ".join(f"{key}={value}" for key, value in spec.items() if key != "name")
    return f"{spec['name']} ({rest})" if rest else str(spec["name"])
