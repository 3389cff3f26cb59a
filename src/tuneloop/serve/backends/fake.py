from __future__ import annotations

import asyncio
import hashlib
import math
import struct
from collections.abc import AsyncGenerator
from typing import ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.serve.asking import Ask, Began, Ended, Failed, Log, Piece, Ready, Told, Vectors
from tuneloop.serve.backend import Backend
from tuneloop.wording import Words


class FakeBackend(Backend):
    """Answers without a model, for tests and for trying a client out: it says the last message again, in capitals, one
    character a token; prompts count a token for each character."""

    title: ClassVar[Words] = Words("no model", "无模型")
    help: ClassVar[Words] = Words("Pretends to answer.", "不加载模型的模拟回答。")
    context: int = setting(4096, ge=2, en="tokens of prompt and answer together", zh="提示词与回答的词元总数")
    delay: float = setting(0.0, ge=0, en="seconds before each piece", zh="每个片段前的等待秒数")

    _over: bool = PrivateAttr(default=False)
    _asked: list[Ask] = PrivateAttr(default_factory=list)
    _left: int = PrivateAttr(default=0)

    @property
    def over(self) -> bool:
        return self._over

    @property
    def asked(self) -> list[Ask]:
        """Everything that was asked, for tests."""
        return self._asked

    @property
    def left(self) -> int:
        """How many asks were left before their end."""
        return self._left

    async def start(self) -> None:
        self._ready = Ready(self.context, "none", "fake", 0.0)

    async def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        self._asked.append(ask)
        texts = self._texts(ask)
        if any(len(text) >= self.context for text in texts):
            yield Failed(
                400, "context_length_exceeded", f"This model's maximum context length is {self.context} tokens.",
                {"chat": "messages", "text": "prompt", "embed": "input"}[ask.kind],
            )  # fmt: skip
            return
        yield Began([len(text) for text in texts])
        if ask.kind == "embed":
            yield Vectors(4, b"".join(_vector(text) for text in texts))
            return
        ended = False
        try:
            for choice in range(ask.choices):
                async for told in self._choice(ask, choice, texts[choice // ask.n]):
                    yield told
            ended = True
        finally:
            self._left += not ended

    async def _choice(self, ask: Ask, choice: int, text: str) -> AsyncGenerator[Told]:
        if ask.echo:
            logs = [] if ask.logprobs is None else [_log(letter, place) for place, letter in enumerate(text)]
            yield Piece(choice, text, logs, 0, prompt=True)
        answer = text.upper() or "."
        for stop in ask.stop:
            answer = answer.partition(stop)[0]
        limit = len(answer) if ask.max_tokens is None else ask.max_tokens
        for place, letter in enumerate(answer[:limit]):
            await asyncio.sleep(self.delay)
            yield Piece(choice, letter, [] if ask.logprobs is None else [_log(letter, place + 1)])
        yield Ended(choice, "length" if limit < len(answer) else "stop", min(limit, len(answer)))

    def _texts(self, ask: Ask) -> list[str]:
        if ask.kind == "chat":
            return [str(ask.messages[-1].get("content") or "")]
        return [one if isinstance(one, str) else "".join(map(chr, one)) for one in ask.prompts]

    async def stop(self) -> None:
        self._over = True


def _vector(text: str) -> bytes:
    numbers = [byte + 1.0 for byte in hashlib.sha256(text.encode()).digest()[:4]]
    length = math.hypot(*numbers)
    return struct.pack("<4f", *(number / length for number in numbers))


def _log(letter: str, place: int) -> Log:
    written = letter.encode()
    return Log(letter, written, None if place == 0 else -0.5, [] if place == 0 else [(letter, written, -0.5)])
