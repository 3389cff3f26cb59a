"""`/v1/fine_tuning/alpha/graders`: a grader tried on one sample, or only checked.

Models that a grader asks are loaded as those of chat are, in processes of their own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tuneloop.app.http.answers import Answers, answers
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import InputError, NotFoundError
from tuneloop.jobs import bases
from tuneloop.models.versions import is_version
from tuneloop.scores.asking import MOST_TOKENS
from tuneloop.scores.grader import Case, Graded, Grader, models_of, read_grader
from tuneloop.serve.asking import Ask, AskingError, Began, Ended, Failed, Piece, Usage
from tuneloop.serve.router import Target
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
async def run_grader(request: Request, body: Running, caller: Caller = needs("jobs:write")) -> dict[str, Any]:
    """The score of one sample; what went wrong on the way stands in `metadata.errors`."""
    ws = service(request).ws
    grader = read_grader(body.grader)
    known = await run_in_threadpool(_models, ws, grader)
    asking = Asking(answers(request), known, asyncio.get_running_loop())
    began = time.perf_counter()
    wrong = None
    try:
        graded = await run_in_threadpool(grader.grade, Case(body.model_sample, body.item), asking)
    except InputError as error:
        graded, wrong = Graded(0.0, errors=[str(error)]), str(error)
    except Unanswered as error:
        graded = Graded(0.0, errors=[str(error)])
    return {
        "reward": graded.score,
        "sub_rewards": graded.parts,
        "metadata": {
            "name": grader.name,
            "type": body.grader["type"],
            "errors": _errors(wrong, graded, asking.failed),
            "execution_time": time.perf_counter() - began,
            "scores": graded.parts or {grader.name: graded.score},
            "token_usage": sum(asking.tokens.values()) if asking.names else None,
            "sampled_model_name": asking.names[-1] if asking.names else None,
            "tuneloop": {"errors": graded.errors},
        },
        "model_grader_token_usage_per_model": dict(asking.tokens),
    }


class Unanswered(Exception):
    """A model that a grader asks gave no answer; the sentence says why."""


@dataclass
class Asking:
    """Asks loaded bases on behalf of a grader, which runs in another thread than the server's `loop`; `known` says
    what is loaded for each name.  Counts the `tokens` of each model, and keeps the sentence of what `failed`."""

    held: Answers
    known: Mapping[str, str]
    loop: asyncio.AbstractEventLoop
    names: list[str] = field(default_factory=list)
    tokens: Counter[str] = field(default_factory=Counter)
    failed: str | None = None

    def __call__(self, model: str, messages: Sequence[Mapping[str, str]], how: Mapping[str, Any]) -> str:
        """The answer's text; raises Unanswered."""
        ask = Ask(
            "chat",
            messages=[dict(one) for one in messages],
            max_tokens=int(how.get("max_completions_tokens") or MOST_TOKENS),
            temperature=float(how.get("temperature") or 0.0),
            top_p=float(how.get("top_p") or 1.0),
            seed=int(how.get("seed") or 0),
        )
        self.names.append(model)
        try:
            target = self._target(self.known[model])
        except AskingError as error:
            raise self._failure(error.failed.message) from None
        ask.model, ask.adapter = target.name, target.adapter
        return asyncio.run_coroutine_threadsafe(self._answer(model, target.base, ask), self.loop).result()

    def _target(self, reference: str) -> Target:
        """A version as chat finds it; any other base is loaded by what it is known by."""
        return self.held.router.resolve(reference) if is_version(reference) else Target(reference, reference)

    async def _answer(self, model: str, base: str, ask: Ask) -> str:
        text = ""
        async with aclosing(self.held.hosts.ask(base, ask)) as telling:
            async for told in telling:
                if isinstance(told, Piece):
                    text += told.text
                elif isinstance(told, Began):
                    self.tokens[model] += sum(told.prompt_tokens)
                elif isinstance(told, Ended):
                    self.tokens[model] += told.tokens
                elif isinstance(told, Usage):
                    self.tokens[model] = told.prompt + told.completion
                elif isinstance(told, Failed):
                    raise self._failure(told.message)
        return text

    def _failure(self, message: str) -> Unanswered:
        self.failed = message
        return Unanswered(message)


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


def _errors(wrong: str | None, graded: Graded, failed: str | None) -> dict[str, Any]:
    """The protocol's flags: a place that names nothing, a formula without an answer, a reply without a number, a model
    without a reply."""
    raised = {
        "invalid_variable_error": wrong is not None and "names nothing" in wrong,
        "formula_parse_error": wrong is not None and "names nothing" not in wrong,
        "model_grader_server_error": failed is not None,
        "model_grader_parse_error": wrong is None and failed is None and bool(graded.errors),
    }
    return {
        **{flag: raised.get(flag, False) for flag in FLAGS},
        "python_grader_server_error_type": None,
        "python_grader_runtime_error_details": None,
        "model_grader_server_error_details": failed,
    }
