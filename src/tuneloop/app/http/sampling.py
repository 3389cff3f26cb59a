"""What requests for chat and for completions have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from tuneloop.app.http.errors import HttpError, unsupported
from tuneloop.serve.asking import Ask

Stop = Annotated[str, Field(min_length=1, max_length=1000)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    include_usage: StrictBool | None = None
    include_obfuscation: StrictBool | None = None


class Ours(BaseModel):
    """What we add to the protocol: tags for the log of exchanges."""

    model_config = ConfigDict(extra="forbid")
    tags: dict[str, str] = Field(default_factory=dict, max_length=16)


class Sampled(BaseModel):
    """Fields without effect on the output are taken and not used: `user`, `metadata`, `store`, `service_tier` and the
    hints for caches.  `top_k` and `min_tokens` are ours and vLLM's."""

    model_config = ConfigDict(extra="forbid")
    model: str = Field(min_length=1, max_length=500)
    max_tokens: StrictInt | None = Field(None, ge=0)
    n: StrictInt | None = Field(None, ge=1, le=128)
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = None
    top_k: StrictInt | None = Field(None, ge=0)
    min_tokens: StrictInt | None = Field(None, ge=0)
    seed: StrictInt | None = Field(None, ge=-(2**63), le=2**63 - 1)
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[Number, Field(ge=-100, le=100)]] | None = Field(None, max_length=1024)
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, max_length=512)
    tuneloop: Ours | None = None

    @property
    def tells_usage(self) -> bool:
        return bool(self.stream and self.stream_options and self.stream_options.include_usage)

    def drawn(self) -> dict[str, Any]:
        """The fields of an Ask that say how tokens are drawn."""
        if self.stream_options is not None and not self.stream:
            raise HttpError(
                400, "`stream_options` needs `stream`.", code="invalid_value", param="stream_options"
            )  # fmt: skip
        return {
            "n": self.n or 1,
            "max_tokens": self.max_tokens,
            "min_tokens": self.min_tokens or 0,
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "top_p": 1.0 if self.top_p is None else self.top_p,
            "top_k": self.top_k or 0,
            "seed": None if self.seed is None else self.seed % 2**63,
            "stop": [self.stop] if isinstance(self.stop, str) else list(self.stop or ()),
            "presence_penalty": self.presence_penalty or 0.0,
            "frequency_penalty": self.frequency_penalty or 0.0,
            "logit_bias": self._bias(),
        }

    def _bias(self) -> dict[int, float]:
        try:
            return {int(token): bias for token, bias in (self.logit_bias or {}).items()}
        except ValueError:
            raise HttpError(
                400, "The keys of `logit_bias` are token ids.", code="invalid_value", param="logit_bias"
            ) from None


def refuse(body: BaseModel, fields: Sequence[str], harmless: Sequence[Any] = ()) -> None:
    """Raise for the first of `fields` that is given a value that would change the output."""
    for name in fields:
        value = getattr(body, name)
        if value is not None and value not in harmless:
            raise unsupported(name, "Leave it out.")


def ask_of(kind: Literal["chat", "text"], body: Sampled, **more: Any) -> Ask:
    return Ask(kind, **{**body.drawn(), **more})
