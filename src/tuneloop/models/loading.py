"""`load`: a model by name, on the fast path where our decoder can be it, else on the plain one, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from tuneloop.errors import ModelError, UsageError, Where
from tuneloop.models import precision, remote_code
from tuneloop.models.bidirectional import is_encoder
from tuneloop.models.checkpoint import Weights, open_weights
from tuneloop.models.config_keys import PlainNeeded
from tuneloop.models.decoder import Decoder
from tuneloop.models.family import Family, families, read_shape
from tuneloop.models.fast import FastModel, fill
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.places import find
from tuneloop.models.quantized import Kind
from tuneloop.models.shape import Shape
from tuneloop.models.tokenizer import load_tokenizer, read_json
from tuneloop.wording import Words

Route = Literal["auto", "fast", "plain"]

OWN_CODE = Words(
    "It runs code of its own, as allowed by name: transformers runs it.",
    "模型运行其自带代码（已按名称允许），由 transformers 运行。",
)


def load(
    reference: str | Path,
    dtype: str | torch.dtype | None = None,
    path: Route = "auto",
    device: torch.device | str = "cpu",
    quantize: Kind | None = None,
) -> LanguageModel:
    """`reference`: "starter", a folder, or a Hugging Face (or `modelscope:`) name.

    `dtype`: "float32", "bfloat16", "float16", or None for what this machine is fastest with.  `path` "fast" raises
    ModelError where the decoder cannot be the model.  `quantize` stores the layers' linear weights in 4 or 8 bits while
    they are read; embeddings, norms and the head stay in `dtype`.  On the plain path the dense model is there first.
    """
    folder = find(str(reference))
    settings = _settings(folder)
    code = remote_code.wanted(folder, settings, settings.get("model_type") in families.names())
    if code:
        remote_code.check(code, str(reference), folder / "config.json")
    chosen = as_dtype(dtype, str(device))
    why = Words("", "")
    if is_encoder(settings):
        return _load_encoder(folder, settings, str(reference), chosen, path, device, quantize)
    if code:
        if path == "fast":
            raise ModelError(OWN_CODE.en, where=Where(file=folder / "config.json"))
        why = OWN_CODE
    elif path != "plain":
        try:
            return _load_fast(folder, settings, str(reference), chosen, device, quantize)
        except PlainNeeded as reason:
            why = reason.why
            if path == "fast":
                raise ModelError(why.en, where=Where(file=folder / "config.json")) from None
    else:
        why = Words("The plain path was asked for: transformers runs it.", "按要求使用普通路径，由 transformers 运行。")
    from tuneloop.models.plain import load_plain

    lm = load_plain(folder, settings, str(reference), chosen, device, why, own_code=bool(code))
    if quantize:
        lm.quantize(quantize)
    return lm


def _load_encoder(
    folder: Path,
    settings: Mapping[str, Any],
    reference: str,
    dtype: torch.dtype,
    path: Route,
    device: torch.device | str,
    quantize: Kind | None,
) -> LanguageModel:
    from tuneloop.models.encoder import WHY, load_encoder

    if path == "fast":
        raise ModelError(WHY.format(name=settings["model_type"]).en, where=Where(file=folder / "config.json"))
    lm = load_encoder(folder, settings, reference, dtype, device)
    if quantize:
        lm.quantize(quantize)
    return lm


def as_dtype(dtype: str | torch.dtype | None, device: str = "cpu") -> torch.dtype:
    """A dtype from its name; None and "auto" measure the machine."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype in (None, "auto"):
        return precision.choose(device).dtype
    named = {"float32": torch.float32, "fp32": torch.float32, "bfloat16": torch.bfloat16, "bf16": torch.bfloat16}
    named |= {"float16": torch.float16, "fp16": torch.float16}
    if dtype not in named:
        raise UsageError(f"no precision is called {dtype!r}", expected="float32, bfloat16, float16 or auto")
    return named[str(dtype)]


def _settings(folder: Path) -> dict[str, Any]:
    """`config.json` of a folder that holds a model."""
    file = folder / "config.json"
    if not file.is_file():
        others = sorted(path.name for path in folder.glob("*.gguf"))
        if (folder / "adapter_config.json").is_file():
            raise ModelError(
                "holds an adapter, not a base model",
                where=Where(file=folder),
                do="Name the base; the adapter goes on top",
            )
        if others:
            raise ModelError(
                f"holds {others[0]}, a format for running and not for tuning",
                expected="config.json and safetensors files",
                where=Where(file=folder),
                do="Take the original model that this file was converted from",
            )
        raise ModelError("has no config.json", expected="a Hugging Face model folder", where=Where(file=folder))
    return read_json(file)


def _load_fast(
    folder: Path,
    settings: Mapping[str, Any],
    reference: str,
    dtype: torch.dtype,
    device: torch.device | str,
    quantize: Kind | None,
) -> FastModel:
    family, shape = read_shape(settings)
    tokenizer = load_tokenizer(folder)
    with open_weights(folder) as weights:
        shape = _checked(family, shape, weights, settings, folder)
        module = Decoder(shape, dtype, device, hollow=quantize is not None)
        fill(module, family.slots(shape), weights, quantize)
    why = Words("Our own decoder runs this model ({family}).", "由内置解码器运行（{family}）。").format(
        family=family.title
    )
    return FastModel(
        family,
        module,
        settings={**settings, "tie_word_embeddings": shape.tied},
        tokenizer=tokenizer,
        why=why,
        reference=reference,
        folder=folder,
        generation=read_json(folder / "generation_config.json"),
    )


def _checked(family: Family, shape: Shape, weights: Weights, settings: Mapping[str, Any], folder: Path) -> Shape:
    """The shape after a look at the files: an absent head is tied, as transformers takes it; all else must be there."""
    if not shape.tied and "lm_head.weight" not in weights:
        shape = replace(shape, tied=True)
    expected = {slot.file_name: slot for slot in family.slots(shape)}
    missing = [name for name in expected if name not in weights]
    if missing:
        raise ModelError(
            f"lacks {len(missing)} of {len(expected)} weights, the first is {missing[0]!r}",
            where=Where(file=folder),
            do="Download the model again",
        )
    ignored = ("rotary_emb.inv_freq", "lm_head.weight")
    unknown = [name for name in weights.names() if name not in expected and not name.endswith(ignored)]
    if unknown:
        raise PlainNeeded(
            Words(
                "The files hold a weight the fast path does not know, {name!r}: transformers runs it.",
                "权重文件中有快速路径不认识的张量 {name!r}，由 transformers 运行。",
            ).format(name=unknown[0])
        )
    return shape
