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

    Where the template ends the last answer without any special token, the tokenizer's end token is put behind it:
    without one the model could never learn to stop.  Raises InputError with the reason where the template refuses the
    conversation, or the mask cannot be proven right.
    """
    ids, owner = _owned(messages, tools, tokenizer, template, variables)
    return Encoded(ids, [0.0 if turn is None else _weight(messages[turn]) for turn in owner])


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
    ids, owner = _owned(messages, tools, tokenizer, template, variables)
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
    for index, turn in enumerate(messages):
        if turn.role == "tool":
            _check_outside(text, spans, messages, index, tools, template, variables)
    return text, spans


def _check_outside(
    text: str,
    spans: Sequence[Span],
    messages: Sequence[Turn],
    index: int,
    tools: Sequence[Any],
    template: ChatTemplate,
    variables: Any,
) -> None:
    """Some templates write a tool's answer into the assistant's turn, where it would be trained on as its words."""
    other = [*messages[:index], replace(messages[index], content=STAND_IN), *messages[index + 1 :]]
    place = _shared(text, template.render(other, tools, **variables))
    for span in spans:
        if span.start < place < span.end:
            raise InputError(
                f"the template writes the tool's answer (message {index + 1}) into the assistant's message "
                f"{span.turn + 1}, so the two cannot be told apart"
            )


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


def _owned(
    messages: Sequence[Turn], tools: Sequence[Any], tokenizer: Tokenizer, template: ChatTemplate, variables: Any
) -> tuple[list[int], list[int | None]]:
    """Ids, and for each the assistant turn that wrote it."""
    text, spans = render_spans(messages, tools, template, **variables)
    _check_spans(text, spans, messages)
    ids, offsets = tokenizer.encode_spans(text)
    owner = _owners(offsets, spans)
    _check_tokens(text, offsets, owner, spans)
    last = spans[-1].turn
    if tokenizer.eos is not None and last == len(messages) - 1 and not _ended(ids, tokenizer):
        ids.append(tokenizer.eos)
        owner.append(last)
    return ids, owner


def _ended(ids: Sequence[int], tokenizer: Tokenizer) -> bool:
    """Whether the text closes with a special token; line breaks may follow it."""
    closing = tokenizer.special_ids | {tokenizer.eos}
    return any(token in closing for token in ids[-2:])


def _check_spans(text: str, spans: Sequence[Span], messages: Sequence[Turn]) -> None:
    """Every assistant turn stands in the text with its words, in order, and no two share any of it."""
    if not spans:
        raise InputError("the conversation has no assistant turn, so there is nothing to train on")
    for before, after in pairwise(spans):
        if after.start < before.end:
            raise InputError(
                f"the template mixes messages {before.turn + 1} and {after.turn + 1}, so the trained words "
                "cannot be told apart"
            )
    for span in spans:
        turn, written = messages[span.turn], text[span.start : span.end]
        words = turn.text.rpartition("</think>")[2].strip()  # templates move or drop what was thought before
        if words not in written:
            raise InputError(f"the template leaves out or changes the words of message {span.turn + 1}")
        for call in turn.tool_calls:
            name = str((call.get("function") or call).get("name", "")) if isinstance(call, dict) else ""
            if name not in written:
                raise InputError(f"the template leaves out the call of {name!r} in message {span.turn + 1}")


def _check_tokens(
    text: str, offsets: Sequence[tuple[int, int]], owners: Sequence[int | None], spans: Sequence[Span]
) -> None:
    """The trained tokens are those of the assistant's turns, all of them, and no others.

    A token may reach over an edge of a turn; what is then left over or uncovered must be blank.
    """
    for span in spans:
        mine = [place for place, owner in zip(offsets, owners, strict=True) if owner == span.turn]
        start = min((place[0] for place in mine), default=span.end)
        end = max((place[1] for place in mine), default=span.start)
        missed = text[span.start : max(start, span.start)] + text[min(end, span.end) : span.end]
        spilt = text[min(start, span.start) : span.start] + text[span.end : max(end, span.end)]
        if any(piece.strip() and not _half_mark(piece) for piece in (missed, spilt)):
            raise InputError(f"the tokens of message {span.turn + 1} cannot be told apart from those around it")


def _half_mark(piece: str) -> bool:
    """The beginning of a special token, where the end of a turn was found by comparing two texts."""
    return piece.startswith("<") and ">" not in piece
