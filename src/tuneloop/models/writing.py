"""The answer of one request as it grows: tokens to text, end tokens, stop texts."""

from __future__ import annotations

from collections.abc import Collection

from tuneloop.models.engine import Reason, Request
from tuneloop.models.tokenizer import Tokenizer

HALF = "\ufffd"
"""What decoding gives for the first bytes of a character that is not whole yet."""


class Writing:
    """Text is handed out as soon as it is certain: not in the middle of a character, not while it may begin a stop.

    Where nobody reads along and no text stops the answer, tokens become text when it is asked for.
    """

    def __init__(self, request: Request, tokenizer: Tokenizer, ends: Collection[int]) -> None:
        self.request, self._tokenizer, self._ends = request, tokenizer, ends
        self.ids: list[int] = []
        self.reason: Reason | None = None
        self._late = not (request.stream or request.sampling.stop)
        self._text = ""
        self._told = 0
        self._cut = False
        self._settled = 0
        self._before = ""

    @property
    def text(self) -> str:
        """The answer so far, the end token left out, and at its end the beginning of a character that was cut off."""
        if self._late:
            ended = bool(self.ids) and self.ids[-1] in self._ends
            return self._tokenizer.decode(self.ids[:-1] if ended else self.ids).rstrip(HALF)
        return self._text.rstrip(HALF) if self.reason and not self._cut else self._text

    def add(self, token: int, whole: bool = False) -> str:
        """Take one more token; returns the text that it makes certain, and sets `reason` when the answer is over
        (`whole`: its form lets nothing follow)."""
        self.ids.append(token)
        if token in self._ends or (not self._late and self._stopped()) or whole:
            self.reason = "stop"
        elif len(self.ids) >= self.request.sampling.max_tokens:
            self.reason = "length"
        if self._late:
            return ""
        certain = len(self.text) if self.reason else len(self.text) - self._uncertain()
        told, self._told = self.text[self._told : certain], max(certain, self._told)
        return told

    def _decode(self) -> None:
        """Decode the last stretch only: from the last point where the text was whole."""
        fresh = self._tokenizer.decode(self.ids[self._settled :])
        lead = self._tokenizer.decode(self.ids[max(0, self._settled - 1) : self._settled])
        both = self._tokenizer.decode(self.ids[max(0, self._settled - 1) :])
        # a word piece may owe its leading space to the token before it
        piece = both[len(lead) :] if both.startswith(lead) else fresh
        self._text = self._before + piece
        if not piece.endswith(HALF) and piece:
            self._before, self._settled = self._text, len(self.ids)

    def _stopped(self) -> bool:
        self._decode()
        certain = self._text.rstrip(HALF)
        places = [certain.find(stop) for stop in self.request.sampling.stop if stop in certain]
        if places:
            self._text = self._text[: min(places)]
        self._cut = bool(places)
        return self._cut

    def _uncertain(self) -> int:
        """Characters at the end that may yet change, or turn out to begin a stop text."""
        waiting = 0
        for stop in self.request.sampling.stop:
            for size in range(min(len(stop) - 1, len(self.text)), 0, -1):
                if self.text.endswith(stop[:size]):
                    waiting = max(waiting, size)
                    break
        half = len(self.text) - len(self.text.rstrip(HALF))
        return max(waiting, half)
