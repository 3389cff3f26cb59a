"""Models of ModelScope (modelscope.cn), fetched by plain HTTPS into the user's cache.

`MODELSCOPE_ENDPOINT` names another server; `TUNELOOP_OFFLINE` or `HF_HUB_OFFLINE` keep the network out of it.  Only
safetensors, JSON and tokenizer files are fetched, each checked against the size and SHA-256 that the list of files
gives; a file appears under its name only when it is whole.

Not covered: private models, resuming half a file.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tuneloop.errors import NotFoundError, StorageError, Where
from tuneloop.models.places import fetched

TIMEOUT = 30
PIECE = 1024 * 1024


def fetch(name: str) -> Path:
    """The folder of a model in the cache; fetched now where it is not whole."""
    folder = cache_folder() / name
    done = folder / ".whole"
    if done.is_file():
        return folder
    if os.environ.get("TUNELOOP_OFFLINE") or os.environ.get("HF_HUB_OFFLINE"):
        raise NotFoundError(f"{name!r} is not in the cache, and the network is switched off", where=Where(file=folder))
    folder.mkdir(parents=True, exist_ok=True)
    for entry in _listing(name):
        _fetch_file(name, entry, folder / entry["Path"])
    done.touch()
    return folder


def cache_folder() -> Path:
    """Where fetched models are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("tuneloop")) / "modelscope"


def _listing(name: str) -> list[dict[str, Any]]:
    """The files we would read, as the server lists them: Path, Size, Sha256."""
    address = f"{_server()}/api/v1/models/{name}/repo/files?Revision=master&Recursive=false"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            files = json.loads(answer.read())["Data"]["Files"]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise NotFoundError(f"ModelScope has no model called {name!r}") from None
        raise _unreachable(name, error) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreachable(name, error) from None
    patterns = fetched(f"modelscope:{name}")
    return [
        entry
        for entry in files
        if entry.get("Type") != "tree" and any(fnmatch.fnmatch(entry["Path"], one) for one in patterns)
    ]


def _fetch_file(name: str, entry: dict[str, Any], target: Path) -> None:
    if target.name != entry["Path"]:
        raise NotFoundError(f"ModelScope names the file {entry['Path']!r}", expected="a plain file name")
    if target.is_file() and target.stat().st_size == entry.get("Size"):
        return
    query = urllib.parse.urlencode({"Revision": "master", "FilePath": entry["Path"]})
    part, digest = target.with_name(target.name + ".part"), hashlib.sha256()
    try:
        address = f"{_server()}/api/v1/models/{name}/repo?{query}"
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, part.open("wb") as file:
            while piece := answer.read(PIECE):
                digest.update(piece)
                file.write(piece)
    except urllib.error.URLError as error:
        raise _unreachable(name, error) from None
    except OSError as error:
        raise StorageError(f"cannot be written ({error})", where=Where(file=part)) from None
    if entry.get("Sha256") and digest.hexdigest() != entry["Sha256"]:
        part.unlink()
        raise StorageError("came damaged from the network", where=Where(file=target), do="Try again")
    part.replace(target)


def _server() -> str:
    return os.environ.get("MODELSCOPE_ENDPOINT", "https://modelscope.cn").rstrip("/")


def _unreachable(name: str, error: Exception) -> NotFoundError:
    return NotFoundError(
        f"{name!r} is not in the cache, and {_server()} cannot be reached ({type(error).__name__})",
        do="Check the name and the network, or give the path of a model folder",
    )
