"""Where a model's files are: the starter in the package, a folder, or a name on a hub.

Hub names go through `huggingface_hub` (its cache, its `HF_ENDPOINT`, its `HF_HUB_OFFLINE`); only safetensors, JSON and
tokenizer files are ever fetched, and code for those whose code may run (`remote_code.py`).
"""

from __future__ import annotations

import json
import os
import re
from importlib.resources import files
from pathlib import Path

from tuneloop.errors import ModelError, NotFoundError, Where
from tuneloop.models import remote_code

STARTER = "starter"
FETCHED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "tokenizer.model", "merges.txt", "*.txt"]

SECOND_COPIES = ["consolidated*", "original/*", "onnx/*", "openvino/*"]
"""The same weights once more, in other people's layouts."""


def fetched(reference: str) -> list[str]:
    """Patterns of the files that are fetched of a hub's model."""
    return [*FETCHED, "*.py"] if remote_code.allowed(reference) else FETCHED


def find(reference: str) -> Path:
    """The folder of a model; raises NotFoundError or ModelError with what was tried."""
    if reference == STARTER:
        return starter()
    path = Path(reference).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise ModelError("is a file", expected="a model folder with config.json", where=Where(file=path))
    if looks_like_path(reference):
        raise NotFoundError("no such model folder", where=Where(file=path))
    if reference.startswith("modelscope:"):
        from tuneloop.models.modelscope import fetch

        return fetch(reference.removeprefix("modelscope:"))
    return from_hub(reference)


def here(reference: str) -> Path | None:
    """The folder of a model whose weights are on this machine: the starter, a folder, or a whole copy in a hub's cache.

    The network is never asked; None where something would have to be fetched first.
    """
    if reference == STARTER:
        return starter()
    path = Path(reference).expanduser()
    if path.is_dir():
        return path if (path / "config.json").is_file() else None
    if looks_like_path(reference):
        return None
    if reference.startswith("modelscope:"):
        from tuneloop.models.modelscope import cache_folder

        path = cache_folder() / reference.removeprefix("modelscope:")
        return path if (path / ".whole").is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(reference, "config.json")
    except HFValidationError:
        return None
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder and _whole(folder) else None


def _whole(folder: Path) -> bool:
    """Whether every file of weights that a folder should hold is there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    shards = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values()
    return all((folder / shard).is_file() for shard in shards)


def starter() -> Path:
    """The small bilingual model of the package."""
    folder = Path(str(files("tuneloop.models") / STARTER))
    if not (folder / "config.json").is_file():
        raise NotFoundError(
            "this installation has no starter model",
            where=Where(file=folder),
            do="Install tuneloop again, or name a model folder",
        )
    return folder


def looks_like_path(reference: str) -> bool:
    """Hub names are `name` or `owner/name`; anything else can only be a path."""
    return not re.fullmatch(r"(modelscope:)?[\w.-]+(/[\w.-]+)?", reference) or reference.startswith(".")


def from_hub(name: str) -> Path:
    """A model of the Hugging Face hub, from its cache or fetched now."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=fetched(name), ignore_patterns=SECOND_COPIES))
    except GatedRepoError:
        raise ModelError(
            f"{name!r} must be asked for on the hub first",
            do="Accept its licence on its page, then log in: hf auth login",
        ) from None
    except RepositoryNotFoundError:
        raise NotFoundError(f"neither a folder nor a model on the hub is called {name!r}") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise NotFoundError(
            f"no folder is called {name!r}, the hub's cache has no model of that name, and the hub cannot be reached "
            f"({type(error).__name__})",
            do="Check the name and the network, or give the path of a model folder",
        ) from None
