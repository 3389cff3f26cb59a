"""In an engine's process: asks become the engine's requests, and its events what is told.

Prompts are rendered and cut into tokens between steps.  Scoring and vectors are done a stretch at a time, so that long
lists hold no stream up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuneloop.errors import ConflictError, InputError, TuneloopError
from tuneloop.models.chat import encode_prompt
from tuneloop.models.constraint import Constraint, Vocabulary
from tuneloop.models.engine import Engine, Event, Finished, Request, Token
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.sampling import Sampling
from tuneloop.models.templates import template_of
from tuneloop.records import Turn
from tuneloop.serve import tool_calls
from tuneloop.serve.asking import Ask, AskingError, Batch, Began, Ended, Failed, Log, Piece, Told, Vectors

STRETCH = 2048
"""Tokens that are scored or embedded between two steps."""
TEXT_TOKENS = 16
"""Tokens of a completion that states no limit, as the protocol has it."""
CHAT_TOKENS = 4096
"""The same for a conversation; the model's own room may be less."""


@dataclass
class Choice:
    """One answer being written: of `ask`, the `number`-th."""

    ask: Ask
    number: int
    reading: tool_calls.Reading | None = None
    logs: list[Log] = field(default_factory=list)
    untold: int = 0
    """Tokens since the last piece."""


@dataclass
class Work:
    """An ask that has begun."""

    ask: Ask
    prompts: list[list[int]]
    handles: set[int] = field(default_factory=set)
    unscored: deque[int] = field(default_factory=deque)
    vectors: list[bytes] = field(default_factory=list)
    width: int = 0
    ended: int = 0


class Answering:
    """`adapters` is how many an engine may hold; the one unused for longest goes first."""

    def __init__(self, lm: LanguageModel, engine: Engine, adapters: int = 32) -> None:
        self.lm, self.engine, self.most = lm, engine, adapters
        self._works: dict[int, Work] = {}
        self._choices: dict[int, Choice] = {}
        self._reading: deque[Work] = deque()
        self._postponed: deque[Ask] = deque()
        self._used: dict[str, None] = {}
        self._vocabulary: Vocabulary | None = None

    @property
    def busy(self) -> bool:
        return bool(self._works or self._postponed)

    def begin(self, ask: Ask) -> Batch:
        """Take an ask; what is wrong with it is told as its failure.  Where its adapter has to wait, so do all after
        it."""
        self._postponed.append(ask)
        return self._begin_postponed() if len(self._postponed) == 1 else []

    def _begin_postponed(self) -> Batch:
        told: Batch = []
        while self._postponed:
            ask = self._postponed[0]
            try:
                if not self._hold(ask):
                    break
                self._postponed.popleft()
                told += [(ask.id, one) for one in self._begin(ask)]
            except TuneloopError as error:
                if self._postponed and self._postponed[0] is ask:
                    self._postponed.popleft()
                told.append((ask.id, failure(error)))
        return told

    def cancel(self, name: int) -> None:
        """Stop working on an ask; nothing more is told of it."""
        self._postponed = deque(ask for ask in self._postponed if ask.id != name)
        work = self._works.pop(name, None)
        if work is None:
            return
        if work in self._reading:
            self._reading.remove(work)
        for handle in work.handles:
            self._choices.pop(handle, None)
            self.engine.cancel(handle)

    def drop(self, adapter: str) -> None:
        """Let go of an adapter; one in use stays, and goes when room is needed."""
        if adapter in self._used:
            self._let_go(adapter)

    def step(self) -> Batch:
        """One stretch of reading, one step of writing, and whatever came of both."""
        told: Batch = []
        if self._postponed:
            told += self._begin_postponed()
        if self._reading:
            told += self._read(self._reading[0])
        for handle, event in self.engine.step():
            choice = self._choices.get(handle)
            if choice is not None:
                told += [(choice.ask.id, one) for one in self._written(handle, choice, event)]
        return told

    def _begin(self, ask: Ask) -> list[Told]:
        prompts = self._prompts(ask)
        self._check_room(ask, prompts)
        work = Work(ask, prompts)
        told: list[Told] = [Began([len(prompt) for prompt in prompts])]
        if ask.kind == "embed" or (ask.echo and ask.logprobs is not None):
            work.unscored.extend(range(len(prompts)))
            self._works[ask.id] = work
            self._reading.append(work)
            return told
        if ask.echo:
            told += [
                Piece(choice, self._said(ask, choice // ask.n, prompts), prompt=True) for choice in range(ask.choices)
            ]
        self._works[ask.id] = work
        try:
            told += self._submit(work)
        except TuneloopError:
            self.cancel(ask.id)
            raise
        return told

    def _submit(self, work: Work) -> list[Told]:
        """Ask the engine for every choice; where nothing is to be written, they end at once."""
        ask = work.ask
        if ask.max_tokens == 0:
            self._works.pop(ask.id, None)
            return [Ended(choice, "length", 0) for choice in range(ask.choices)]
        calls = ask.tools and ask.tool_choice != "none"
        constraint = self._constraint(ask)
        adapter = ask.adapter.name if ask.adapter else None
        for number in range(ask.choices):
            prompt = work.prompts[number // ask.n]
            sampling = self._sampling(ask, number, len(prompt), constraint)
            handle = self.engine.submit(Request(prompt, sampling, adapter))
            work.handles.add(handle)
            reading = tool_calls.Reading(ask.tools, ask.parallel_calls) if calls else None
            self._choices[handle] = Choice(ask, number, reading)
        return []

    def _prompts(self, ask: Ask) -> list[list[int]]:
        tokenizer = self.lm.tokenizer
        if ask.kind != "chat":
            texts = [tokenizer.encode(one, special=True) if isinstance(one, str) else list(one) for one in ask.prompts]
            start = tokenizer.bos if tokenizer.bos is not None else tokenizer.eos
            return [ids or ([] if start is None else [start]) for ids in texts]
        tools = ask.tools if ask.tool_choice != "none" else []
        template = template_of(tokenizer.templates, tokenizer.special, tools=bool(tools))
        if tools and "tools" not in template.source:
            raise AskingError(
                "the model's chat template knows no tools", code="unsupported_parameter", param="tools",
                do="Leave them out, or ask a model whose template names them",
            )  # fmt: skip
        for name in ask.variables:
            if name not in template.variables:
                raise AskingError(
                    f"the model's chat template does not ask for {name!r}", code="unsupported_parameter",
                    param=f"chat_template_kwargs.{name}", do="Leave it out",
                )  # fmt: skip
        try:
            turns = [_turn(message) for message in ask.messages]
            tool_calls.check_history(turns, tools, template, ask.variables)
            return [encode_prompt(turns, tools, tokenizer, template, **ask.variables)]
        except InputError as error:
            raise AskingError(str(error), code="invalid_messages", param="messages") from None

    def _check_room(self, ask: Ask, prompts: Sequence[Sequence[int]]) -> None:
        most = self._room(ask)
        for prompt in prompts:
            if len(prompt) >= most:
                raise AskingError(
                    f"This model's maximum context length is {most} tokens, and the prompt has {len(prompt)}",
                    code="context_length_exceeded",
                    param={"chat": "messages", "text": "prompt", "embed": "input"}[ask.kind],
                    do="Shorten it",
                )

    def _room(self, ask: Ask) -> int:
        return self.lm.config.max_positions - (self.engine.taken(ask.adapter.name) if ask.adapter else 0)

    def _sampling(self, ask: Ask, number: int, prompt: int, constraint: Constraint | None) -> Sampling:
        room = self._room(ask) - prompt
        wanted = ask.max_tokens or (CHAT_TOKENS if ask.kind == "chat" else TEXT_TOKENS)
        most = min(wanted, room)
        return Sampling(
            max_tokens=most,
            min_tokens=min(ask.min_tokens, most),
            temperature=ask.temperature,
            top_p=ask.top_p,
            top_k=ask.top_k,
            seed=None if ask.seed is None else ask.seed + number,
            stop=tuple(ask.stop),
            logprobs=ask.logprobs,
            presence_penalty=ask.presence_penalty,
            frequency_penalty=ask.frequency_penalty,
            logit_bias=tuple(ask.logit_bias.items()),
            constraint=constraint,
        )

    def _constraint(self, ask: Ask) -> Constraint | None:
        if ask.tools and ask.tool_choice not in ("auto", "none"):
            marked = tool_calls.OPEN in template_of(self.lm.tokenizer.templates, {}, tools=True).source
            text = tool_calls.grammar(ask.tools, ask.tool_choice, ask.parallel_calls, marked)
            return Constraint.lark(text, "the demanded call")
        kind = ask.form["type"] if ask.form else "text"
        if kind == "json_object":
            return Constraint.json_object()
        if kind == "json_schema" and ask.form:
            try:
                return Constraint.json_schema(ask.form["json_schema"].get("schema") or {})
            except TuneloopError as error:
                raise AskingError(str(error), code="invalid_value", param="response_format") from None
        return None

    def _hold(self, ask: Ask) -> bool:
        """Make the engine hold the adapter that is asked for; False where it has to wait for others to end."""
        if ask.adapter is None:
            return True
        name = ask.adapter.name
        if name not in self._used:
            alone = "mixed_adapters" not in self.engine.capabilities
            if alone and self._works:
                return False
            if self._used and (alone or len(self._used) >= self.most):
                unused = [one for one in self._used if not self._in_use(one)]
                if not unused or not self._let_go(unused[0]):
                    return False
            self.engine.add_adapter(name, ask.adapter.folder)
        self._used.pop(name, None)
        self._used[name] = None  # the newest stands last
        return True

    def _in_use(self, adapter: str) -> bool:
        return any(work.ask.adapter is not None and work.ask.adapter.name == adapter for work in self._works.values())

    def _let_go(self, adapter: str) -> bool:
        try:
            self.engine.drop_adapter(adapter)
        except ConflictError:
            return False
        del self._used[adapter]
        return True

    def _read(self, work: Work) -> Batch:
        """Score or embed the next stretch of a work's prompts."""
        ask, name = work.ask, work.ask.adapter.name if work.ask.adapter else None
        taken = [work.unscored.popleft()]
        tokens = len(work.prompts[taken[0]])
        while work.unscored and tokens + len(work.prompts[work.unscored[0]]) <= STRETCH:
            tokens += len(work.prompts[work.unscored[0]])
            taken.append(work.unscored.popleft())
        prompts = [work.prompts[place] for place in taken]
        told: list[Told] = []
        try:
            if ask.kind == "embed":
                rows = self.engine.embed(prompts, name)
                work.width = rows.shape[1]
                work.vectors += [row.astype("<f4").tobytes() for row in rows]
            else:
                for place, scored in zip(taken, self.engine.score(prompts, name, ask.logprobs or 0), strict=True):
                    logs = [self._log(token) for token in scored]
                    text = self._said(ask, place, work.prompts)
                    told += [Piece(place * ask.n + one, text, logs, 0, prompt=True) for one in range(ask.n)]
            if not work.unscored:
                self._reading.popleft()
                if ask.kind == "embed":
                    del self._works[ask.id]
                    told.append(Vectors(work.width, b"".join(work.vectors)))
                else:
                    told += self._submit(work)
        except TuneloopError as error:
            self.cancel(ask.id)
            told = [failure(error)]
        return [(ask.id, one) for one in told]

    def _said(self, ask: Ask, place: int, prompts: Sequence[Sequence[int]]) -> str:
        """The prompt's text, for `echo`."""
        given = ask.prompts[place]
        return given if isinstance(given, str) else self.lm.tokenizer.decode(prompts[place], skip_special=False)

    def _written(self, handle: int, choice: Choice, event: Event) -> Iterator[Told]:
        """What an event of the engine tells of a choice."""
        if isinstance(event, Token):
            if choice.ask.logprobs is not None:
                choice.logs.append(self._log(event))
            text = choice.reading.add(event.text) if choice.reading else event.text
            choice.untold += 1
            if text or choice.logs:
                logs, tokens = choice.logs, choice.untold
                choice.logs, choice.untold = [], 0
                yield Piece(choice.number, text, logs, tokens)
            return
        del self._choices[handle]
        work = self._works[choice.ask.id]
        work.handles.discard(handle)
        work.ended += 1
        if work.ended == choice.ask.choices:
            del self._works[choice.ask.id]
        yield from _end(choice, event)

    def _log(self, token: Token) -> Log:
        return Log(
            *self._spelled(token.id),
            token.logprob,
            [(*self._spelled(number), logprob) for number, logprob in token.top],
        )

    def _spelled(self, token: int) -> tuple[str, bytes]:
        if self._vocabulary is None:
            self._vocabulary = Vocabulary(self.lm.tokenizer, self.lm.config.vocab, self.lm.end_ids)
        written = self._vocabulary.bytes_of(token)
        return written.decode("utf-8", errors="replace"), written


def _turn(message: dict[str, Any]) -> Turn:
    """A message of the protocol, its content a text already; `developer` is the newer name of `system`."""
    role: Any = "system" if message["role"] == "developer" else message["role"]
    return Turn(
        role,
        message.get("content") or "",
        name=message.get("name"),
        tool_calls=tuple(message.get("tool_calls") or ()),
        tool_call_id=message.get("tool_call_id"),
    )


def _end(choice: Choice, event: Finished) -> Iterator[Told]:
    rest, calls = choice.reading.end() if choice.reading else ("", [])
    if rest:
        yield Piece(choice.number, rest, tokens=0)
    reason: Any = "tool_calls" if calls and event.reason == "stop" else event.reason
    yield Ended(choice.number, reason, len(event.ids), calls)


def failure(error: TuneloopError) -> Failed:
    """A mistake as the asker is told of it."""
    if isinstance(error, AskingError):
        return error.failed
    told = error.as_dict()
    status = 404 if error.code == "not_found" else 409 if error.code == "conflict" else 400
    return Failed(status, told.pop("code"), told.pop("message"), told.pop("field", None), told)
