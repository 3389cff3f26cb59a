"""The contract of a judge: answers to questions in, one number each out, with a model's help."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from tuneloop.records import Turn
from tuneloop.registry import Member, Registry

if TYPE_CHECKING:
    import torch

    from tuneloop.store import Workspace


@dataclass(frozen=True)
class Answered:
    """An answer to the question that `messages` end with; `reference` is "" where there is none."""

    messages: tuple[Turn, ...]
    answer: str
    reference: str = ""

    @property
    def question(self) -> str:
        """The last turn before the answer."""
        return self.messages[-1].text if self.messages else ""


class Judge(Member, ABC):
    """A member writes `score_all`; more is better, every number is finite, and the member says its range.

    The same answers in the same order get the same numbers, so that a run that goes on equals one that never stopped.
    """

    _workspace: Workspace | None = PrivateAttr(default=None)
    _device: Any = PrivateAttr(default="cpu")

    def within(self, workspace: Workspace | None, device: torch.device | str = "cpu") -> Self:
        """This judge, finding model versions in a workspace and working on a device."""
        self._workspace, self._device = workspace, device
        return self

    @abstractmethod
    def score_all(self, items: Sequence[Answered]) -> list[float]:
        """One number per answer, in order."""

    def counts(self) -> Mapping[str, int]:
        """What has happened so far that a person should know: how many were asked, could not be read, …"""
        return {}


judges: Registry[Judge] = Registry("tuneloop.scores.judges", Judge)
