"""Files of an object store, or of any other place that fsspec knows: `s3://bucket/path`, `gs://…`, `oss://…`.

One file, a pattern (`s3://bucket/logs/*.jsonl`) or a folder.  Credentials are the driver's own: its environment
variables and files.  Files are laid aside one after the other, within a bound, and go on where they broke off; one
that has changed meanwhile (by its etag or time) is begun anew.  The driver's package is the user's to install.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import field_validator

from tuneloop.config import setting
from tuneloop.errors import InputError, NotFoundError, SettingError, TuneloopError, UsageError, Where, missing_package
from tuneloop.prepare.container import ABOUT, HIDDEN, Entry, Skipped, is_about, is_hidden
from tuneloop.prepare.fetching.secrets import without_secrets
from tuneloop.prepare.fetching.spooled_files import SpooledFiles, There
from tuneloop.prepare.place import Place, Visit
from tuneloop.store.durable import flush_file, storage_errors
from tuneloop.wording import Words

PIECE = 1 << 20
TRIES = 3
NOT_STORES = {
    "file", "local", "http", "https", "data", "dir", "cached", "blockcache", "filecache", "simplecache", "reference",
    "generic", "zip", "tar", "libarchive", "jlab", "jupyter", "dask", "git", "hf", "asynclocal", "async_wrapper",
    "asyncwrapper", "pyscript",
}  # fmt: skip
"""What fsspec knows and is no store: this machine, wrappers of other places, and what has a place of its own."""

_MARKS = ("ETag", "etag", "md5Hash", "generation", "version_id", "LastModified", "last_modified", "mtime", "created")
_SECRET = re.compile(
    r"(^|_)(key|secret|token|password|passwd|pwd|credential|credentials|signature)($|_)", re.IGNORECASE
)


class ObjectStore(Place):
    """`scheme://…`, for every scheme that fsspec knows as a store."""

    title = Words("Object stores", "对象存储")
    help = Words(
        "Files, patterns and folders of s3://, gs://, oss:// and whatever else fsspec knows; streamed through a "
        "bounded folder, going on where it broke off.",
        "s3://、gs://、oss:// 等 fsspec 支持的存储中的文件、通配符和文件夹；经有上限的暂存目录流式读取，可断点续传。",
    )

    options: dict[str, Any] = setting(
        {},
        en="options of the driver, such as {endpoint_url: https://…, anon: true}; never credentials",
        zh="驱动的选项，如 {endpoint_url: https://…, anon: true}；不含任何凭证",
    )
    spool_gigabytes: float = setting(
        64.0, en="GiB of downloaded files that may lie aside at once", zh="已下载文件最多占用的空间（GiB）", gt=0
    )

    @field_validator("options")
    @classmethod
    def _no_credentials(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if _SECRET.search(name):
                raise SettingError(  # a ValueError would be told with the value
                    f"found the option {name!r}",
                    expected="no credentials: they come from the environment or the driver's own files",
                    where=Where(field="prepare.places.object_store.options"),
                )
        return value

    @classmethod
    def takes(cls, address: str) -> bool:
        scheme, mark, _ = address.partition("://")
        if not mark:
            return False
        import fsspec

        return scheme in fsspec.available_protocols() and scheme not in NOT_STORES

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        shown = self.shown(address)
        if "::" in address:
            raise UsageError(f"found the chain {shown!r}", expected="one address; archives are opened anyway")
        with _sentences(shown):
            files, root = self._opened(address, shown)
            found = _listed(files, root)
        if not found:
            raise NotFoundError("nothing lies there", where=Where(file=shown), do="Check the path and the pattern")
        scheme = address.partition("://")[0]
        folder = root.rstrip("/").rpartition("/")[0] if len(found) == 1 or re.search(r"[*?[]", root) else root
        taken: list[tuple[str, There]] = []
        for one in found:
            name = without_secrets(f"{scheme}://{one.path.lstrip('/')}")
            inner = one.path.removeprefix(folder).lstrip("/") or one.path
            if refused := visit.budget.take_entry(shown):
                yield refused
                break
            if is_hidden(inner) or is_about(inner):
                yield Skipped(name, HIDDEN if is_hidden(inner) else ABOUT)
            else:
                taken.append((name, one))
        visit.time = datetime.now(UTC).isoformat(timespec="seconds")
        visit.details.update(place=self.name, files=len(taken), time=visit.time)

        def fetch(one: There, target: Path, look: Callable[[int], None]) -> None:
            _fetch(files, one, target, look, shown)

        spool = visit.spool(address=shown, options=self.options)
        yield from SpooledFiles(spool, visit, int(self.spool_gigabytes * 2**30), fetch).entries(taken)

    def _opened(self, address: str, shown: str) -> tuple[Any, str]:
        """The driver, and the path in it."""
        import fsspec
        from fsspec.registry import known_implementations

        scheme = address.partition("://")[0]
        try:
            files, root = fsspec.core.url_to_fs(address, **self.options)
        except ImportError as error:
            told = known_implementations.get(scheme, {}).get("class", "").partition(".")[0]
            package = told if told not in ("", "fsspec") else error.name or scheme
            raise missing_package(f"The store {shown}", package) from None
        except TypeError as error:  # an option that the driver does not have
            raise UsageError(
                f"the driver of {scheme} refuses its options ({error})",
                expected="options as its documentation names them",
                where=Where(field="prepare.places.object_store.options"),
            ) from None
        return files, str(root)


def _listed(files: Any, root: str) -> list[There]:
    """All files of a pattern, a folder or a path, by their names."""
    if re.search(r"[*?[]", root):
        found = files.glob(root, detail=True)
    else:
        told = files.info(root)
        found = {root: told} if told.get("type") == "file" else files.find(root, detail=True)
    return [
        There(str(path), told.get("size"), mark=next((str(told[key]) for key in _MARKS if told.get(key)), ""))
        for path, told in sorted(found.items())
        if told.get("type") == "file"
    ]


def _fetch(files: Any, one: There, target: Path, look: Callable[[int], None], shown: str) -> None:
    """Append what is missing; a connection that breaks off is made again a few times."""
    for number in range(1, TRIES + 1):
        try:
            with _sentences(shown):
                _copy(files, one, target, look)
        except InputError:
            if number == TRIES:
                raise
            continue
        with storage_errors(target):
            flush_file(target)
        return


def _copy(files: Any, one: There, target: Path, look: Callable[[int], None]) -> None:
    with storage_errors(target):
        out = target.open("ab")
    with out:
        held = out.tell()
        with files.open(one.path, "rb") as stream:
            if held:
                stream.seek(held)
            while piece := stream.read(PIECE):
                with storage_errors(target, needed=len(piece)):
                    out.write(piece)
                held += len(piece)
                look(held)
    if one.size is not None and held != one.size:
        if held > one.size:
            target.unlink()
        raise OSError(f"it ended after {held:,} of {one.size:,} bytes")


@contextmanager
def _sentences(shown: str) -> Iterator[None]:
    where = Where(file=shown)
    try:
        yield
    except TuneloopError:
        raise
    except FileNotFoundError:
        raise NotFoundError(
            "nothing lies there", where=where, do="Check bucket and path, and that your account may list them"
        ) from None
    except PermissionError as error:
        raise InputError(
            f"the store gives no right to read it ({error})",
            where=where,
            do="Set the driver's credentials (its environment variables or files), or anon: true for a public bucket",
        ) from None
    except Exception as error:  # noqa: BLE001  drivers raise errors of their own libraries: no credentials, no network
        told = without_secrets(" ".join(str(error).split())[:300]) or type(error).__name__
        raise InputError(
            f"the store cannot be read ({told})",
            where=where,
            do="Check the network and the driver's credentials. What came is kept: run the command again",
        ) from None
