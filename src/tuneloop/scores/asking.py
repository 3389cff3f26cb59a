"""Asks models on this machine for one answer at a time, each loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuneloop.errors import UsageError
from tuneloop.records import Turn

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store import Workspace

MOST_TOKENS = 256


class Asked:
    """`bases` says what is loaded for a name (a model version, a folder); a name that is not there is loaded itself."""

    def __init__(self, ws: Workspace | None, device: Any = "cpu", bases: Mapping[str, str] | None = None) -> None:
        self.ws, self.device, self.bases = ws, device, dict(bases or {})
        self._loaded: dict[str, LanguageModel] = {}

    def __call__(self, model: str, messages: Sequence[Mapping[str, str]], how: Mapping[str, Any]) -> str:
        """The answer's text; greedy unless `how` gives a temperature."""
        from tuneloop.models.chat import encode_prompt
        from tuneloop.models.sampling import Sampling

        lm = self._model(model)
        talk = [Turn(one["role"], one["content"]) for one in messages]  # type: ignore[arg-type]
        ids = encode_prompt(talk, (), lm.tokenizer, lm.template)
        most = int(how.get("max_completions_tokens") or MOST_TOKENS)
        room = lm.config.max_positions - len(ids)
        if room < 1:
            raise UsageError(
                f"the grader's question has {len(ids)} tokens", expected=f"fewer than {lm.config.max_positions}"
            )
        sampling = Sampling(
            max_tokens=min(most, room),
            temperature=float(how.get("temperature") or 0.0),
            top_p=float(how.get("top_p") or 1.0),
            seed=int(how.get("seed") or 0),
        )
        return lm.generate([ids], sampling)[0].text

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
