"""Which words of a version's records training would count."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.served_models import served_model
from tuneloop.app.http.service import service
from tuneloop.records import Split
from tuneloop.store import datasets
from tuneloop.train import TrainRecipe, previews
from tuneloop.train.preview import Preview

router = APIRouter(tags=["train"])


class TrainingPreview(BaseModel):
    """Each record in pieces: a piece's `weight` is what its tokens count in the loss, 0 for what is only read."""

    data: str
    base: str
    max_length: int | None
    records: list[Preview]


@router.get("/versions/{name}/preview")
def preview_training(
    request: Request,
    name: str,
    base: Annotated[str, Query(max_length=512, description="Whose tokens and chat template count.")] = "starter",
    limit: Annotated[int, Query(ge=1, le=200, description="Records at most.")] = 20,
    split: Split = "train",
    caller: Caller = needs("data:read"),
) -> TrainingPreview:
    """As `tuneloop preview` shows it: the records as the base's chat template writes them, with their loss weights.

    The base is loaded for it.
    """
    ws = service(request).ws
    version = datasets.version(ws, name)
    recipe = TrainRecipe(base=served_model(ws, "base", base))
    resolved, seen = previews(version, recipe, workspace=ws, count=limit, split=split)
    return TrainingPreview(data=version.name, base=base, max_length=resolved.recipe.max_length, records=seen)
