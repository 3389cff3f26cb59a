"""What a data set's card says in its YAML: the licence, and the configurations with the files of their splits.

The card is `README.md` with a block of YAML between two lines of `---`, as Hugging Face defines it and ModelScope takes
over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Config:
    """`splits` maps a split to patterns of paths; empty where the names of files tell."""

    name: str
    default: bool
    splits: Mapping[str, tuple[str, ...]]
    folder: str = ""


@dataclass(frozen=True)
class Card:
    """`mistake` is told where the YAML cannot be read."""

    licence: str | None = None
    configs: tuple[Config, ...] = ()
    mistake: str = ""


def card_of(text: str) -> Card:
    found = re.match(r"\ufeff?\s*---[ \t]*\r?\n(.*?)\r?\n---", text, re.DOTALL)
    if found is None:
        return Card()
    try:
        data = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        return Card(mistake=str(getattr(error, "problem", None) or error))
    if not isinstance(data, Mapping):
        return Card()
    configs = data.get("configs")
    made = [_config(one) for one in configs if isinstance(one, Mapping)] if isinstance(configs, list) else []
    return Card(_licence(data), tuple(made))


def _licence(data: Mapping[str, Any]) -> str | None:
    given = data.get("license", data.get("License"))
    if given in ("other", ["other"]) and data.get("license_name"):
        given = data["license_name"]
    if isinstance(given, list):
        given = ", ".join(str(one) for one in given)
    return str(given) if given else None


def _config(data: Mapping[str, Any]) -> Config:
    name = str(data.get("config_name", "default"))
    splits: dict[str, tuple[str, ...]] = {}
    files = data.get("data_files")
    if isinstance(files, str):
        files = [files]
    if isinstance(files, Mapping):
        files = [{"split": split, "path": path} for split, path in files.items()]
    for one in files if isinstance(files, list) else ():
        split, path = (str(one.get("split", "train")), one.get("path")) if isinstance(one, Mapping) else ("train", one)
        paths = path if isinstance(path, list) else [path]
        splits[split] = (*splits.get(split, ()), *(str(one) for one in paths if one))
    folder = str(data.get("data_dir") or "").strip("./")
    return Config(name, bool(data.get("default")) or name == "default", splits, folder)
