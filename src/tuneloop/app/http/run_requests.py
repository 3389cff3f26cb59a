"""What `POST /api/runs` may say: each stage takes fields of its own, and no other stage's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, get_args

from fastapi import Body
from pydantic import BaseModel, ConfigDict, Discriminator, Field, WrapValidator

from tuneloop.app import beginning
from tuneloop.app.http.addresses import ServedPlaces
from tuneloop.app.http.addresses import served as served_places
from tuneloop.app.http.served_recipes import served, served_member
from tuneloop.errors import UsageError, Where, unknown_key
from tuneloop.evaluate.recipe import EvaluateRecipe
from tuneloop.prepare.exporting import ExportSettings
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.prepare.review_sample import SampleSettings
from tuneloop.prepare.statistics import StatisticsSettings
from tuneloop.scores.judge import judges
from tuneloop.store import Workspace
from tuneloop.train.recipe import TrainRecipe
from tuneloop.trial import TrialSettings

Recipe = Annotated[
    dict[str, Any],
    Field(description="What a recipe file would hold below the stage's name. Models are named."),
]
Data = Annotated[str | None, Field(description="A dataset version; the newest if left out.", max_length=200)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PrepareRun(_Shape):
    """Read uploaded files and addresses into a dataset version."""

    stage: Literal["prepare"]
    files: list[str] = Field([], max_length=1000, description="Ids of uploaded files.")
    addresses: list[str] = Field(
        [],
        max_length=1000,
        description="https://…, web:FILE-ID, hf:owner/name, modelscope:owner/name, and database:NAME or "
        "store:NAME/path as the server's settings name them.",
    )
    recipe: Recipe = {}
    scenario: str = Field("main", max_length=128)
    dry_run: bool = Field(
        False, strict=True, description="Make no version, only the report; GET /api/runs/{id}/file, with data:read."
    )


class MergeRun(_Shape):
    """Make one dataset version of several."""

    stage: Literal["merge"]
    versions: list[str] = Field(max_length=100, description="Dataset versions; the first keeps its splits.")


class ExportRun(_Shape):
    """Write a version into a file; `recipe` holds layout, form, split and beside.  Needs data:read too."""

    stage: Literal["export"]
    data: Data = None
    recipe: Recipe = {}


class StatisticsRun(_Shape):
    """Measure a version and draw the page of it; `recipe` holds base.  Needs data:read too."""

    stage: Literal["statistics"]
    data: Data = None
    recipe: Recipe = {}


class ReviewRun(_Shape):
    """Draw a review sample; `recipe` holds count, seed and by."""

    stage: Literal["review"]
    data: Data = None
    recipe: Recipe = {}


class JudgeRun(_Shape):
    """Let a model judge a review sample; `recipe` is a judge, as {"model": "model-2"}."""

    stage: Literal["judge"]
    review: str | None = Field(None, description="A review sample; the newest if left out.", max_length=200)
    recipe: Recipe = {}


class TrialRun(_Shape):
    """Train on a version for a few steps, and on what it is compared with."""

    stage: Literal["trial"]
    data: Data = None
    recipe: Recipe = {}


class SpamModelRun(_Shape):
    """Fit a spam classifier."""

    stage: Literal["spam_model"]
    files: list[str] = Field(max_length=1000, description="The id of one uploaded file, a CSV of examples.")


class TrainRun(_Shape):
    """Train on a version."""

    stage: Literal["train"]
    data: Data = None
    recipe: Recipe = {}


class EvaluateRun(_Shape):
    """Compare a model version with its base."""

    stage: Literal["evaluate"]
    model: str | None = Field(None, description="A model version; the newest if left out.", max_length=200)
    data: str | None = Field(
        None,
        description="The dataset version with the questions; the one that the model was trained on if left out.",
        max_length=200,
    )
    recipe: Recipe = {}


Shape = (
    PrepareRun
    | MergeRun
    | ExportRun
    | StatisticsRun
    | ReviewRun
    | JudgeRun
    | TrialRun
    | SpamModelRun
    | TrainRun
    | EvaluateRun
)
SHAPES: dict[str, type[_Shape]] = {get_args(one.model_fields["stage"].annotation)[0]: one for one in get_args(Shape)}


def _checked(value: Any, read: Callable[[Any], Any]) -> Any:
    """The body, unless it names no stage, or a field that its stage does not take."""
    if isinstance(value, dict):
        kind = SHAPES.get(str(value.get("stage")))
        if kind is None:
            found = f"found {value['stage']!r:.60}" if "stage" in value else "no stage"
            raise UsageError(found, expected=f"one of {', '.join(SHAPES)}", where=Where(field="stage"))
        for field in value:
            if field not in kind.model_fields:
                raise _foreign(field, kind)
    return read(value)


def _foreign(field: str, kind: type[_Shape]) -> UsageError:
    """The error for a field that a stage does not take: it would be accepted and ignored."""
    takers = [stage for stage, one in SHAPES.items() if field in one.model_fields]
    if not takers:
        return unknown_key(field, kind.model_fields, Where(field=field))
    stage, *others = (get_args(kind.model_fields["stage"].annotation)[0], *kind.model_fields)
    return UsageError(
        f"the stage {stage} takes no {field!r}",
        expected=f"its own fields alone: {', '.join(others)}",
        where=Where(field=field),
        do=f"{field} is for {', '.join(takers)}",
    )


Asked = Annotated[
    Shape,
    Discriminator("stage"),
    WrapValidator(_checked),
    Body(
        description="A stage to run, with its recipe as a recipe file would hold it below the stage's name.",
        examples=[
            {"stage": "train", "data": "data-1", "recipe": {"max_steps": 20}},
            {"stage": "export", "data": "data-1", "recipe": {"split": "train", "form": "csv", "layout": "columns"}},
        ],
    ),
]


def begun(ws: Workspace, body: Shape, person: str, places: ServedPlaces) -> str:
    """Put a run into the queue for a person; returns its id."""
    with _in_recipe(body.stage):
        return _begun(ws, body, person, places)


@contextmanager
def _in_recipe(stage: str) -> Iterator[None]:
    """The place of a mistake in the request: `recipe.tuner`, where the library says tuner or train.tuner."""
    try:
        yield
    except UsageError as error:
        first, dot, rest = ((error.where and error.where.field) or "").partition(".")
        if not first or first in ("recipe", *SHAPES[stage].model_fields):
            raise
        where = Where(field=f"recipe.{rest}" if first == stage and dot else f"recipe.{first}{dot}{rest}")
        raise type(error)(error.message, expected=error.expected, where=where, do=error.do) from None


def _begun(ws: Workspace, body: Shape, person: str, places: ServedPlaces) -> str:
    match body:
        case PrepareRun():
            addresses, recipe = served_places(body.addresses, body.recipe, places)
            recipe = served(ws, PrepareRecipe, recipe, "recipe")
            return beginning.prepare(
                ws, body.files, recipe, scenario=body.scenario, addresses=addresses, dry_run=body.dry_run
            )
        case MergeRun():
            return beginning.merge(ws, body.versions)
        case ExportRun():
            return beginning.export(ws, body.data, served(ws, ExportSettings, body.recipe, "recipe"))
        case StatisticsRun():
            return beginning.statistics(ws, body.data, served(ws, StatisticsSettings, body.recipe, "recipe"))
        case ReviewRun():
            recipe = served(ws, SampleSettings, body.recipe, "recipe")
            return beginning.review(ws, body.data, recipe, person=person)
        case JudgeRun():
            spec = {"name": "local", **body.recipe}
            return beginning.judge(ws, body.review, served_member(ws, judges, spec, "recipe"))
        case TrialRun():
            return beginning.trial(ws, body.data, served(ws, TrialSettings, body.recipe, "recipe"))
        case SpamModelRun():
            return beginning.spam_model(ws, body.files)
        case TrainRun():
            _check_data(body.recipe)
            return beginning.train(ws, body.data, served(ws, TrainRecipe, body.recipe, "recipe"))
        case EvaluateRun():
            _check_data(body.recipe)
            recipe = served(ws, EvaluateRecipe, body.recipe, "recipe")
            return beginning.evaluate(ws, body.model, recipe, data=body.data)


def _check_data(recipe: Mapping[str, Any]) -> None:
    """Data is named in one place: two names would be one too many."""
    if recipe.get("data") is not None:
        raise UsageError(
            f"found {recipe['data']!r:.200}",
            expected="no data in the recipe",
            where=Where(field="recipe.data"),
            do="Name it in data, beside stage",
        )
