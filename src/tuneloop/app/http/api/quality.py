"""Quality standards, review samples, the verdicts of people, and what they say of a version."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.paging import After, Limit, Page, behind, number, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError, Where
from tuneloop.prepare.review_file import review_bytes, shown, verdict_of
from tuneloop.prepare.review_result import ReviewResult, result
from tuneloop.prepare.review_sample import By, draw_review
from tuneloop.scores.standard import Standard, shipped
from tuneloop.scores.standing import held_standard, read_kept, set_standard
from tuneloop.store import datasets, reviews, standards
from tuneloop.store.reviews import Review, Verdict
from tuneloop.store.standards import KeptStandard

router = APIRouter(tags=["prepare"])


class Setting(BaseModel):
    """A ready-made standard by its name, or one of your own in full."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ready": "service_dialogue"}]})
    ready: str | None = Field(None, max_length=64)
    standard: dict[str, Any] | None = None
    note: str = Field("", max_length=2000)


class Draw(BaseModel):
    """A sample to draw: how many records, and what the strata are (left out: tags, else sources, else languages)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"data": "data-1", "count": 200}]})
    data: str = Field("newest", max_length=128)
    count: int = Field(200, ge=1, le=100_000)
    seed: int = Field(0, ge=0)
    by: list[By] = Field([], max_length=4)


class Said(BaseModel):
    """What a person says of one record: a verdict for each dimension that they judged."""

    model_config = ConfigDict(extra="forbid")
    record: str = Field(max_length=128)
    verdicts: dict[str, str | int] = Field(min_length=1, max_length=100)
    note: str = Field("", max_length=2000)


class Saying(BaseModel):
    """Verdicts in the caller's name; all are noted or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"items": [{"record": "r1:6b1f…", "verdicts": {"correct": "pass", "clear": 4}}]}]
        },
    )
    items: list[Said] = Field(min_length=1, max_length=1000)


class Noted(BaseModel):
    """How many verdicts were noted."""

    review: str
    verdicts: int


class ItemToJudge(BaseModel):
    """A record of a sample with what was said of it; `payload` is null where the record was forgotten."""

    position: int
    record: str
    stratum: str
    groups: dict[str, list[str]]
    payload: dict[str, object] | None
    verdicts: list[Verdict]


@router.get("/standards")
def list_standards(request: Request, caller: Caller = needs("data:read")) -> dict[str, Standard]:
    """The ready-made ones by name."""
    return shipped()


@router.get("/standards/{scenario}")
def show_standard(request: Request, scenario: str, caller: Caller = needs("data:read")) -> KeptStandard:
    """What holds in a scenario."""
    kept = held_standard(service(request).ws, scenario)
    if kept is None:
        raise NotFoundError(f"no quality standard is set in the scenario {scenario!r}", do="Set one with PUT")
    return kept


@router.get("/standards/{scenario}/history")
def list_kept(
    request: Request, scenario: str, after: After = None, limit: Limit = 50, caller: Caller = needs("data:read")
) -> Page[KeptStandard]:
    """Every standard that ever held in a scenario, newest first."""
    ws = service(request).ws
    found = standards.standards(ws, scenario, below=behind(ws, after, "standard"), limit=limit + 1)
    return page(found[::-1], limit, lambda one: one.name)


@router.put("/standards/{scenario}")
def keep_standard(request: Request, scenario: str, body: Setting, caller: Caller = needs("data:write")) -> KeptStandard:
    """Let a standard hold from now on, under a new name; results say by which they were scored."""
    if (body.ready is None) == (body.standard is None):
        raise HttpError(400, "expected `ready` or `standard`, one of both.", code="usage", param="standard")
    ready = body.ready if body.ready in shipped() else None
    if body.ready is not None and ready is None:
        known = ", ".join(shipped())
        raise HttpError(400, f"found {body.ready!r}; expected one of {known}.", code="usage", param="ready")
    given = shipped()[ready] if ready is not None else body.standard or {}
    return set_standard(service(request).ws, given, scenario=scenario, person=caller.name, note=body.note)


@router.get("/reviews")
def list_reviews(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    data: str | None = None,
    caller: Caller = needs("data:read"),
) -> Page[Review]:
    """Newest first."""
    ws = service(request).ws
    found = reviews.all_reviews(ws, data, below=behind(ws, after, "review"), limit=limit + 1)
    return page(found[::-1], limit, lambda one: one.name)


@router.post("/reviews", status_code=201)
def draw(request: Request, body: Draw, caller: Caller = needs("data:write")) -> Review:
    """Draw a sample of a version by strata; the rules of the standard look at all of its records.

    Of a million records that takes minutes: `POST /api/runs {"stage": "review"}` does the same as a run.
    """
    ws = service(request).ws
    version = datasets.version(ws, body.data)
    return draw_review(ws, version, count=body.count, seed=body.seed, by=body.by, person=caller.name)


@router.get("/reviews/{name}")
def show_review(request: Request, name: str, caller: Caller = needs("data:read")) -> Review:
    return reviews.review(service(request).ws, name)


@router.get("/reviews/{name}/items")
def list_items(
    request: Request, name: str, after: After = None, limit: Limit = 50, caller: Caller = needs("data:read")
) -> Page[ItemToJudge]:
    """By position, strata mixed; each with what people and models said of it by the review's standard."""
    ws = service(request).ws
    one = reviews.review(ws, name)
    items = reviews.items_of(ws, one.name, after=number(after) or 0, limit=limit + 1)
    entries = shown(ws, datasets.version(ws, one.dataset), items)
    held: dict[str, list[Verdict]] = {item.record: [] for item in items}
    for verdict in reviews.verdicts_on(ws, one.standard, held):
        held[verdict.record].append(verdict)
    told = [
        ItemToJudge(
            position=item.position,
            record=item.record,
            stratum=item.stratum,
            groups={by: list(values) for by, values in item.groups.items()},
            payload=entries[item.record].payload if item.record in entries else None,
            verdicts=held[item.record],
        )
        for item in items
    ]
    return page(told, limit, lambda one: one.position)


@router.post("/reviews/{name}/verdicts", status_code=201)
def say(request: Request, name: str, body: Saying, caller: Caller = needs("labels:write")) -> Noted:
    """A verdict is pass or fail, or 1 to 5, by the dimension's scale; a later one stands in an earlier one's place."""
    ws = service(request).ws
    one = reviews.review(ws, name)
    judged = read_kept(standards.standard_named(ws, one.standard)).judged
    known = {item.record for item in reviews.items_of(ws, one.name)}
    given: list[Verdict] = []
    for place, said in enumerate(body.items):
        if said.record not in known:
            told = f"{said.record!r} is no record of {one.name}."
            raise HttpError(400, told, code="usage", param=f"items.{place}.record")
        for dimension, value in said.verdicts.items():
            where = f"items.{place}.verdicts.{dimension}"
            if dimension not in judged:
                told = f"found {dimension!r}; expected one of {', '.join(judged)}."
                raise HttpError(400, told, code="usage", param=where)
            read = verdict_of(value, judged[dimension], Where(field=where))
            if read is None:
                raise HttpError(400, f"{dimension} has an empty verdict.", code="usage", param=where)
            given.append(Verdict(said.record, dimension, read, caller.name, "person", said.note))
    return Noted(review=one.name, verdicts=reviews.add_verdicts(ws, one, given))


@router.get("/reviews/{name}/result")
def show_result(request: Request, name: str, half: float = 0.05, caller: Caller = needs("data:read")) -> ReviewResult:
    """Rates with intervals for each dimension, tag and source, and whether they are enough."""
    ws = service(request).ws
    return result(ws, reviews.review(ws, name), half=half)


@router.get("/reviews/{name}/file", response_class=Response)
def review_file(
    request: Request, name: str, form: Literal["csv", "jsonl"] = "csv", caller: Caller = needs("data:read")
) -> Response:
    """The sample as a file to fill in; formulas in it are escaped."""
    ws = service(request).ws
    one = reviews.review(ws, name)
    kinds = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
    told = {"content-disposition": f'attachment; filename="{one.name}.{form}"'}
    return Response(review_bytes(ws, one, form), media_type=kinds[form], headers=told)
