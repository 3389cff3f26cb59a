"""An encoder that transformers runs (BERT, RoBERTa and their kin): hidden rows for heads, and no text.

Records are padded and masked.  The pooler of a BERT is left out: heads read the last layer's rows.  Dropout is switched
off, as with every model here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import torch

from tuneloop.errors import ModelError, UsageError, Where
from tuneloop.models.checkpoint import weight_files
from tuneloop.models.packed import Packed
from tuneloop.models.plain import PlainModel, padded
from tuneloop.models.tokenizer import load_tokenizer
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.engines.plain import PlainEngine

WHY = Words(
    "An encoder ({name}): it reads texts for a classifier and writes none; transformers runs it.",
    "编码器模型（{name}）：只读取文本用于分类，不生成文字；由 transformers 运行。",
)


class EncoderModel(PlainModel):
    generates: ClassVar[bool] = False

    def __init__(self, module: Any, **rest: Any) -> None:
        super().__init__(module, **rest)
        self.config = replace(self.config, max_positions=_positions(module, self.config.max_positions))

    def hidden(self, batch: Packed, rows: torch.Tensor) -> torch.Tensor:
        ids, seen, places = padded(batch)
        hidden = self.module(input_ids=ids, attention_mask=seen).last_hidden_state
        return hidden.flatten(0, 1)[places[rows]]  # type: ignore[no-any-return]

    def token_nll(
        self, batch: Packed, weights: torch.Tensor | None = None, hits: torch.Tensor | None = None
    ) -> torch.Tensor:
        self._refuse("foresees no next token")

    def logits(self, ids: torch.Tensor, lengths: Sequence[int] | None = None) -> torch.Tensor:
        self._refuse("foresees no next token")

    def engine(self) -> PlainEngine:
        self._refuse("writes no text")

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(
            f"{self.reference or 'this model'} is an encoder ({self.config.family}), which {what}",
            expected="a model that writes text, such as starter",
            do="Train it with the objective classify, and ask it with: tuneloop classify",
        )

    @property
    def notes(self) -> list[Words]:
        return [self.why]

    def restore(self, folder: str | Path) -> None:
        self.check_dense()
        self.module.load_state_dict(_from_files(Path(folder), self.dtype).state_dict())


def load_encoder(
    folder: Path, settings: Mapping[str, Any], reference: str, dtype: torch.dtype, device: torch.device | str
) -> EncoderModel:
    """A folder's model by transformers: safetensors only, never code out of the folder."""
    weight_files(folder)
    tokenizer = load_tokenizer(folder)
    return EncoderModel(
        _from_files(folder, dtype).to(device),
        settings=settings,
        tokenizer=tokenizer,
        why=WHY.format(name=settings.get("model_type")),
        reference=reference,
        folder=folder,
    )


def _from_files(folder: Path, dtype: torch.dtype) -> Any:
    """Heads for other tasks in the files are left alone; a weight that the files lack is an error, not a random one."""
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    level = logging.get_verbosity()
    # it would report the heads and the pooler that are left out
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
        kind: Any = AutoModel._model_mapping[type(config)]
        pooled = "add_pooling_layer" in inspect.signature(kind).parameters
        options = {"add_pooling_layer": False} if pooled else {}
        module, told = kind.from_pretrained(
            str(folder),
            config=config,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"transformers cannot load it ({first})", where=Where(file=folder)) from error
    finally:
        logging.set_verbosity(level)
    if missing := sorted(told["missing_keys"]):
        raise ModelError(
            f"lacks {len(missing)} weights, the first is {missing[0]!r}",
            where=Where(file=folder),
            do="Download the model again",
        )
    module.train(False)
    return module


def _positions(module: Any, stated: int) -> int:
    """Tokens that a text may have: RoBERTa's positions begin behind its padding token, whose rows are not used."""
    places = getattr(getattr(module, "embeddings", None), "position_embeddings", None)
    padding = getattr(places, "padding_idx", None)
    return stated if padding is None else stated - int(padding) - 1
