"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from tuneloop.app.http.answers import Answer, answer_to, as_call, heard, refused, replied
from tuneloop.app.http.errors import HttpError, unsupported
from tuneloop.app.http.parameters import unknown
from tuneloop.app.http.sampling import Sampled, ask_of, refuse
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.stream import DONE, EventStream, event
from tuneloop.serve.asking import Ask, Ended, Failed, Log, Piece, Told

router = APIRouter(tags=["chat"])

CHANGING = (
    "audio", "function_call", "functions", "moderation", "reasoning_effort", "verbosity", "web_search_options",
)  # fmt: skip
THEIRS = ("annotations", "audio", "function_call", "reasoning", "reasoning_content", "refusal")
"""Keys of messages that the protocol, or servers beside it, know and that nothing here reads."""
LEAST = -9999.0
"""What the protocol writes for a probability of 0."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: str
    text: str | None = None
    refusal: str | None = None


class Message(BaseModel):
    """Fields that a client sends back from an answer and that are null (`refusal`, `audio`, …) are taken."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part | dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None

    def plain(self, place: int) -> dict[str, Any]:
        """The message with its content as one text."""
        for name, value in (self.model_extra or {}).items():
            if name not in THEIRS:
                raise unknown(f"messages.{place}.{name}", [*type(self).model_fields, *THEIRS])
            if value is not None and value != []:
                raise unsupported(f"messages.{place}.{name}", "Leave it out.")
        told: dict[str, Any] = {"role": self.role, "content": self._text(place)}
        for name in ("name", "tool_calls", "tool_call_id"):
            if getattr(self, name) is not None:
                told[name] = getattr(self, name)
        return told

    def _text(self, place: int) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        texts = []
        for part in self.content:
            kind = part.type if isinstance(part, Part) else str(part.get("type"))
            if not isinstance(part, Part) or kind not in ("text", "refusal"):
                raise unsupported(
                    f"messages.{place}.content", f"Parts of type {kind!r} cannot be read; only text can."
                )  # fmt: skip
            texts.append(part.text or part.refusal or "")
        return "".join(texts)


class Function(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: StrictBool | None = None


class Tool(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["function"]
    function: Function

    @model_validator(mode="before")
    @classmethod
    def _functions_only(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("type") == "custom":
            raise unsupported("tools", "Tools of the type `custom` cannot be called, those of the type `function` can.")
        return value


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = ""
    description: str | None = None
    schema_: dict[str, Any] = Field(default_factory=dict, alias="schema")
    strict: StrictBool | None = None


class ResponseFormat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["text", "json_object", "json_schema"]
    json_schema: Form | None = None


class NamedFunction(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class NamedTool(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["function"]
    function: NamedFunction


class ChatRequest(Sampled):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"model": "starter", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 32, "seed": 1}
            ]
        },
    )
    messages: list[Message] = Field(min_length=1)
    max_tokens: StrictInt | None = Field(None, ge=1)
    max_completion_tokens: StrictInt | None = Field(None, ge=1)
    logprobs: StrictBool | None = None
    top_logprobs: StrictInt | None = Field(None, ge=0, le=20)
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: StrictBool | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    metadata: dict[str, str] | None = Field(None, max_length=16)
    modalities: list[str] | None = None
    audio: Any = None
    function_call: Any = None
    functions: Any = None
    moderation: Any = None
    prediction: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    reasoning_effort: Any = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: StrictBool | None = None
    verbosity: Any = None
    web_search_options: Any = None

    def asked(self) -> Ask:
        """The request as the library asks it; raises HttpError for what is not implemented, by its name."""
        refuse(self, CHANGING)
        refuse(self, ["modalities"], [["text"], []])
        if self.top_logprobs is not None and not self.logprobs:
            raise HttpError(
                400, "`top_logprobs` needs `logprobs: true`.", code="invalid_value", param="top_logprobs"
            )  # fmt: skip
        ask = ask_of("chat", self, messages=[one.plain(place) for place, one in enumerate(self.messages)])
        ask.max_tokens = self.max_completion_tokens or self.max_tokens
        ask.logprobs = (self.top_logprobs or 0) if self.logprobs else None
        ask.variables = self._variables()
        self._tools(ask)
        if self.response_format is not None and self.response_format.type != "text":
            if self.response_format.type == "json_schema" and self.response_format.json_schema is None:
                raise HttpError(
                    400, "`json_schema` is missing.", code="invalid_value", param="response_format.json_schema"
                )  # fmt: skip
            if ask.tools and ask.tool_choice != "none":
                raise unsupported("response_format", "Beside tools it cannot be kept: send one of the two.")
            ask.form = self.response_format.model_dump(by_alias=True, exclude_none=True)
        return ask

    def _variables(self) -> dict[str, Any]:
        """What goes to the chat template; whether it asks for them is seen where the model is."""
        given = dict(self.chat_template_kwargs or {})
        if given.get("add_generation_prompt") is True:  # as it always is
            del given["add_generation_prompt"]
        for name in TAKEN:
            if name in given:
                raise unsupported(f"chat_template_kwargs.{name}", "The template gets it from the request itself.")
        return given

    def _tools(self, ask: Ask) -> None:
        choice = self.tool_choice
        if choice is not None and not self.tools and choice != "none":
            raise HttpError(400, "`tool_choice` needs `tools`.", code="invalid_value", param="tool_choice")
        ask.tools = [tool.model_dump(exclude_none=True) for tool in self.tools or ()]
        ask.parallel_calls = self.parallel_tool_calls is not False
        ask.tool_choice = choice.function.name if isinstance(choice, NamedTool) else choice or "auto"
        names = [tool.function.name for tool in self.tools or ()]
        if isinstance(choice, NamedTool) and choice.function.name not in names:
            raise HttpError(
                400, f"No tool is called {choice.function.name!r}.", code="invalid_value", param="tool_choice"
            )  # fmt: skip
        for place, tool in enumerate(self.tools or ()):
            if tool.function.strict and ask.tool_choice == "auto":
                raise unsupported(
                    f"tools.{place}.function.strict", "Arguments are held to the schema with `tool_choice` `required`."
                )  # fmt: skip


TAKEN = ("messages", "tools", "documents", "add_generation_prompt")
"""What a template gets from the request itself."""


@router.post("/chat/completions", response_model=None)
async def chat_completions(
    request: Request, body: ChatRequest, caller: Caller = needs("models:use")
) -> Response | dict[str, Any]:
    """A conversation's next message, streamed with `stream`."""
    said = body.model_dump(by_alias=True, exclude_none=True)
    answer, telling = await answer_to(request, caller, body.asked(), said, "chatcmpl")
    if body.stream:
        return EventStream(_events(answer, telling, body.tells_usage))
    return await replied(request, answer, _whole(answer, telling))


async def _whole(answer: Answer, telling: AsyncGenerator[Told]) -> dict[str, Any]:
    logs = await heard(answer, telling)
    wanted = answer.ask.logprobs is not None
    choices = [
        {
            "index": number,
            "message": _message(reply),
            "logprobs": _logprobs(logs.get(number, [])) if wanted else None,
            "finish_reason": reply["finish_reason"],
        }
        for number, reply in sorted(answer.replies.items())
    ]
    return {**_head(answer, "chat.completion"), "choices": choices, "usage": answer.usage}


def _message(reply: Mapping[str, Any]) -> dict[str, Any]:
    calls = reply.get("tool_calls")
    message = {"role": "assistant", "content": (reply["content"] or None) if calls else reply["content"]}
    return {**message, "refusal": None, **({"tool_calls": calls} if calls else {})}


async def _events(answer: Answer, telling: AsyncGenerator[Told], usage: bool) -> AsyncGenerator[bytes]:
    """Chunks in the protocol's order; the exchange is kept before the last one goes out."""
    head = _head(answer, "chat.completion.chunk")
    wanted = answer.ask.logprobs is not None

    def chunk(choice: int, delta: dict[str, Any], reason: str | None = None, logs: Sequence[Log] = ()) -> bytes:
        logprobs = _logprobs(logs) if wanted and logs else None
        one = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return event({**head, "choices": [one], **({"usage": None} if usage else {})})

    try:
        async with aclosing(telling):
            for choice in range(answer.ask.choices):
                yield chunk(choice, {"role": "assistant", "content": ""})
            ends = []
            async for told in telling:
                if isinstance(told, Piece):
                    yield chunk(told.choice, {"content": told.text}, None, told.logs)
                elif isinstance(told, Failed):
                    await answer.note("failed")
                    yield event({"error": refused(told).body()["error"]})
                    return
                elif isinstance(told, Ended):
                    for place, call in enumerate(told.calls):
                        yield chunk(told.choice, {"tool_calls": [{"index": place, **as_call(call)}]})
                    ends.append(told)
                    if len(ends) < answer.ask.choices:
                        yield chunk(told.choice, {}, told.reason)
            await answer.note("answered")
            yield chunk(ends[-1].choice, {}, ends[-1].reason)
            if usage:
                yield event({**head, "choices": [], "usage": answer.usage})
            yield DONE
    finally:
        await answer.note("cancelled")  # if nothing was noted before


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": answer.fingerprint,
    }


def _logprobs(logs: Sequence[Log]) -> dict[str, Any]:
    return {
        "content": [
            {**_one(log.text, log.written, log.logprob), "top_logprobs": [_one(*top) for top in log.top]}
            for log in logs
        ],
        "refusal": None,
    }


def _one(text: str, written: bytes, logprob: float | None) -> dict[str, Any]:
    return {"token": text, "logprob": max(LEAST, logprob or 0.0), "bytes": list(written)}
