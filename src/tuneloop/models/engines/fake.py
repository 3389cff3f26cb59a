from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.models.engine import Capability, Engine, Event, Finished, Request, Token
from tuneloop.wording import Words


class FakeEngine(Engine):
    """Answers without a model, for trying out whatever talks to an engine: a fixed list of answers in turn, one
    character a token, or without a list the prompt's ids read as characters, in capitals."""

    title: ClassVar[Words] = Words("no model", "无模型")
    help: ClassVar[Words] = Words(
        "Pretends to answer; for tests and for trying out.", "不加载模型的模拟回答，用于测试和试用。"
    )
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"mixed_adapters", "seed", "batch", "cancel"})
    answers: tuple[str, ...] = setting(
        (), en="What it answers, one after another, then again.", zh="依次给出的回答，循环使用"
    )

    _names: list[str] = PrivateAttr(default_factory=list)
    _work_list: Any = PrivateAttr(default_factory=dict)
    _told: int = PrivateAttr(default=0)

    @property
    def adapters(self) -> list[str]:
        return sorted(self._names)

    def add_adapter(self, name: str, folder: str | Path) -> None:
        self._names.append(name)

    def drop_adapter(self, name: str) -> None:
        if name in self._names:
            self._names.remove(name)

    def _admit(self, handle: int, request: Request) -> None:
        if self.answers:
            answer = self.answers[self._told % len(self.answers)]
            self._told += 1
        else:
            answer = "".join(map(chr, request.prompt)).upper()
        limited = answer[: request.sampling.max_tokens]
        self._work_list[handle] = (request, limited, len(limited) < len(answer), deque(limited))

    def _advance(self) -> list[tuple[int, Event]]:
        events: list[tuple[int, Event]] = []
        for handle, (request, answer, cut, left) in list(self._work_list.items()):
            if left:
                letter = left.popleft()
                events.append((handle, Token(ord(letter), letter)))
            else:
                ids = tuple(map(ord, answer))
                events.append((handle, Finished("length" if cut else "stop", answer, ids, len(request.prompt))))
                del self._work_list[handle]
        return events

    def _withdraw(self, handle: int) -> Finished:
        request, answer, _, left = self._work_list.pop(handle)
        told = answer[: len(answer) - len(left)]
        return Finished("cancelled", told, tuple(map(ord, told)), len(request.prompt))
