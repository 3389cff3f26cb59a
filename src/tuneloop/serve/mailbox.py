"""What an engine's process tells of one request, until its reader takes it.

A slow reader must hold nobody up, and must not fill the memory: pieces that nobody has taken yet are joined, so a box
holds at most one for each choice and kind, whatever the engine writes.  What is held is at most the answer itself.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tuneloop.serve.asking import Began, Failed, Piece, Told, Vectors


class Mailbox:
    def __init__(self, choices: int) -> None:
        self._left = choices
        self._waiting: deque[Told] = deque()
        self._pieces: dict[tuple[int, bool], Piece] = {}
        self._arrived = asyncio.Event()

    def put(self, told: Told) -> None:
        if isinstance(told, Piece):
            key = (told.choice, told.prompt)
            held = self._pieces.get(key)
            if held is not None:
                held.text += told.text
                held.logs += told.logs
                held.tokens += told.tokens
                return
            self._pieces[key] = told
        else:
            self._pieces.clear()  # nothing joins over an end
        self._waiting.append(told)
        self._arrived.set()

    async def take(self) -> Told:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        told = self._waiting.popleft()
        if isinstance(told, Piece):
            self._pieces.pop((told.choice, told.prompt), None)
        return told

    def last(self, told: Told) -> bool:
        """Whether nothing comes after `told`; asked once for each, in order."""
        if isinstance(told, Failed | Vectors):
            return True
        if not isinstance(told, Piece | Began):
            self._left -= 1
        return self._left == 0
