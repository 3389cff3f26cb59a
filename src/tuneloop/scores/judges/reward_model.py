"""A model that was trained on preferences scores each answer by its head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.errors import InputError, ModelError
from tuneloop.records import Turn
from tuneloop.scores.judge import Answered
from tuneloop.scores.local_judge import LocalJudge
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.heads import Head
    from tuneloop.models.language_model import LanguageModel

BATCH_TOKENS = 8192


class RewardModel(LocalJudge):
    """score = head · (last hidden row of the conversation with its answer), as the objective `reward` trained it.

    `raw` scores have no bounds, and only their differences between answers to one question mean something (Bradley and
    Terry): the chance that one is preferred is sigmoid(difference).  The model is a version of the workspace, adapter
    or full, or the folder of a full one.  A conversation beyond the model's length loses its beginning, which `counts`
    tells as `cut`; an answer that the chat template won't take as it stands is put behind the prompt without it
    (`untemplated`).

    Not covered: tools, images, several heads.
    """

    title: ClassVar[Words] = Words("Reward model", "奖励模型")
    help: ClassVar[Words] = Words(
        "A model version trained with the objective reward scores each answer.",
        "由训练目标为 reward 的模型版本给每个回答打分。",
    )
    output: Literal["raw", "sigmoid"] = setting(
        "raw",
        en="raw: the head's number, without bounds; sigmoid: between 0 and 1",
        zh="raw 为原始分数，无上下界；sigmoid 压到 0 与 1 之间",
    )

    _head: Any = PrivateAttr(default=None)
    _counts: dict[str, int] = PrivateAttr(default_factory=lambda: {"asked": 0, "cut": 0, "untemplated": 0})

    def with_head(self, lm: LanguageModel, head: Head) -> RewardModel:
        """This judge with a model and a head that are loaded already."""
        self._head = _checked(head, self.model)
        return self.over(lm)

    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    def score_all(self, items: Sequence[Answered]) -> list[float]:
        import torch

        from tuneloop.models.packed import Packed

        lm, scores = self.lm, []
        head: Head = self._head
        encoded = [self._encoded(item) for item in items]
        self._counts["asked"] += len(items)
        for ids in _batches(encoded):
            batch = Packed.of([(one, [0.0] * len(one)) for one in ids]).to(lm.device)
            with torch.no_grad():
                found = head.scores(lm.hidden(batch, head.rows(batch))).squeeze(1)
            scores += (found.sigmoid() if self.output == "sigmoid" else found).tolist()
        return scores

    def _load(self) -> LanguageModel:
        from tuneloop.models.heads import Head
        from tuneloop.models.loading import load
        from tuneloop.models.places import find
        from tuneloop.models.versions import is_version, load_version
        from tuneloop.store.models import model, model_folder

        if self._workspace is not None and is_version(self.model):
            version = model(self._workspace, self.model)
            head = Head.load(model_folder(self._workspace, version), self._device)
            lm = load_version(self._workspace, version, device=self._device)
        else:
            head = Head.load(find(self.model), self._device)
            lm = load(self.model, device=self._device)
        self._head = _checked(head, self.model)
        return lm

    def _encoded(self, item: Answered) -> list[int]:
        from tuneloop.models.chat import encode_chat, encode_prompt

        lm, limit = self.lm, self.lm.room
        talk = [*item.messages, Turn("assistant", item.answer)]
        try:
            ids = encode_chat(talk, (), lm.tokenizer, lm.template).ids
        except InputError:
            self._counts["untemplated"] += 1
            end = lm.tokenizer.eos
            ids = encode_prompt(item.messages, (), lm.tokenizer, lm.template) + lm.tokenizer.encode(item.answer)
            ids += [] if end is None else [end]
        self._counts["cut"] += len(ids) > limit
        return ids[-limit:]


def _checked(head: Head, name: str) -> Head:
    if head.kind != "reward" or len(head.weight) != 1:
        raise ModelError(
            f"{name!r} has a head of kind {head.kind!r} with {len(head.weight)} outputs",
            expected="a reward model: kind 'reward' with one output",
            do="Train one with: objective: reward",
        )
    return head


def _batches(encoded: Sequence[list[int]]) -> Iterator[list[list[int]]]:
    """Sequences in order, packed to at most BATCH_TOKENS tokens."""
    batch: list[list[int]] = []
    for ids in encoded:
        if batch and sum(map(len, batch)) + len(ids) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(ids)
    if batch:
        yield batch
