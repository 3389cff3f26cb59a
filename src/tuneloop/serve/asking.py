"""What is asked of a loaded base, and what it tells: the messages between the service's process and those of engines.

    Ask       one request of the protocol: a conversation, prompts to go on with, or texts to turn into vectors
    Began     it was taken: the tokens of each prompt
    Piece     more of one choice
    Ended     a choice is over
    Usage     what an endpoint elsewhere has counted
    Vectors   the answer to `embed`
    Failed    nothing more will come

`Began` comes first, then pieces of all choices in any order and one `Ended` each; the last one ends the request.  On
the wire a message is four bytes of length (big end first) and msgpack.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tuneloop.errors import TuneloopError

LENGTH = 4
MOST = 1 << 30
"""Bytes of one message; a longer one can only be a mistake."""


class Held(msgspec.Struct, frozen=True, array_like=True):
    """An adapter by the name that it is held under, and its folder."""

    name: str
    folder: str


class Ask(msgspec.Struct, tag=True, omit_defaults=True):
    """`prompts` are texts or token ids (`kind` "text" and "embed"), `messages` a conversation ("chat").

    `model` is the name that an endpoint elsewhere knows; `form` the protocol's `response_format`; `variables` go to the
    chat template; `logprobs` is how many likely tokens to tell beside the chosen one (None: tell nothing).
    `tool_choice` is `auto`, `none`, `required` or the name of a function.
    """

    kind: Literal["chat", "text", "embed"]
    id: int = 0
    model: str = ""
    adapter: Held | None = None
    messages: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []
    tool_choice: str = "auto"
    parallel_calls: bool = True
    variables: dict[str, Any] = {}
    prompts: list[str | list[int]] = []
    echo: bool = False
    n: int = 1
    max_tokens: int | None = None
    min_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: list[str] = []
    logprobs: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] = {}
    form: dict[str, Any] | None = None

    @property
    def choices(self) -> int:
        return self.n * max(1, len(self.prompts))


class Cancel(msgspec.Struct, tag=True):
    id: int


class Drop(msgspec.Struct, tag=True):
    """Let go of an adapter, when nothing uses it."""

    adapter: str


Order = Ask | Cancel | Drop


class Log(msgspec.Struct, array_like=True):
    """A token with its log-probability; `written` are the bytes of it, `text` the same for a person to read."""

    text: str
    written: bytes
    logprob: float | None = None
    top: list[tuple[str, bytes, float]] = []


class Began(msgspec.Struct, tag=True):
    prompt_tokens: list[int]


class Piece(msgspec.Struct, tag=True, omit_defaults=True):
    """`prompt` marks what was asked to be repeated (`echo`)."""

    choice: int
    text: str
    logs: list[Log] = []
    tokens: int = 1
    prompt: bool = False


class Call(msgspec.Struct, array_like=True):
    """`arguments` are JSON as a text."""

    id: str
    name: str
    arguments: str


class Ended(msgspec.Struct, tag=True, omit_defaults=True):
    choice: int
    reason: Literal["stop", "length", "tool_calls", "cancelled"]
    tokens: int
    calls: list[Call] = []


class Usage(msgspec.Struct, tag=True):
    """Tokens as an endpoint elsewhere counts them; where it comes, it holds instead of the sums of the others."""

    prompt: int
    completion: int


class Vectors(msgspec.Struct, tag=True):
    """float32, little end first, one after another; `size` numbers each."""

    size: int
    data: bytes


class Failed(msgspec.Struct, tag=True, omit_defaults=True):
    """`status` is HTTP's; `more` what a mistake says in parts (found, expected, do)."""

    status: int
    code: str | None
    message: str
    param: str | None = None
    more: dict[str, Any] | None = None


class Ready(msgspec.Struct, tag=True):
    """A process has loaded its base."""

    context: int
    dtype: str
    engine: str
    seconds: float


Told = Began | Piece | Ended | Usage | Vectors | Failed | Ready
Batch = list[tuple[int, Told]]
"""What one step brought, by the id of the request; `Ready` comes under 0."""


class AskingError(TuneloopError):
    """A request that cannot be answered, with the protocol's word for it and the parameter."""

    def __init__(self, message: str, *, code: str, param: str | None = None, status: int = 400, do: str = "") -> None:
        super().__init__(message, do=do)
        self.failed = Failed(status, code, str(self), param)


_encoder = msgspec.msgpack.Encoder()
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_batch = msgspec.msgpack.Decoder(Batch).decode


def frame(message: Any) -> bytes:
    """A message as it goes over the wire."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH, "big") + body
