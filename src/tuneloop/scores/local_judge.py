"""What judges with a model on this machine share: the model, loaded when it is first needed."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.scores.judge import Judge

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel


class LocalJudge(Judge, ABC):
    model: str = setting(
        min_length=1,
        en="a model version (model-2), a folder, or a hub name",
        zh="模型版本（如 model-2）、文件夹或模型库名称",
    )

    _lm: Any = PrivateAttr(default=None)

    def over(self, lm: LanguageModel) -> Self:
        """This judge with a model that is loaded already."""
        self._lm = lm
        return self

    @property
    def lm(self) -> LanguageModel:
        if self._lm is None:
            self._lm = self._load()
        lm: LanguageModel = self._lm
        return lm

    def _load(self) -> LanguageModel:
        from tuneloop.models.loading import load
        from tuneloop.models.versions import load_named

        if self._workspace is None:
            return load(self.model, device=self._device)
        return load_named(self._workspace, self.model, device=self._device)
