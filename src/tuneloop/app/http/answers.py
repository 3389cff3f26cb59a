"""What the routes that answer share: the loaded bases, names, and one request from its name to its last word.

`answers(request)` is made when it is first asked for, as the part `answers` of the service; a server that sets it up
puts its own there, and stops it at the end (`await parts["answers"].stop()`).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from tuneloop import __version__
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.queues import one_more
from tuneloop.app.http.security import Caller
from tuneloop.app.http.service import service
from tuneloop.app.http.settings import Rules
from tuneloop.errors import NotFoundError
from tuneloop.models import places
from tuneloop.models.versions import NEW
from tuneloop.serve import aliases
from tuneloop.serve.asking import Ask, AskingError, Began, Ended, Failed, Log, Piece, Told, Usage
from tuneloop.serve.backend import Backend
from tuneloop.serve.exchanges import Exchange, Outcome
from tuneloop.serve.hosts import Hosts, HostSettings, weights_size
from tuneloop.serve.router import Router, Target
from tuneloop.store import Workspace, model_names, models

T = TypeVar("T")


class Answers:
    """`elsewhere` names the backends of bases that our own engine does not hold (an endpoint, vLLM, the fake)."""

    def __init__(
        self,
        ws: Workspace,
        settings: HostSettings | None = None,
        elsewhere: Mapping[str, Callable[[], Backend]] | None = None,
        load: Mapping[str, Any] | None = None,
    ) -> None:
        self.ws, self.elsewhere, self.how = ws, dict(elsewhere or {}), dict(load or {})
        self.router = Router(ws, [_fine_tuned, _alias], list(self.elsewhere))
        self.hosts = Hosts(self._backend, settings)

    async def stop(self) -> None:
        await self.hosts.stop()

    def _backend(self, base: str) -> tuple[Backend, int]:
        """What answers for a base, and the bytes that it will take here."""
        from tuneloop.serve.backends.process import ProcessBackend

        if base in self.elsewhere:
            return self.elsewhere[base](), 0
        backend = ProcessBackend(workspace=str(self.ws.folder), base=base, load=self.how)
        folder = self._folder(base)
        return backend, 0 if folder is None else weights_size(folder)

    def _folder(self, base: str) -> Path | None:
        """Where the weights of a base lie; None where they are still to be fetched."""
        try:
            version = models.model(self.ws, base)
        except NotFoundError:
            return places.here(base)
        if version.form == "full":
            return models.model_folder(self.ws, version)
        return None if version.base == NEW else self._folder(version.base)


def answers(request: Request) -> Answers:
    parts = service(request).parts
    if "answers" not in parts:
        settings = Rules.of(service(request)).settings
        elsewhere = {base: partial(settings.made_backend, base) for base in settings.backends}
        parts.setdefault("answers", Answers(service(request).ws, settings.hosts, elsewhere))
    found: Answers = parts["answers"]
    return found


def _fine_tuned(ws: Workspace, name: str, user: str | None) -> str | None:
    return model_names.version_of(ws, name) if name.startswith(model_names.PREFIX) else None


def _alias(ws: Workspace, name: str, user: str | None) -> str | None:
    try:
        return aliases.resolve(ws, name, user)
    except NotFoundError:
        return None


@dataclass
class Answer:
    """One request: `model` is what answers, by the name that the reply states; `written` counts the tokens that came of
    each choice under way."""

    request: Request
    caller: Caller
    asked: str
    target: Target
    ask: Ask
    body: Mapping[str, Any]
    prefix: str
    id: str = ""
    created: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    written: dict[int, int] = field(default_factory=dict)
    started: bool = False
    noted: bool = False
    first: float | None = None
    begun: float = field(default_factory=time.monotonic)
    replies: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id, self.created = f"{self.prefix}-{secrets.token_hex(12)}", int(time.time())

    @property
    def model(self) -> str:
        return self.asked if self.asked.startswith(model_names.PREFIX) else self.target.name

    @property
    def fingerprint(self) -> str:
        told = f"{__version__}\0{self.target.base}\0{self.target.adapter}"
        return f"fp_{hashlib.sha256(told.encode()).hexdigest()[:10]}"

    @property
    def usage(self) -> dict[str, int]:
        counts = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        return {**counts, "total_tokens": sum(counts.values())}

    async def begin(self) -> AsyncGenerator[Told]:
        """What is told after `Began`, which every answer starts with; raises HttpError where it is a failure."""
        telling = self._counted()
        try:
            await anext(telling)
        except BaseException:
            await telling.aclose()
            raise
        return telling

    async def _counted(self) -> AsyncGenerator[Told]:
        """What is told, counted and kept for the log on its way; a failure in the middle is told, too."""
        hosts = answers(self.request).hosts
        with one_more(self.request, self.caller):
            async with aclosing(hosts.ask(self.target.base, self.ask)) as telling:
                async for told in telling:
                    if isinstance(told, Began):
                        self.prompt_tokens = sum(told.prompt_tokens)
                    elif isinstance(told, Piece):
                        self._piece(told)
                    elif isinstance(told, Ended):
                        self._ended(told)
                    elif isinstance(told, Usage):
                        self.prompt_tokens, self.completion_tokens = told.prompt, told.completion
                    elif isinstance(told, Failed) and not self.started:
                        raise refused(told)
                    self.started = True
                    yield told

    def _piece(self, piece: Piece) -> None:
        if not piece.prompt:
            if self.first is None:
                self.first = time.monotonic() - self.begun
            self.completion_tokens += piece.tokens
            self.written[piece.choice] = self.written.get(piece.choice, 0) + piece.tokens
        reply = self._reply(piece.choice)
        reply["content"] += piece.text

    def _ended(self, ended: Ended) -> None:
        self.completion_tokens += ended.tokens - self.written.pop(ended.choice, 0)
        reply = self._reply(ended.choice)
        reply["finish_reason"] = ended.reason
        if ended.calls:
            reply["tool_calls"] = [as_call(call) for call in ended.calls]

    def _reply(self, choice: int) -> dict[str, Any]:
        return self.replies.setdefault(choice, {"role": "assistant", "content": "", "finish_reason": None})

    async def note(self, outcome: Outcome) -> None:
        """Keep the exchange, where the service has a log; returns when it is stored.  The first outcome holds: a client
        may leave while it is being stored."""
        log = service(self.request).parts.get("exchanges")
        if log is None or self.noted:
            return
        self.noted = True
        alias = self.asked if self.asked not in (self.target.name, self.model) else None
        tags = {**(self.body.get("metadata") or {}), **((self.body.get("tuneloop") or {}).get("tags") or {})}
        told = Exchange(
            id=self.id,
            asked=self.asked,
            model=self.target.name,
            caller=self.caller.key or self.caller.user,
            outcome=outcome,
            latency=time.monotonic() - self.begun,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            request={key: value for key, value in self.body.items() if key not in ("model", "metadata", "tuneloop")},
            replies=[self.replies[number] for number in sorted(self.replies)],
            alias=alias,
            first_token=self.first,
            scenario=self.target.version.scenario if self.target.version else "main",
            tags={str(key): str(value) for key, value in tags.items()},
        )
        await run_in_threadpool(log.note, told)


async def answer_to(
    request: Request, caller: Caller, ask: Ask, body: Mapping[str, Any], prefix: str
) -> tuple[Answer, AsyncGenerator[Told]]:
    """Resolve the name, load what answers, and begin; raises HttpError before anything was sent.

    Only a request's own `user` is kept to one version of an alias: behind one key there may be all users of a product.
    """
    asked, user = str(body["model"]), body.get("user")
    target = await find(request, asked, str(user) if user else None)
    ask.model, ask.adapter = target.name, target.adapter
    answer = Answer(request, caller, asked, target, ask, body, prefix)
    return answer, await answer.begin()


async def find(request: Request, name: str, user: str | None) -> Target:
    """What answers to a name; raises HttpError."""
    try:
        return await run_in_threadpool(answers(request).router.resolve, name, user)
    except AskingError as error:
        raise refused(error.failed) from None


def refused(failed: Failed) -> HttpError:
    """A failure before the first word as an HTTP error."""
    headers = {"retry-after": "1"} if failed.status == 503 else None
    return HttpError(
        failed.status, failed.message, code=failed.code, param=failed.param, headers=headers, more=failed.more
    )


def as_call(call: Any) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


async def heard(answer: Answer, telling: AsyncGenerator[Told]) -> dict[int, list[Log]]:
    """Hear an answer to its end, and note it; gives what was told of each choice's tokens.  Raises HttpError."""
    logs: dict[int, list[Log]] = {}
    async with aclosing(telling):
        async for told in telling:
            if isinstance(told, Failed):
                await answer.note("failed")
                raise refused(told)
            if isinstance(told, Piece):
                logs.setdefault(told.choice, []).extend(told.logs)
    await answer.note("answered")
    return logs


async def replied(request: Request, answer: Answer, work: Awaitable[dict[str, Any]]) -> Response | dict[str, Any]:
    """What `work` makes of an answer; nothing where the client has gone meanwhile, which is noted."""
    reply = await unless_gone(request, work)
    if reply is None:
        await answer.note("cancelled")
        return Response(status_code=499)
    return reply


async def unless_gone(request: Request, work: Awaitable[T]) -> T | None:
    """The result of `work`; None where the client has gone meanwhile, and `work` was stopped."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
