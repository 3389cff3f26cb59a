"""Asks models on this machine, each loaded when first needed; questions to one model are answered side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneloop.errors import UsageError
from tuneloop.records import Turn

if TYPE_CHECKING:
    from tuneloop.models.engine import Request
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store import Workspace

MOST_TOKENS = 256


class Question(NamedTuple):
    """`how` holds `temperature` (greedy without one), `top_p`, `seed` and `max_completions_tokens`."""

    model: str
    messages: Sequence[Mapping[str, str]]
    how: Mapping[str, Any]


class Asked:
    """`bases` says what is loaded for a name (a model version, a folder); a name that is not there is loaded itself."""

    def __init__(self, ws: Workspace | None, device: Any = "cpu", bases: Mapping[str, str] | None = None) -> None:
        self.ws, self.device, self.bases = ws, device, dict(bases or {})
        self._loaded: dict[str, LanguageModel] = {}

    def answers(self, questions: Sequence[Question]) -> list[str]:
        """The answers' texts, in order; each depends on its question alone."""
        found = [""] * len(questions)
        for name in dict.fromkeys(one.model for one in questions):
            lm = self._model(name)
            engine = lm.engine()
            mine = [(place, one) for place, one in enumerate(questions) if one.model == name]
            handles = [(place, engine.submit(_request(lm, one))) for place, one in mine]
            for place, handle in handles:
                found[place] = engine.finish(handle).text
        return found

    def _model(self, name: str) -> LanguageModel:
        if name not in self._loaded:
            self._loaded[name] = self._load(self.bases.get(name, name))
        return self._loaded[name]

    def _load(self, reference: str) -> LanguageModel:
        from tuneloop.models.loading import load
        from tuneloop.models.versions import load_named

        if self.ws is None:
            return load(reference, device=self.device)
        return load_named(self.ws, reference, device=self.device)


def _request(lm: LanguageModel, one: Question) -> Request:
    from tuneloop.models.chat import encode_prompt
    from tuneloop.models.engine import Request
    from tuneloop.models.sampling import Sampling

    # `developer` is the newer name of `system`, which templates know
    roles: list[Any] = [message["role"].replace("developer", "system") for message in one.messages]
    talk = [Turn(role, message["content"]) for role, message in zip(roles, one.messages, strict=True)]
    ids = encode_prompt(talk, (), lm.tokenizer, lm.template)
    if len(ids) >= lm.room:
        raise UsageError(f"the grader's question has {len(ids)} tokens", expected=f"fewer than {lm.room}")
    sampling = Sampling(
        max_tokens=min(int(one.how.get("max_completions_tokens") or MOST_TOKENS), lm.room - len(ids)),
        temperature=float(one.how.get("temperature") or 0.0),
        top_p=float(one.how.get("top_p") or 1.0),
        seed=int(one.how.get("seed") or 0),
    )
    return Request(ids, sampling, None if lm.adapter is None else "attached", stream=False)
