from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.errors import ModelError
from tuneloop.serve.asking import Ask, Began, Call, Ended, Failed, Log, Piece, Told, Usage, Vectors
from tuneloop.serve.backend import Backend
from tuneloop.wording import Words

if TYPE_CHECKING:
    import httpx2

BROKEN_OFF = ("abort", "error")
"""What vLLM gives as `finish_reason` where its engine stopped an answer before its end."""
PATHS = {"chat": "chat/completions", "text": "completions", "embed": "embeddings"}


class EndpointBackend(Backend):
    """A server elsewhere that speaks the same protocol.  What it refuses is told with its own words."""

    title: ClassVar[Words] = Words("OpenAI-compatible endpoint", "OpenAI 兼容端点")
    help: ClassVar[Words] = Words(
        "Passes requests on to another server by HTTP.", "通过 HTTP 把请求转发给另一台服务器。"
    )
    url: str = setting("http://127.0.0.1:8000/v1", en="address, with /v1", zh="地址，含 /v1")
    model: str = setting("", en="the model's name there; empty: its name here", zh="对方的模型名；空则与本地同名")
    key_variable: str = setting("", en="environment variable that holds the key", zh="存放密钥的环境变量名")
    timeout: float = setting(600.0, gt=0, en="seconds without a byte before it counts as gone", zh="无响应超时秒数")

    _client: Any = PrivateAttr(default=None)
    _over: bool = PrivateAttr(default=False)

    @property
    def over(self) -> bool:
        return self._over

    async def start(self) -> None:
        import httpx2

        headers = {}
        if self.key_variable:
            if self.key_variable not in os.environ:
                raise ModelError(f"the variable {self.key_variable!r} with the key of {self.url} is not set")
            headers["Authorization"] = f"Bearer {os.environ[self.key_variable]}"
        timeout = httpx2.Timeout(self.timeout, connect=10.0)
        self._client = httpx2.AsyncClient(base_url=self.url.rstrip("/") + "/", headers=headers, timeout=timeout)

    async def stop(self) -> None:
        self._over = True
        if self._client is not None:
            await self._client.aclose()

    async def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        import httpx2

        try:
            name = await self._name(ask)
            if ask.kind == "embed":
                told, usage = await self._embed(ask, name)
                if usage is not None:
                    yield Began([])
                    yield usage
                yield told
                return
            body = {**as_request(ask), "model": name, "stream": True, "stream_options": {"include_usage": True}}
            async with self._client.stream("POST", PATHS[ask.kind], json=body) as response:
                if response.status_code >= 400:
                    yield self._refused(response.status_code, await response.aread())
                    return
                yield Began([])
                async for told in _told(_lines(response)):
                    yield told
        except ModelError as error:
            yield Failed(503, "endpoint_failed", str(error))
        except (httpx2.HTTPError, OSError) as error:
            yield Failed(503, "endpoint_unreachable", f"The endpoint {self.url} failed: {type(error).__name__}.")

    async def _name(self, ask: Ask) -> str:
        """What the model is called there."""
        return self.model or ask.model

    async def _embed(self, ask: Ask, name: str) -> tuple[Told, Usage | None]:
        body = {"model": name, "input": ask.prompts, "encoding_format": "base64"}
        response = await self._client.post(PATHS["embed"], json=body)
        if response.status_code >= 400:
            return self._refused(response.status_code, response.content), None
        data = response.json()
        rows = [_numbers(one["embedding"]) for one in data["data"]]
        usage = Usage(data["usage"]["prompt_tokens"], 0)
        return Vectors(len(rows[0]) // 4, b"".join(rows)), usage

    def _refused(self, status: int, body: bytes) -> Failed:
        """What the endpoint refused, in its own words; but a key that it does not take is ours and not the asker's."""
        told = _error(body)
        if status in (401, 403):
            named = f"in {self.key_variable}" if self.key_variable else "that is sent (none)"
            return Failed(502, "endpoint_failed", f"The endpoint {self.url} does not take the key {named}.")
        if told is None:
            return Failed(status if status < 500 else 502, "endpoint_failed", body[:500].decode("utf-8", "replace"))
        return Failed(status, _code(told, status), str(told.get("message")), told.get("param"))


def as_request(ask: Ask) -> dict[str, Any]:
    """The body that says the same over the protocol; what is at its default is left out."""
    body: dict[str, Any] = {"n": ask.n, "temperature": ask.temperature, "top_p": ask.top_p}
    if ask.kind == "chat":
        body["messages"] = ask.messages
        if ask.tools:
            named = ask.tool_choice not in ("auto", "none", "required")
            choice = {"type": "function", "function": {"name": ask.tool_choice}} if named else ask.tool_choice
            body |= {"tools": ask.tools, "tool_choice": choice, "parallel_tool_calls": ask.parallel_calls}
        if ask.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": ask.logprobs}
        if ask.form:
            body["response_format"] = ask.form
        if ask.variables:
            body["chat_template_kwargs"] = ask.variables
    else:
        body |= {"prompt": ask.prompts[0] if len(ask.prompts) == 1 else ask.prompts, "echo": ask.echo}
        if ask.logprobs is not None:
            body["logprobs"] = ask.logprobs
    optional = {
        "max_tokens": ask.max_tokens,
        "seed": ask.seed,
        "stop": ask.stop or None,
        "presence_penalty": ask.presence_penalty or None,
        "frequency_penalty": ask.frequency_penalty or None,
        "logit_bias": {str(token): bias for token, bias in ask.logit_bias.items()} or None,
        "top_k": ask.top_k or None,
        "min_tokens": ask.min_tokens or None,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


async def _lines(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
            yield json.loads(data)


async def _told(chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Told]:
    """Chunks of a stream as what our own engine would tell."""
    tokens: dict[int, int] = {}
    calls: dict[int, list[Call]] = {}
    async for chunk in chunks:
        if "error" in chunk:
            error = chunk["error"]
            yield Failed(502, _code(error, 502), str(error.get("message")), error.get("param"))
            return
        for one in chunk.get("choices") or []:
            number, delta = one["index"], one.get("delta") or {}
            for call in delta.get("tool_calls") or []:
                _add(calls.setdefault(number, []), call)
            text = one.get("text") or delta.get("content") or ""
            logs = _logs(one.get("logprobs"))
            if text or logs:
                tokens[number] = tokens.get(number, 0) + max(1, len(logs))
                yield Piece(number, text, logs, max(1, len(logs)))
            if one.get("finish_reason"):
                reason = one["finish_reason"]
                if reason in BROKEN_OFF:
                    yield Failed(502, "endpoint_failed", f"The endpoint broke the answer off ({reason}).")
                    return
                known: Any = reason if reason in ("stop", "length", "tool_calls") else "stop"
                yield Ended(number, known, tokens.get(number, 0), calls.get(number, []))
        if chunk.get("usage"):
            yield Usage(chunk["usage"]["prompt_tokens"], chunk["usage"].get("completion_tokens", 0))


def _add(calls: list[Call], delta: dict[str, Any]) -> None:
    while len(calls) <= delta.get("index", 0):
        calls.append(Call("", "", ""))
    call, function = calls[delta.get("index", 0)], delta.get("function") or {}
    call.id = delta.get("id") or call.id
    call.name += function.get("name") or ""
    call.arguments += function.get("arguments") or ""


def _logs(told: dict[str, Any] | None) -> list[Log]:
    if not told:
        return []
    if "content" in told:
        return [
            Log(one["token"], _bytes(one), one["logprob"], [
                (top["token"], _bytes(top), top["logprob"]) for top in one.get("top_logprobs") or []
            ])
            for one in told["content"] or []
        ]  # fmt: skip
    tops = told.get("top_logprobs") or [None] * len(told["tokens"])
    return [
        Log(token, token.encode(), logprob, [(one, one.encode(), value) for one, value in (top or {}).items()])
        for token, logprob, top in zip(told["tokens"], told["token_logprobs"], tops, strict=True)
    ]


def _bytes(one: dict[str, Any]) -> bytes:
    given = one.get("bytes")
    return str(one["token"]).encode() if given is None else bytes(given)


def _numbers(given: str | list[float]) -> bytes:
    return base64.b64decode(given) if isinstance(given, str) else struct.pack(f"<{len(given)}f", *given)


def _error(body: bytes) -> dict[str, Any] | None:
    """The error in a body: `{"error": {...}}`, or the flat one that vLLM answered with before 0.10; None: neither."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    found = told.get("error", told if told.get("object") == "error" else None) if isinstance(told, dict) else None
    return found if isinstance(found, dict) else None


def _code(error: dict[str, Any], status: int) -> str | None:
    """The protocol's word for an error; vLLM's `code` is the number of the status."""
    code = error.get("code")
    if isinstance(code, str):
        return code
    if "maximum context length" in str(error.get("message")):
        return "context_length_exceeded"
    return {400: "invalid_value", 404: "model_not_found"}.get(status, "endpoint_failed" if status >= 500 else None)
