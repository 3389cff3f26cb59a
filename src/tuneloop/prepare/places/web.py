"""Pages of the web: one address, or a file of them, each fetched once and kept until a version is made.

A page's origin names its address and when it was fetched, and its locator the title and heading.  What a page is, its
bytes say: HTML goes to the HTML importer, a PDF to that of PDF, and so on.  A page that cannot be had is one rejected
item with its reason; the next start asks for it again, and for no other.

Not covered: asking only whether a page has changed, when it is imported again for another version.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tuneloop.config import setting
from tuneloop.errors import NotFoundError, Where
from tuneloop.prepare.container import Entry, Refused, Skipped
from tuneloop.prepare.document.encoding import codec_of
from tuneloop.prepare.fetching.addresses import AddressError, target
from tuneloop.prepare.fetching.pace import Pace, Stopped
from tuneloop.prepare.fetching.page_list import addresses_in
from tuneloop.prepare.fetching.secrets import without_secrets
from tuneloop.prepare.fetching.spool import Spool
from tuneloop.prepare.fetching.web_client import PageError, WebClient
from tuneloop.prepare.place import Place, Visit
from tuneloop.prepare.source_file import SourceFile
from tuneloop.prepare.unpacking import opened
from tuneloop.store.durable import flush_file, storage_errors, write_file
from tuneloop.wording import Words

AGENT = "tuneloop"
HTML = ("text/html", "application/xhtml+xml")
_TWICE = Words("stands in the list before", "在列表中重复出现")
_KEPT = Words(
    "{name}: {count} of {total} pages had been fetched before (since {time}) and were not fetched again.",
    "{name}：{total} 个网页中有 {count} 个此前（自 {time} 起）已抓取，未重复抓取。",
)


class Web(Place):
    """`https://…`, or `web:FILE` for a file of addresses."""

    title = Words("Web pages", "网页")
    help = Words(
        "Pages by their addresses: https://…, or web:FILE for a list of them. robots.txt is obeyed, a site gets one "
        "request at a time, and addresses inside the network never.",
        "按地址抓取网页：https://…，或 web:文件（地址列表）。遵守 robots.txt，对每个站点逐个请求，不访问内网地址。",
    )

    column: str | None = setting(None, en="which column of a list holds the addresses", zh="列表中哪一列是网址")
    contact: str | None = setting(
        None,
        en="an address or mail for site owners, told with each request",
        zh="随请求告知站点管理者的联系方式（网址或邮箱）",
    )
    delay: float = setting(
        1.0, en="seconds between two requests to a site, at least", zh="同一站点两次请求的最短间隔（秒）", ge=0
    )
    at_once: int = setting(8, en="sites that are asked at once", zh="同时访问的站点数", ge=1, le=64)
    timeout: float = setting(
        30.0, en="seconds without a byte after which a server is given up", zh="无数据的超时秒数", gt=0
    )
    page_seconds: float = setting(60.0, en="seconds that a page may take as a whole", zh="单个网页的总时限（秒）", gt=0)
    max_megabytes: int = setting(32, en="the largest page or file, in MiB", zh="单个网页或文件的大小上限（MiB）", ge=1)
    tries: int = setting(4, en="how often a page is asked for, at most", zh="单个网页最多请求次数", ge=1, le=10)
    hosts: tuple[str, ...] = setting(
        (), en="hosts inside the network that may be fetched all the same", zh="允许抓取的内网主机名"
    )
    fresh: bool = setting(False, en="fetch every page anew", zh="重新抓取所有网页")

    @classmethod
    def takes(cls, address: str) -> bool:
        return address.lower().startswith(("http://", "https://", "web:"))

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        wanted, bad = self._wanted(address)
        yield from bad
        spool = visit.spool(address=address)
        if self.fresh:
            spool.clear()
        kept = {url: page for url in wanted if (page := _kept(spool, url)) is not None}
        if kept:
            since = min(page["time"] for page in kept.values())
            told = {"name": self.shown(address), "count": len(kept), "total": len(wanted), "time": since}
            visit.said.append(_KEPT.format(**told))
        failed = self._fetch([url for url in wanted if url not in kept], spool, visit, len(kept), len(wanted))
        times = []
        for url in wanted:
            name = without_secrets(url)
            if url in failed:
                yield failed[url]
                continue
            page = _kept(spool, url) or {}
            times.append(page["time"])
            visit.times[name] = visit.time = page["time"]
            visit.add_content(name, page["digest"], page["size"])
            ending = ".html" if page["type"] in HTML else PurePosixPath(urlsplit(page["final"]).path).suffix.lower()
            file = SourceFile(name, path=_body(spool, url), ending=ending, charset=codec_of(page["charset"] or ""))
            yield from opened(file, visit.budget)
        visit.details.update(
            place=self.name,
            pages=len(times),
            failed=len(failed),
            time=min(times, default=None),
            until=max(times, default=None),
        )

    def _wanted(self, address: str) -> tuple[list[str], list[Refused | Skipped]]:
        """The addresses in order, each once, and what is none."""
        if not address.startswith("web:"):
            return [address], []
        path = Path(address.removeprefix("web:")).expanduser()
        if not path.is_file():
            raise NotFoundError("no such list of addresses", where=Where(file=path), do="Check the path")
        found: dict[str, None] = {}
        bad: list[Refused | Skipped] = []
        for number, text in addresses_in(path, self.column):
            try:
                target(text)
            except AddressError as error:
                name = f"{path.name}, line {number}"
                bad.append(Refused(name, error.reason, f"{without_secrets(text[:200])!r} {error}"))
                continue
            if text in found:
                bad.append(Skipped(f"{path.name}, line {number}: {without_secrets(text)}", _TWICE))
            found[text] = None
        return list(found), bad

    def _fetch(self, urls: list[str], spool: Spool, visit: Visit, done: int, total: int) -> dict[str, Refused]:
        """Fetch what is missing, one thread a site; what failed, by its address."""
        from tuneloop import __version__

        pace = Pace(self.delay)
        agent = f"{AGENT}/{__version__}" + (f" (+{self.contact})" if self.contact else "")
        client = WebClient(
            agent,
            pace,
            frozenset(host.lower() for host in self.hosts),
            self.timeout,
            self.page_seconds,
            self.max_megabytes << 20,
            self.tries,
        )
        sites: dict[str, list[str]] = defaultdict(list)
        failed: dict[str, Refused] = {}
        for url in urls:
            try:
                sites[target(url).site].append(url)
            except AddressError as error:
                failed[url] = Refused(without_secrets(url), error.reason, str(error))
        counted = [done]

        def work(site: str) -> None:
            for url in sites[site]:
                try:
                    _fetch_one(client, url, spool)
                except PageError as error:
                    failed[url] = Refused(without_secrets(url), error.reason, str(error))
                except Stopped:
                    return
                counted[0] += 1

        with ThreadPoolExecutor(self.at_once, thread_name_prefix="fetching") as threads:
            left = {threads.submit(work, site) for site in sites}
            try:
                visit.look(counted[0], total, "pages")
                while left:
                    ended, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
                    visit.look(counted[0], total, "pages")
                    for one in ended:
                        one.result()
            finally:
                pace.stop.set()  # what still waits ends now
        return failed


def _fetch_one(client: WebClient, url: str, spool: Spool) -> None:
    """The body first, then what tells of it: a page is there when both are."""
    body = _body(spool, url)
    with storage_errors(body):
        page = client.fetch(url, body)
        flush_file(body)
    with body.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    told = {
        "url": url, "final": page.url, "type": page.type, "charset": page.charset, "size": page.size, "digest": digest,
        "time": datetime.now(UTC).isoformat(timespec="seconds"), **page.headers,
    }  # fmt: skip
    write_file(body.with_suffix(".json"), json.dumps(told, ensure_ascii=False).encode())


def _kept(spool: Spool, url: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(_body(spool, url).with_suffix(".json").read_bytes())
    except FileNotFoundError:
        return None
    return found


def _body(spool: Spool, url: str) -> Path:
    return spool.folder / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.body"
