"""Data sets of ModelScope (modelscope.cn), by its HTTP API: `modelscope:owner/name`.

`MODELSCOPE_ENDPOINT` names another server, `MODELSCOPE_API_TOKEN` the token; `TUNELOOP_OFFLINE` and `HF_HUB_OFFLINE`
keep the network out of it.  Its list of files names no commit: what is read is pinned by the hashes in that list, whose
own hash the source remembers as the commit; a file that changes while it is fetched is refused.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any
from urllib.parse import urlencode

from tuneloop.errors import InputError, NotFoundError, TuneloopError
from tuneloop.prepare.fetching.download import Refusal, Unreachable
from tuneloop.prepare.fetching.hub import HubPlace, Listing
from tuneloop.prepare.fetching.spooled_files import There
from tuneloop.wording import Words

PAGE = 100


class ModelScope(HubPlace):
    """`modelscope:owner/name`."""

    title = Words("ModelScope data sets", "魔搭（ModelScope）数据集")
    help = Words(
        "A data set by its name: modelscope:owner/name. Data files are downloaded and checked; programs are never run.",
        "按名称读取数据集：modelscope:所有者/名称。下载并校验数据文件，不运行其中的任何程序。",
    )

    server_variable = "MODELSCOPE_ENDPOINT"

    @classmethod
    def takes(cls, address: str) -> bool:
        return address.startswith("modelscope:")

    def server(self) -> str:
        return os.environ.get(self.server_variable, "https://modelscope.cn").rstrip("/")

    def headers(self) -> dict[str, str]:
        token = os.environ.get("MODELSCOPE_API_TOKEN", "").strip() if self.token else ""
        return {"Cookie": f"m_session_id={token}"} if token else {}

    def listing(self, name: str) -> Listing:
        files: dict[str, There] = {}
        folders, seen = ["/"], {"/"}
        while folders:
            entries = self._entries(name, folders.pop())
            for one in entries:
                path = str(one["Path"])
                if one.get("Type") != "tree":
                    files[path] = There(path, one.get("Size"), one.get("Sha256") or None)
            for one in entries:  # servers differ in whether they list what is in folders
                path = str(one["Path"])
                if one.get("Type") == "tree" and path not in seen:
                    seen.add(path)
                    if not any(file.startswith(f"{path}/") for file in files):
                        folders.append(path)
        told = "".join(f"{one.path}\0{one.size}\0{one.digest}\n" for _, one in sorted(files.items()))
        return Listing(hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest(), tuple(files.values()))

    def url(self, name: str, path: str, listing: Listing) -> str:
        query = urlencode({"Revision": self.revision or "master", "FilePath": path})
        return f"{self.server()}/api/v1/datasets/{name}/repo?{query}"

    def no(self, name: str, refusal: Refusal) -> TuneloopError:
        page = f"{self.server()}/datasets/{name}"
        if refusal.status in (401, 403, 404):
            return NotFoundError(
                f"ModelScope has no data set {name!r} with a revision {self.revision or 'master'!r}, or it is private",
                do=f"Check the spelling at {page}; for a private one set MODELSCOPE_API_TOKEN",
            )
        return InputError(f"ModelScope refuses the data set {name!r} ({refusal})", do="Try again later")

    def _entries(self, name: str, root: str) -> list[dict[str, Any]]:
        """One folder, page by page."""
        found: dict[str, dict[str, Any]] = {}
        for number in range(1, 10_000):
            query = urlencode(
                {
                    "Revision": self.revision or "master", "Root": root, "Recursive": "True", "PageNumber": number,
                    "PageSize": PAGE,
                }
            )  # fmt: skip
            answer, _ = self.get(f"{self.server()}/api/v1/datasets/{name}/repo/tree?{query}")
            if not isinstance(answer, dict) or answer.get("Success") is False or answer.get("Data") is None:
                raise Refusal(404, str(answer.get("Message", ""))[:200] if isinstance(answer, dict) else "")
            try:
                page = {str(one["Path"]): one for one in answer["Data"]["Files"] or ()}
            except (KeyError, TypeError) as error:
                raise Unreachable(f"its list of files is of no known form: {error!r}") from None
            fresh = page.keys() - found.keys()
            found.update(page)
            if len(page) < PAGE or not fresh:
                break
        return list(found.values())
