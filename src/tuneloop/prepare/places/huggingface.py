"""Data sets of the Hugging Face hub, by its HTTP API: `hf:owner/name`.

`HF_ENDPOINT` names another server (a mirror), `HF_TOKEN` the token, else the file that `hf auth login` writes;
`HF_HUB_OFFLINE` keeps the network out of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tuneloop.errors import InputError, NotFoundError, TuneloopError
from tuneloop.prepare.fetching.download import Refusal
from tuneloop.prepare.fetching.hub import HubPlace, Listing
from tuneloop.prepare.fetching.spooled_files import There
from tuneloop.wording import Words


class HuggingFace(HubPlace):
    """`hf:owner/name`, also `huggingface:owner/name` and `hf://datasets/owner/name`."""

    title = Words("Hugging Face data sets", "Hugging Face 数据集")
    help = Words(
        "A data set by its name: hf:owner/name. Data files are downloaded at a fixed revision; programs are never run.",
        "按名称读取数据集：hf:所有者/名称。按固定版本下载数据文件，不运行其中的任何程序。",
    )

    server_variable = "HF_ENDPOINT"

    @classmethod
    def takes(cls, address: str) -> bool:
        return address.startswith(("hf:", "huggingface:"))

    def server(self) -> str:
        return os.environ.get(self.server_variable, "https://huggingface.co").rstrip("/")

    def headers(self) -> dict[str, str]:
        token = _token() if self.token else None
        return {"Authorization": f"Bearer {token}"} if token else {}

    def listing(self, name: str) -> Listing:
        base = f"{self.server()}/api/datasets/{name}"
        about, _ = self.get(f"{base}/revision/{quote(self.revision or 'main', safe='')}")
        commit = str(about["sha"])
        files: list[There] = []
        url = f"{base}/tree/{commit}?recursive=true"
        while url:
            found, headers = self.get(url)
            files += [_file(one) for one in found if one.get("type") == "file"]
            url = _next(headers.get("link"), f"{base}/tree/{commit}")
        return Listing(commit, tuple(files))

    def url(self, name: str, path: str, listing: Listing) -> str:
        return f"{self.server()}/datasets/{name}/resolve/{listing.commit}/{quote(path)}"

    def no(self, name: str, refusal: Refusal) -> TuneloopError:
        page = f"{self.server()}/datasets/{name}"
        if refusal.code == "GatedRepo":
            return InputError(
                f"the data set {name!r} is gated: its owner wants terms accepted first",
                do=f"Accept them at {page}, then set HF_TOKEN, or log in with: hf auth login",
            )
        if refusal.code == "RevisionNotFound":
            return NotFoundError(
                f"the data set {name!r} has no revision {self.revision or 'main'!r}", do=f"See {page}/tree/main"
            )
        if refusal.code == "RepoNotFound" or refusal.status in (401, 403, 404):
            known = bool(self.headers())
            return NotFoundError(
                f"the hub has no data set {name!r}, or it is private and "
                f"{'your token may not read it' if known else 'no token was given'}",
                do=f"Check the spelling at {page}; for a private one set HF_TOKEN, or log in with: hf auth login",
            )
        return InputError(f"the hub refuses the data set {name!r} ({refusal})", do="Try again later")


def _token() -> str | None:
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if value := os.environ.get(variable, "").strip():
            return value
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    place = Path(os.environ.get("HF_TOKEN_PATH") or home / "token").expanduser()
    try:
        return place.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _file(told: dict[str, Any]) -> There:
    lfs = told.get("lfs") or {}
    return There(str(told["path"]), told.get("size"), lfs.get("oid"))


def _next(link: str | None, base: str) -> str:
    """The next page of a list; its cursor is put to our own server, as a mirror names the other one."""
    found = re.search(r'<([^>]+)>;\s*rel="next"', link or "")
    cursor = parse_qs(urlsplit(found[1]).query).get("cursor", [""])[0] if found else ""
    return f"{base}?recursive=true&cursor={quote(cursor, safe='')}" if cursor else ""
