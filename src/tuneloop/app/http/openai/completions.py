"""`POST /v1/completions`: prompts of any kind gone on with, and scored with `echo` and `logprobs`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from tuneloop.app.http.answers import Answer, answer_to, heard, refused, replied
from tuneloop.app.http.errors import HttpError, unsupported
from tuneloop.app.http.sampling import Sampled, ask_of
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.stream import DONE, EventStream, event
from tuneloop.serve.asking import Ask, Ended, Failed, Log, Piece, Told

router = APIRouter(tags=["completions"])

MOST_CHOICES = 2048
LEAST = -9999.0

Ids = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1)]


class CompletionRequest(Sampled):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "starter", "prompt": "Once upon a time", "max_tokens": 16}]},
    )
    prompt: str | Ids | Annotated[list[str | Ids], Field(min_length=1, max_length=MOST_CHOICES)] = ""
    best_of: StrictInt | None = None
    echo: StrictBool | None = None
    logprobs: StrictInt | None = Field(None, ge=0, le=5)
    suffix: str | None = None
    metadata: dict[str, str] | None = Field(None, max_length=16)
    store: StrictBool | None = None
    service_tier: str | None = None

    def asked(self) -> Ask:
        """As `ChatRequest.asked`."""
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise unsupported("best_of", "Ask for `n` answers and choose yourself.")
        if self.suffix:
            raise unsupported("suffix", "Models here write onwards only.")
        prompts: list[Any] = [self.prompt] if isinstance(self.prompt, str) else list(self.prompt)
        if prompts and isinstance(prompts[0], int):
            prompts = [prompts]
        ask = ask_of("text", self, prompts=prompts, echo=bool(self.echo), logprobs=self.logprobs)
        if ask.choices > MOST_CHOICES:
            message = f"{len(prompts)} prompts with {ask.n} answers each are more than {MOST_CHOICES}."
            raise HttpError(400, message, code="invalid_value", param="n")
        return ask


@router.post("/completions", response_model=None)
async def completions(
    request: Request, body: CompletionRequest, caller: Caller = needs("models:use")
) -> Response | dict[str, Any]:
    """What follows a prompt (a text, token ids, or a list of either), streamed with `stream`."""
    said = body.model_dump(exclude_none=True)
    answer, telling = await answer_to(request, caller, body.asked(), said, "cmpl")
    if body.stream:
        return EventStream(_events(answer, telling, body.tells_usage))
    return await replied(request, answer, _whole(answer, telling))


async def _whole(answer: Answer, telling: AsyncGenerator[Told]) -> dict[str, Any]:
    logs = await heard(answer, telling)
    wanted = answer.ask.logprobs is not None
    choices = [
        {
            "text": reply["content"],
            "index": number,
            "logprobs": _logprobs(logs.get(number, []), 0) if wanted else None,
            "finish_reason": reply["finish_reason"],
        }
        for number, reply in sorted(answer.replies.items())
    ]
    return {**_head(answer), "choices": choices, "usage": answer.usage}


async def _events(answer: Answer, telling: AsyncGenerator[Told], usage: bool) -> AsyncGenerator[bytes]:
    head = _head(answer)
    wanted = answer.ask.logprobs is not None
    offsets: dict[int, int] = {}

    def chunk(choice: int, text: str, reason: str | None = None, logs: Sequence[Log] = ()) -> bytes:
        logprobs = _logprobs(logs, offsets.get(choice, 0)) if wanted and logs else None
        offsets[choice] = offsets.get(choice, 0) + sum(len(log.text) for log in logs)
        one = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": reason}
        return event({**head, "choices": [one], **({"usage": None} if usage else {})})

    try:
        async with aclosing(telling):
            ends = []
            async for told in telling:
                if isinstance(told, Piece):
                    yield chunk(told.choice, told.text, None, told.logs)
                elif isinstance(told, Failed):
                    await answer.note("failed")
                    yield event({"error": refused(told).body()["error"]})
                    return
                elif isinstance(told, Ended):
                    ends.append(told)
                    if len(ends) < answer.ask.choices:
                        yield chunk(told.choice, "", told.reason)
            await answer.note("answered")
            yield chunk(ends[-1].choice, "", ends[-1].reason)
            if usage:
                yield event({**head, "choices": [], "usage": answer.usage})
            yield DONE
    finally:
        await answer.note("cancelled")  # if nothing was noted before


def _head(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": "text_completion",
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": answer.fingerprint,
    }


def _logprobs(logs: Sequence[Log], offset: int) -> dict[str, Any]:
    """The first token of an echoed prompt has none: its places are null.  Tokens that are part of a character are told
    as `bytes:\\xe7`, so that two of them are not one key."""
    offsets = []
    for log in logs:
        offsets.append(offset)
        offset += len(log.text)
    return {
        "tokens": [_spelled(log.text, log.written) for log in logs],
        "token_logprobs": [None if log.logprob is None else max(LEAST, log.logprob) for log in logs],
        "top_logprobs": [
            None if log.logprob is None else {
                _spelled(text, written): max(LEAST, logprob) for text, written, logprob in log.top
            }
            for log in logs
        ],
        "text_offset": offsets,
    }  # fmt: skip


def _spelled(text: str, written: bytes) -> str:
    if "\ufffd" not in text:
        return text
    return "bytes:" + "".join(f"\\x{byte:02x}" for byte in written)
