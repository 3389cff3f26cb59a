"""Answers that can only be of one form: JSON, JSON of a schema, or any grammar, by a mask over each next token.

The grammars are llguidance's (JSON schema drafts 4 to 2020-12 as far as its table goes; a keyword that it does not know
is refused with its sentence, never ignored).  Between JSON's marks at most one line break and 8 blanks may stand: where
any number were allowed, a small model could write blanks until its limit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneloop.errors import UsageError

if TYPE_CHECKING:
    from tuneloop.models.tokenizer import Tokenizer

MOST_CHARACTERS = 128 << 10
"""Of a schema: 2 MB of words to choose from took the engine 9 s, in which nobody else was answered."""
BLANKS = r"\n? {0,8}"


@dataclass(frozen=True)
class Constraint:
    """`grammar` is llguidance's text of it; `of` is what a person calls it, for sentences."""

    grammar: str
    of: str

    @classmethod
    def json_object(cls) -> Constraint:
        """Any JSON object."""
        return cls(_from_schema({"type": "object"}), "a JSON object")

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any]) -> Constraint:
        """JSON that a schema allows; raises UsageError where the schema is none, is too large, or asks for what isn't
        known."""
        if (size := len(json.dumps(schema))) > MOST_CHARACTERS:
            raise UsageError(
                f"the JSON schema has {size} characters",
                expected=f"at most {MOST_CHARACTERS}: others wait while it is read",
            )
        made = cls(_from_schema(schema), "the JSON schema")
        made.check()
        return made

    @classmethod
    def lark(cls, text: str, of: str) -> Constraint:
        """A grammar in llguidance's form of Lark, which may hold `%json { schema }`."""
        from llguidance import LLMatcher

        made = cls(LLMatcher.grammar_from_lark(text), of)
        made.check()
        return made

    def check(self) -> None:
        """Raises UsageError where llguidance refuses the grammar."""
        from llguidance import LLMatcher

        wrong, told = LLMatcher.validate_grammar_with_warnings(self.grammar)
        if wrong:
            raise UsageError(f"{self.of} cannot be followed: {told[0].splitlines()[0]}")


@lru_cache(maxsize=256)
def _compiled(schema: str) -> str:
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_json_schema(
        schema, overrides={"whitespace_flexible": True, "whitespace_pattern": BLANKS}
    )


def _from_schema(schema: Mapping[str, Any]) -> str:
    return _compiled(json.dumps(schema, ensure_ascii=False))


class Vocabulary:
    """A tokenizer as grammars see it: the bytes of every token, made once per model."""

    def __init__(self, tokenizer: Tokenizer, size: int, ends: frozenset[int]) -> None:
        from llguidance import LLTokenizer

        stated = sorted(ends) or None
        self.size = size
        self._known = max(size, tokenizer.size)
        self._tokens = LLTokenizer(tokenizer.engine.to_str(), n_vocab=self._known, eos_token=stated)

    def bytes_of(self, token: int) -> bytes:
        """What a token writes; a special one writes its name."""
        return bytes(self._tokens.decode_bytes([token])) if 0 <= token < self._known else b""

    def follow(self, constraint: Constraint) -> Following:
        return Following(self, constraint)


class Following:
    """One answer under a constraint."""

    def __init__(self, vocabulary: Vocabulary, constraint: Constraint) -> None:
        from llguidance import LLMatcher

        self._size = vocabulary.size
        self._words = -(-vocabulary._known // 32)
        self._matcher = LLMatcher(vocabulary._tokens, constraint.grammar, log_level=0)
        if self._matcher.is_error():
            told = self._matcher.get_error().splitlines()
            raise UsageError(f"{constraint.of} cannot be followed: {told[0] if told else 'the grammar is refused'}")

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """[V] which tokens may come next; the end tokens only where the text is whole."""
        words = np.zeros(self._words, dtype=np.int32)
        self._matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: self._size]
        return bits.astype(np.bool_)

    def take(self, token: int) -> None:
        """The token that was chosen."""
        self._matcher.consume_token(token)

    @property
    def whole(self) -> bool:
        """Whether the text is whole and nothing can follow."""
        return bool(self._matcher.is_stopped())
