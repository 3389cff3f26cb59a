"""A data set on a hub, whichever hub it is: which files, their download, licence and revision.

Only data files are fetched; a loading script is named and never run.  The revision that the server resolves is what is
read, and the source remembers it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from tuneloop.config import setting
from tuneloop.errors import InputError, NotFoundError, TuneloopError, UsageError, Where
from tuneloop.prepare.container import Entry, Skipped
from tuneloop.prepare.fetching.card import Card, card_of
from tuneloop.prepare.fetching.choosing_files import ALL, choose
from tuneloop.prepare.fetching.download import Refusal, Unreachable, ask, download
from tuneloop.prepare.fetching.spooled_files import SpooledFiles, There
from tuneloop.prepare.place import Place, Visit
from tuneloop.wording import Words

SCRIPT = Words("a program of the data set, never run", "数据集自带的程序，不会运行")
NOT_ASKED = Words(
    "not asked for; read it with --set places.{place}.{key}={value}",
    "未要求读取；如需读取，请设置 --set places.{place}.{key}={value}",
)
CARD = Words("{name}: the card's YAML cannot be read ({mistake}).", "{name}：数据集卡片的 YAML 无法解析（{mistake}）。")


@dataclass(frozen=True)
class Listing:
    """What a hub says of a data set: `commit` is what the revision came to."""

    commit: str
    files: tuple[There, ...]


class HubPlace(Place):
    server_variable: ClassVar[str]
    """The environment variable that names another server, such as a mirror."""

    split: str | None = setting(
        None,
        en="which split is read, or all; without it train, where there is one",
        zh="读取哪个划分，all 表示全部；不填则优先读取 train",
    )
    config: str | None = setting(None, en="which configuration (subset) is read", zh="读取哪个子集（configuration）")
    revision: str | None = setting(None, en="a branch, tag or commit", zh="分支、标签或提交")
    files: tuple[str, ...] = setting(
        (),
        en="patterns of the files to read instead, such as data/*.parquet",
        zh="改为读取匹配这些模式的文件，如 data/*.parquet",
    )
    token: bool = setting(True, en="whether the token of the environment is used", zh="是否使用环境变量中的令牌")
    spool_gigabytes: float = setting(
        64.0, en="GiB of downloaded files that may lie aside at once", zh="已下载文件最多占用的空间（GiB）", gt=0
    )

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        name = self._name(address)
        where = Where(file=self.shown(address))
        if os.environ.get("TUNELOOP_OFFLINE") or os.environ.get("HF_HUB_OFFLINE"):
            raise NotFoundError(f"{name!r} lies on a hub, and the network is switched off", where=where)
        listing = self._sentences(name, lambda: self.listing(name))
        card = self._card(name, listing, visit)
        chosen = choose(
            listing.files,
            card,
            config=self.config,
            split=self.split,
            patterns=self.files,
            where=where,
            place=self.name,
        )
        visit.licence, visit.time = card.licence, datetime.now(UTC).isoformat(timespec="seconds")
        visit.details.update(
            place=self.name, revision=self.revision, commit=listing.commit, config=chosen.config, split=chosen.split,
            files=len(chosen.files), server=self.server(), time=visit.time,
        )  # fmt: skip
        shown = self.shown(address)
        yield from (Skipped(f"{shown}/{script}", SCRIPT) for script in chosen.scripts)
        for other in chosen.others:
            key, value = ("split", ALL) if other.startswith("split ") else ("config", other.partition(" ")[2])
            yield Skipped(f"{shown}, {other}", NOT_ASKED.format(place=self.name, key=key, value=value))

        def fetch(one: There, target: Path, look: Callable[[int], None]) -> None:
            self._sentences(
                name,
                lambda: download(
                    self.url(name, one.path, listing),
                    target,
                    self.headers(),
                    size=one.size,
                    digest=one.digest,
                    name=f"{shown}/{one.path}",
                    look=look,
                ),
            )

        spool = visit.spool(address=shown, commit=listing.commit, server=self.server())
        spooled = SpooledFiles(spool, visit, int(self.spool_gigabytes * 2**30), fetch)
        yield from spooled.entries([(f"{shown}/{one.path}", one) for one in chosen.files])

    def listing(self, name: str) -> Listing:
        """All files of a data set; raises `Refusal` and `Unreachable`."""
        raise NotImplementedError

    def url(self, name: str, path: str, listing: Listing) -> str:
        """Where a file is downloaded."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """Who we are, where a token is there and may be used."""
        raise NotImplementedError

    def server(self) -> str:
        raise NotImplementedError

    def no(self, name: str, refusal: Refusal) -> TuneloopError:
        """The sentence for a data set that the hub does not give, with what to do."""
        raise NotImplementedError

    def get(self, url: str) -> tuple[Any, Any]:
        """Parsed JSON and headers; raises `Unreachable` for what is no JSON."""
        content, headers = ask(url, self.headers())
        try:
            return json.loads(content), headers
        except ValueError:
            raise Unreachable("it answered with something that is no JSON") from None

    def _name(self, address: str) -> str:
        name = re.sub(r"^[a-z]+:(//)?(datasets/)?", "", address).strip("/")
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or ".." in name:
            raise UsageError(f"found the name {name!r}", expected="owner/name, as on the hub")
        return name

    def _card(self, name: str, listing: Listing, visit: Visit) -> Card:
        if not any(one.path == "README.md" for one in listing.files):
            return Card()
        text = self._sentences(name, lambda: ask(self.url(name, "README.md", listing), self.headers())[0])
        card = card_of(text.decode("utf-8", "replace"))
        if card.mistake:
            visit.said.append(CARD.format(name=name, mistake=card.mistake))
        return card

    def _sentences(self, name: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Refusal as refusal:
            raise self.no(name, refusal) from None
        except Unreachable as error:
            raise InputError(
                f"{self.server()} cannot be reached ({error})",
                where=Where(file=name),
                do=f"Check the network, or name another server (a mirror) in {self.server_variable}. Run the command "
                "again: it goes on from what came",
            ) from None
