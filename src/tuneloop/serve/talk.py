"""A conversation with a tuned model, and the same one with its base beside it.

Each side remembers its own answers.  A model that was tuned as an adapter shares one loaded base with the other side;
of a model that was tuned in full both are loaded, and the base only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tuneloop.errors import UsageError
from tuneloop.records import ModelVersion, Turn
from tuneloop.serve.recipe import ChatRecipe
from tuneloop.store import Workspace

if TYPE_CHECKING:
    from tuneloop.models.adapter import Adapter
    from tuneloop.models.language_model import LanguageModel

Side = Literal["tuned", "base"]


@dataclass(frozen=True)
class Answers:
    """What each side said; `base` is None where it was not asked."""

    question: str
    tuned: str
    base: str | None = None


@dataclass
class Talk:
    """`how` is passed on to the loading of the models (`dtype`, `device`)."""

    workspace: Workspace
    version: ModelVersion
    recipe: ChatRecipe = field(default_factory=ChatRecipe)
    how: dict[str, Any] = field(default_factory=dict)
    turns: dict[Side, list[Turn]] = field(default_factory=lambda: {"tuned": [], "base": []})

    def __post_init__(self) -> None:
        told = {"classify": "tells classes", "reward": "gives answers a number"}.get(self.version.objective)
        if told:
            raise UsageError(
                f"{self.version.name} {told} and writes no text",
                expected="a model version that answers, such as one trained by sft",
                do=f'Ask it with: tuneloop classify {self.version.name} "text"' if "classes" in told else "",
            )

    def ask(self, question: str, *, both: bool = False) -> Answers:
        """The next question of the conversation; raises UsageError where it no longer fits the model's context."""
        if not question.strip():
            raise UsageError("the question is empty", expected="some words")
        tuned = self._say("tuned", question)
        return Answers(question, tuned, self._say("base", question) if both else None)

    def forget(self) -> None:
        """Begin a new conversation."""
        for turns in self.turns.values():
            turns.clear()

    @property
    def has_base(self) -> bool:
        """Whether there is another side: a model that was trained from nothing has none."""
        return self.version.base != "new"

    def _say(self, side: Side, question: str) -> str:
        recipe = self.recipe
        opening = [Turn("system", recipe.system)] if recipe.system else []
        turns = [*opening, *self.turns[side], Turn("user", question)]
        lm = self._model(side)
        prompt = self._prompt(lm, turns)
        room = self._room(lm, prompt)
        said = lm.generate([prompt], max_tokens=room, temperature=recipe.temperature, seed=recipe.seed)
        answer = said[0].text.strip()
        self.turns[side] += [Turn("user", question), Turn("assistant", answer)]
        return answer

    def _prompt(self, lm: LanguageModel, turns: list[Turn]) -> list[int]:
        from tuneloop.models.chat import encode_prompt

        return encode_prompt(turns, (), lm.tokenizer, lm.template)

    def _room(self, lm: LanguageModel, prompt: list[int]) -> int:
        left = lm.room - len(prompt)
        if left < 1:
            raise UsageError(
                f"the conversation has {len(prompt)} tokens",
                expected=f"fewer than {lm.room}, which this model can hold",
                do="Begin a new one",
            )
        return min(left, self.recipe.max_tokens)

    def _model(self, side: Side) -> LanguageModel:
        if self.version.form == "full":
            return self._tuned if side == "tuned" else self._base
        lm = self._tuned
        wanted = self._adapter if side == "tuned" else None
        if lm.adapter is not wanted:
            lm.detach()
            if wanted is not None:
                lm.attach(wanted)
        return lm

    @cached_property
    def _tuned(self) -> LanguageModel:
        from tuneloop.models.versions import load_version

        return load_version(self.workspace, self.version, **self.how)

    @cached_property
    def _adapter(self) -> Adapter | None:
        return self._tuned.adapter

    @cached_property
    def _base(self) -> LanguageModel:
        from tuneloop.models.versions import load_base

        base = load_base(self.workspace, self.version, **self.how)
        if base is None:
            raise UsageError(f"{self.version.name} was trained from nothing", expected="a model with a base")
        return base

    def __iter__(self) -> Iterator[Turn]:
        """What was said with the tuned model."""
        return iter(self.turns["tuned"])
