"""Virtual tokens on a transformers model: rows ahead of the embeddings, or keys and values in its cache.

Both are hooks on the model below its head, and act at the start of a sequence only: a step of generation that goes on
from a cache has them in it already.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from tuneloop.errors import UsageError

if TYPE_CHECKING:
    from tuneloop.models.plain import PlainModel

KeysValues = tuple[torch.Tensor, torch.Tensor]


def insert_rows(lm: PlainModel, rows: Callable[[], torch.Tensor], tokens: int, what: str) -> list[Any]:
    """Put `rows()` [tokens, hidden] before each sequence; they are taken out of the hidden rows again."""
    body = _body(lm, "inputs_embeds", what)
    inserted = False

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        nonlocal inserted
        given = _named(module, args, kwargs)
        inserted = not _seen(given.get("past_key_values"))
        if inserted:
            own = given.get("inputs_embeds")
            own = module.get_input_embeddings()(given["input_ids"]) if own is None else own
            ahead = rows().to(own.dtype).expand(len(own), -1, -1)
            given |= {"input_ids": None, "inputs_embeds": torch.cat([ahead, own], 1)}
            _widen(given, tokens)
        return (), given

    def after(module: Any, args: Any, kwargs: Any, out: Any) -> Any:
        if inserted:
            out.last_hidden_state = out.last_hidden_state[:, tokens:]
        return out

    return [
        body.register_forward_pre_hook(before, with_kwargs=True),
        body.register_forward_hook(after, with_kwargs=True),
    ]


def insert_keys(lm: PlainModel, layer: Callable[[int], KeysValues], tokens: int, what: str) -> list[Any]:
    """Let each sequence see `layer(index)`, keys and values of [tokens, K, D], before its own."""
    from transformers import DynamicCache

    body = _body(lm, "past_key_values", what)
    if lm.checkpointing:
        raise UsageError(
            f"a {what} cannot be trained on {lm.reference or 'this model'} with gradient_checkpointing: it runs on"
            " transformers, whose cache would hold every key twice",
            do="Set gradient_checkpointing to false",
        )

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = _named(module, args, kwargs)
        if not _seen(given.get("past_key_values")):
            first = given.get("input_ids")
            count = len(given["inputs_embeds"] if first is None else first)
            cache = DynamicCache(config=module.config.get_text_config())
            for index in range(lm.config.layers):
                keys, values = (one.to(lm.dtype).transpose(0, 1).expand(count, -1, -1, -1) for one in layer(index))
                cache.update(keys, values, index)
            given["past_key_values"] = cache
            _widen(given, tokens)
        return (), given

    return [body.register_forward_pre_hook(before, with_kwargs=True)]


def _body(lm: PlainModel, argument: str, what: str) -> torch.nn.Module:
    """The model below its head, which must take `argument`."""
    body: torch.nn.Module = lm.module.base_model
    if argument not in inspect.signature(body.forward).parameters:
        raise UsageError(
            f"a {what} cannot be put on {lm.reference or 'this model'}: {type(body).__name__} takes no {argument}",
            do="Use LoRA on this base",
        )
    return body


def _named(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict(zip(inspect.signature(module.forward).parameters, args, strict=False)), **kwargs}


def _seen(cache: Any) -> int:
    """Tokens that a cache holds."""
    return 0 if cache is None else int(cache.get_seq_length())


def _widen(given: dict[str, Any], tokens: int) -> None:
    """The attention mask with room for virtual tokens."""
    mask = given.get("attention_mask")
    if mask is not None:
        given["attention_mask"] = torch.cat([mask.new_ones(len(mask), tokens), mask], 1)
