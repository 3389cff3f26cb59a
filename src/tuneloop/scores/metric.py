"""The contract of a metric: an answer and its reference in, a share from 0 to 1 out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tuneloop.registry import Member, Registry


class Metric(Member, ABC):
    """A member writes `score`; 1 means that the answer is as good as the reference, 0 that nothing of it is there.

    Texts only: a metric loads no model.  It sees no question, so it cannot tell a right answer in other words from a
    wrong one; that is what people and judge models are for.
    """

    compares: ClassVar[bool] = True
    """Whether the reference is looked at; a rule about the answer alone says False."""

    @abstractmethod
    def score(self, answer: str, reference: str) -> float:
        """The score of one answer."""

    def scores(self, answers: Sequence[str], references: Sequence[str]) -> list[float]:
        """The scores of answers and references of equal number, pair by pair."""
        return [self.score(answer, reference) for answer, reference in zip(answers, references, strict=True)]


metrics: Registry[Metric] = Registry("tuneloop.scores.metrics", Metric)
