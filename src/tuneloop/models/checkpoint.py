"""The weights of a Hugging Face folder: safetensors files, one or many, read by memory map and written anew.

Pickled weights (`.bin`, `.pt`, `.ckpt`) are never read: loading one runs whatever code it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from tuneloop.errors import ModelError, StorageError, Where

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD_BYTES = 5 * 1024**3
KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""Kinds of number as safetensors names them."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class Weights:
    """The tensors of a folder by name; nothing is read before it is asked for."""

    def __init__(self, places: Mapping[str, tuple[Path, Any]]) -> None:
        self._places = places

    def names(self) -> list[str]:
        return sorted(self._places)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def read(self, name: str) -> torch.Tensor:
        """One tensor in the dtype of the file."""
        path, handle = self._places[name]
        try:
            return handle.get_tensor(name)  # type: ignore[no-any-return]
        except Exception as error:  # safetensors raises its own kind, which is a plain Exception
            raise ModelError(f"tensor {name!r} cannot be read ({error})", where=Where(file=path)) from error

    def size(self, name: str) -> list[int]:
        return list(self._places[name][1].get_slice(name).get_shape())

    def dtype(self, name: str) -> str:
        """As safetensors writes it: `F32`, `BF16`, `F16`."""
        return str(self._places[name][1].get_slice(name).get_dtype())


@contextmanager
def open_weights(folder: Path) -> Iterator[Weights]:
    """The weights of a model folder; raises ModelError where there are none that may be read."""
    files = weight_files(folder)
    with ExitStack() as stack:
        places = {}
        for path in files:
            handle = stack.enter_context(_opened(path))
            places.update(dict.fromkeys(handle.keys(), (path, handle)))
        yield Weights(places)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder; a missing shard or pickles alone are refused."""
    index = folder / INDEX
    if index.is_file():
        return _shards(index)
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    files = sorted(folder.glob("*.safetensors"))
    if files and not (folder / "adapter_config.json").is_file():
        return files
    _refuse(folder)
    raise ModelError("has no weights", expected=f"{SINGLE}", where=Where(file=folder))


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(
            f"cannot be read ({error!r})", expected="an index of shards", where=Where(file=index)
        ) from None
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise ModelError(f"names the shard {outside[0]!r}", expected="a file beside it", where=Where(file=index))
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise ModelError(
            f"names {len(names)} shards of which {len(missing)} are not there: {', '.join(missing[:3])}",
            where=Where(file=index),
            do="Download the missing files again",
        )
    return [index.parent / name for name in names]


def _refuse(folder: Path) -> None:
    if (folder / "adapter_config.json").is_file():
        raise ModelError(
            "holds an adapter, not a base model", where=Where(file=folder), do="Name the base; the adapter goes on top"
        )
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ModelError(
            f"has only pickled weights ({pickles[0]}), which can run any code when they are loaded",
            expected="safetensors files",
            where=Where(file=folder),
            do="Take a version of the model with safetensors, or convert it on a machine you can afford to lose",
        )
    others = sorted(path.name for path in folder.glob("*.gguf")) + sorted(path.name for path in folder.glob("*.onnx"))
    if others:
        raise ModelError(
            f"has its weights as {others[0]}, a format for running and not for tuning",
            expected="safetensors files",
            where=Where(file=folder),
            do="Take the original model that this file was converted from",
        )


def _opened(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"is broken or cut short ({error})",
            expected="a whole safetensors file",
            where=Where(file=path),
            do="Download or copy it again",
        ) from None


def write_weights(folder: Path, state: Mapping[str, torch.Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write tensors as safetensors, in shards where they are many."""
    shards: list[dict[str, torch.Tensor]] = [{}]
    held = 0
    for name, tensor in state.items():
        size = tensor.numel() * tensor.element_size()
        if shards[-1] and held + size > shard_bytes:
            shards.append({})
            held = 0
        shards[-1][name] = tensor
        held += size
    if len(shards) == 1:
        write_tensors(folder / SINGLE, shards[0])
        return
    places = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write_tensors(folder / name, shard)
        places.update(dict.fromkeys(shard, name))
    total = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2, sort_keys=True)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """One safetensors file, a tensor at a time: beside the tensors no more memory is taken than one of them, also where
    they are views of one row or lie otherwise than by rows.  A full or read-only disk is a StorageError.

    Layout (github.com/huggingface/safetensors): the header's length in 8 bytes, the header as JSON filled up to a
    multiple of 8, the tensors' bytes; wide numbers first, then by name.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    try:
        with path.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for name in order:
                rows = tensors[name].detach().cpu().contiguous()
                rows.reshape(-1).view(torch.uint8).numpy().tofile(file)
    except OSError as error:
        raise StorageError(f"cannot be written ({error})", where=Where(file=path)) from None


def open_adapter(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of one small safetensors file."""
    if not path.is_file():
        _refuse_adapter(path)
    handle = _opened(path)
    return {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 - not a dict


def _refuse_adapter(path: Path) -> None:
    if path.with_suffix(".bin").is_file():
        raise ModelError(
            "is a pickle, which can run any code when it is loaded",
            expected="adapter_model.safetensors",
            where=Where(file=path.with_suffix(".bin")),
        )
    raise ModelError("has no adapter_model.safetensors", where=Where(file=path.parent))
