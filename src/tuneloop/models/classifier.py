"""A model with a classifying head, ready to be asked: texts in, the probability of each class out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneloop.errors import InputError, UsageError
from tuneloop.records import ModelVersion, Record
from tuneloop.store.models import model, model_folder

if TYPE_CHECKING:
    import torch

    from tuneloop.models.heads import Head
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store import Workspace

BATCH_TOKENS = 4096
EMPTY = "the text is empty"


class Text(NamedTuple):
    """A record's token ids as a head reads them, and how many more it had."""

    ids: list[int]
    cut: int


@dataclass(frozen=True)
class Classifier:
    lm: LanguageModel
    head: Head

    @property
    def labels(self) -> tuple[str, ...]:
        return self.head.labels

    def probabilities(self, records: Iterable[Record], told: Callable[[int], None] = lambda done: None) -> torch.Tensor:
        """[N, K] float32; raises InputError for a record without text, or one that the chat template refuses.

        `told` hears how many are done.
        """
        import torch

        from tuneloop.models.packed import Packed

        found, done = [], 0
        limit = self.head.max_length or self.lm.room
        for batch in _batches(encode(list(records), self.lm, limit)):
            packed = Packed.of([(ids, [0.0] * len(ids)) for ids in batch]).to(self.lm.device)
            with torch.no_grad():
                found.append(self.head.read(self.lm, packed).softmax(dim=1).cpu())
            done += len(batch)
            told(done)
        return torch.cat(found) if found else torch.zeros(0, len(self.labels))

    def predict(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """The probability of each label, by name, the likeliest first."""
        rows = self.probabilities([Record("label", text=text) for text in texts]).tolist()
        return [dict(sorted(zip(self.labels, row, strict=True), key=lambda one: -one[1])) for row in rows]


def load_classifier(ws: Workspace, version: ModelVersion | str, **how: Any) -> Classifier:
    """A model version with its head; raises UsageError where it was not trained to classify.  `how` is for `load`."""
    from tuneloop.models.heads import Head
    from tuneloop.models.versions import load_version

    found = model(ws, version) if isinstance(version, str) else version
    if found.objective != "classify":
        raise UsageError(
            f"{found.name} was trained by {found.objective} and has no classes",
            expected="a model version that was trained by classify",
        )
    folder = model_folder(ws, found)
    lm = load_version(ws, found, **how)
    return Classifier(lm, Head.load(folder, lm.device))


def encode(records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Text | InputError]:
    """What the head reads of each record, or why there is nothing: it has no text, or the template refuses it."""
    texts = iter(lm.tokenizer.encode_many([one.text or "" for one in records if not one.messages], special=True))
    found: list[Text | InputError] = []
    for one in records:
        try:
            found.append(_dialogue(one, lm, limit) if one.messages else _text(one, next(texts), lm, limit))
        except InputError as error:
            found.append(error)
    return found


def _text(record: Record, ids: list[int], lm: LanguageModel, limit: int) -> Text:
    """The beginning of the text, closed by the model's end token (an encoder's tokenizer closes it by its own)."""
    if not (record.text or "").strip():
        raise InputError(EMPTY, expected="some words")
    end = lm.tokenizer.eos
    if lm.generates and end is not None and ids[-1:] != [end]:
        ids = [*ids, end]
    closed = not lm.generates or ids[-1:] == [end]
    short = [*ids[: limit - 1], ids[-1]] if closed else ids[:limit]
    return Text(ids if len(ids) <= limit else short, max(0, len(ids) - limit))


def _dialogue(record: Record, lm: LanguageModel, limit: int) -> Text:
    """A dialogue as the chat template writes it, up to where the model would answer; of a long one the end counts.

    An encoder has no template of its own: it reads the turns as lines.
    """
    if not any(turn.text.strip() for turn in record.messages):
        raise InputError(EMPTY, expected="some words")
    if not lm.generates:
        plain = Record("label", text=record.full_text)
        return _text(plain, lm.tokenizer.encode(record.full_text, special=True), lm, limit)
    asked = record.messages[-1].role != "assistant"
    ids = lm.tokenizer.encode(lm.template.render(record.messages, record.tools, add_generation_prompt=asked))
    return Text(ids[-limit:], max(0, len(ids) - limit))


def _batches(texts: Iterable[Text | InputError]) -> Iterator[list[list[int]]]:
    batch: list[list[int]] = []
    filled = 0
    for text in texts:
        if isinstance(text, InputError):
            raise text
        ids = text.ids
        if batch and filled + len(ids) > BATCH_TOKENS:
            yield batch
            batch, filled = [], 0
        batch.append(ids)
        filled += len(ids)
    if batch:
        yield batch
