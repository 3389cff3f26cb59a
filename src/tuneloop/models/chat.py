"""From a conversation to token ids, and to the mask of what is trained on: the assistant's words and nothing else.

The mask comes from the text: the conversation is rendered up to each assistant turn (with the prompt that asks for an
answer) and through it, and what the second adds to the first is what the model would have had to write, its end token
included.  Where a template renders a prefix differently than the whole (reasoning dropped from earlier turns), the turn
is found by putting another text in its place and comparing.  Template markers (`{% generation %}`) are never used: in
transformers 5.23 their mask can spill over all that follows a turn.  Every record's mask is checked against its turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

from tuneloop.errors import InputError
from tuneloop.models.templates import ChatTemplate
from tuneloop.models.tokenizer import Tokenizer
from tuneloop.records import Record, Turn

STAND_IN = "\ue123\ue124"
"""Two private-use characters, put in the place of a turn's words to find where they stood."""


class Encoded(NamedTuple):
    """`mask[i]` is the weight of predicting token i: 0 outside the assistant's turns, else the turn's weight."""

    ids: list[int]
    mask: list[float]


class Span(NamedTuple):
    """Characters [start, end) of the rendered text that assistant turn `turn` has written."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """One stretch of tokens for the preview: those of assistant turn `turn`, or what lies between (`turn` None)."""

    turn: int | None
    ids: list[int]
    text: str
    weight: float


def encode_chat(
    messages: Sequence[Turn], tools: Sequence[Any], tokenizer: Tokenizer, template: ChatTemplate, **variables: Any
) -> Encoded:
    """Token ids of the whole conversation, as transformers would make them, and our mask.

    Raises InputError with the reason where the template refuses the conversation, or the mask cannot be proven right.
    """
    text, spans = render_spans(messages, tools, template, **variables)
    ids, offsets = tokenizer.encode_spans(text)
    owner = _owners(offsets, spans)
    _check(owner, spans, messages)
    weights = {span.turn: _weight(messages[span.turn]) for span in spans}
    return Encoded(ids, [0.0 if turn is None else weights[turn] for turn in owner])


def encode_record(record: Record, tokenizer: Tokenizer, template: ChatTemplate, **variables: Any) -> Encoded:
    """The same for a chat record; a record of another kind is a bug of the caller."""
    if record.kind != "chat":
        raise ValueError(f"a record of kind {record.kind} is not a conversation")
    return encode_chat(record.messages, record.tools, tokenizer, template, **variables)


def encode_prompt(
    messages: Sequence[Turn], tools: Sequence[Any], tokenizer: Tokenizer, template: ChatTemplate, **variables: Any
) -> list[int]:
    """Token ids of a conversation that waits for the assistant's answer."""
    return tokenizer.encode(template.render(messages, tools, add_generation_prompt=True, **variables))


def preview(
    messages: Sequence[Turn], tools: Sequence[Any], tokenizer: Tokenizer, template: ChatTemplate, **variables: Any
) -> list[Piece]:
    """Exactly what training would see, cut where trained and untrained tokens meet."""
    text, spans = render_spans(messages, tools, template, **variables)
    ids, offsets = tokenizer.encode_spans(text)
    owner = _owners(offsets, spans)
    _check(owner, spans, messages)
    pieces: list[Piece] = []
    for token, turn in zip(ids, owner, strict=True):
        if not pieces or pieces[-1].turn != turn:
            pieces.append(Piece(turn, [], "", 0.0 if turn is None else _weight(messages[turn])))
        pieces[-1].ids.append(token)
    return [replace(piece, text=tokenizer.decode(piece.ids, skip_special=False)) for piece in pieces]


def render_spans(
    messages: Sequence[Turn], tools: Sequence[Any], template: ChatTemplate, **variables: Any
) -> tuple[str, list[Span]]:
    """The rendered conversation and where each assistant turn stands in it."""
    text = template.render(messages, tools, **variables)
    spans: list[Span] = []
    for index, turn in enumerate(messages):
        if turn.role != "assistant":
            continue
        start = _start(text, messages, index, tools, template, variables)
        end = _end(text, messages, index, tools, template, variables)
        spans.append(Span(index, start, end))
    return text, spans


def _start(
    text: str, messages: Sequence[Turn], index: int, tools: Sequence[Any], template: ChatTemplate, variables: Any
) -> int:
    if index:
        before = template.render(messages[:index], tools, add_generation_prompt=True, **variables)
        if text.startswith(before):
            return len(before)
    other = _with_stand_in(messages, index, tools, template, variables)
    return _shared(text, other)


def _end(
    text: str, messages: Sequence[Turn], index: int, tools: Sequence[Any], template: ChatTemplate, variables: Any
) -> int:
    if index == len(messages) - 1:
        return len(text)
    through = template.render(messages[: index + 1], tools, **variables)
    if text.startswith(through):
        return len(through)
    # what follows the turn's words up to the next turn's: the end of this turn lies where both renderings of it agree
    other = _with_stand_in(messages, index, tools, template, variables)
    words_end = len(text) - _shared(text[::-1], other[::-1])
    alone = _with_stand_in(messages[: index + 1], index, tools, template, variables)
    closing = alone[alone.rindex(STAND_IN) + len(STAND_IN) :] if STAND_IN in alone else ""
    return words_end + _shared(text[words_end:], closing)


def _shared(one: str, other: str) -> int:
    """How many characters two texts share at their beginnings."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def _with_stand_in(
    messages: Sequence[Turn], index: int, tools: Sequence[Any], template: ChatTemplate, variables: Any
) -> str:
    turn = messages[index]
    other = Turn(role="assistant", content=STAND_IN)
    if turn.tool_calls and not turn.text:
        other = replace(other, tool_calls=turn.tool_calls)
    return template.render([*messages[:index], other, *messages[index + 1 :]], tools, **variables)


def _weight(turn: Turn) -> float:
    return 1.0 if turn.weight is None else float(turn.weight)


def _owners(offsets: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[int | None]:
    """For each token the assistant turn that wrote it: the one whose span holds the token's last character."""
    owners: list[int | None] = []
    waiting = list(spans)
    for start, end in offsets:
        while waiting and max(start, end - 1) >= waiting[0].end:
            waiting.pop(0)
        inside = bool(waiting) and end > start and end > waiting[0].start
        owners.append(waiting[0].turn if inside else None)
    return owners


def _check(owners: Sequence[int | None], spans: Sequence[Span], messages: Sequence[Turn]) -> None:
    """Every assistant turn must own tokens, spans must not overlap, and no token outside of them may be trained."""
    if not spans:
        raise InputError("the conversation has no assistant turn, so there is nothing to train on")
    for before, after in pairwise(spans):
        if after.start < before.end:
            raise InputError(
                f"the template mixes assistant turns {before.turn + 1} and {after.turn + 1}, so the trained words "
                "cannot be told apart"
            )
    for span in spans:
        if (messages[span.turn].text.strip() or messages[span.turn].tool_calls) and span.turn not in owners:
            raise InputError(f"the template leaves out the words of assistant turn {span.turn + 1}")
