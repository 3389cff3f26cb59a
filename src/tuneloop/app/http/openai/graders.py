"""`/v1/fine_tuning/alpha/graders`: a grader tried on one sample, or only checked."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import InputError, NotFoundError
from tuneloop.jobs import bases
from tuneloop.scores.asking import Asked
from tuneloop.scores.grader import Case, Graded, Grader, models_of, read_grader
from tuneloop.store import Workspace

router = APIRouter(tags=["fine-tuning"])

EXAMPLE: dict[str, JsonValue] = {
    "type": "string_check", "name": "same", "operation": "eq",
    "input": "{{sample.output_text}}", "reference": "{{item.answer}}",
}  # fmt: skip


class Validating(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"grader": EXAMPLE}]})
    grader: dict[str, Any]


class Running(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"grader": EXAMPLE, "model_sample": "42", "item": {"answer": "42"}}]},
    )
    grader: dict[str, Any]
    model_sample: str = Field(max_length=1_000_000)
    item: dict[str, Any] = {}


@router.post("/fine_tuning/alpha/graders/validate")
def validate_grader(request: Request, body: Validating, caller: Caller = needs("jobs:read")) -> dict[str, Any]:
    """The grader as it was understood."""
    grader = read_grader(body.grader)
    _models(service(request).ws, grader)
    return {"grader": grader.model_dump(mode="json")}


@router.post("/fine_tuning/alpha/graders/run")
def run_grader(request: Request, body: Running, caller: Caller = needs("jobs:write")) -> dict[str, Any]:
    """The score of one sample; what went wrong on the way stands in `metadata.errors`."""
    ws = service(request).ws
    grader = read_grader(body.grader)
    known = _models(ws, grader)
    began = time.perf_counter()
    wrong = None
    try:
        graded = grader.grade(Case(body.model_sample, body.item), Asked(ws, "cpu", known))
    except InputError as error:
        graded, wrong = Graded(0.0, errors=[str(error)]), str(error)
    return {
        "reward": graded.score,
        "sub_rewards": graded.parts,
        "metadata": {
            "name": grader.name,
            "type": body.grader["type"],
            "errors": _errors(wrong, graded),
            "execution_time": time.perf_counter() - began,
            "scores": graded.parts or {grader.name: graded.score},
            "token_usage": None,
            "sampled_model_name": None,
            "tuneloop": {"errors": graded.errors},
        },
        "model_grader_token_usage_per_model": {},
    }


def _models(ws: Workspace, grader: Grader) -> dict[str, str]:
    """What is loaded for the models that the grader asks."""
    try:
        return {name: bases.find(ws, name).reference for name in models_of(grader)}
    except NotFoundError as error:
        raise HttpError(404, error.message, param="grader.model", code="model_not_found") from None


FLAGS = (
    "formula_parse_error", "sample_parse_error", "truncated_observation_error", "unresponsive_reward_error",
    "invalid_variable_error", "other_error", "python_grader_server_error", "python_grader_runtime_error",
    "model_grader_server_error", "model_grader_refusal_error", "model_grader_parse_error",
)  # fmt: skip


def _errors(wrong: str | None, graded: Graded) -> dict[str, Any]:
    """The protocol's flags: a place that names nothing, a formula without an answer, a reply without a number."""
    raised = {
        "invalid_variable_error": wrong is not None and "names nothing" in wrong,
        "formula_parse_error": wrong is not None and "names nothing" not in wrong,
        "model_grader_parse_error": wrong is None and bool(graded.errors),
    }
    return {
        **{flag: raised.get(flag, False) for flag in FLAGS},
        "python_grader_server_error_type": None,
        "python_grader_runtime_error_details": None,
        "model_grader_server_error_details": None,
    }
