"""Files that were uploaded into the workspace: `upload:file-4fMa8/faq.xlsx`."""

from __future__ import annotations

from collections.abc import Iterator

from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import Entry
from tuneloop.prepare.place import Place, Visit
from tuneloop.prepare.source_file import disk_file
from tuneloop.prepare.unpacking import opened
from tuneloop.wording import Words

SCHEME = "upload:"


def address_of(identity: str, filename: str) -> str:
    """The address of an uploaded file; its last part is the name that it was uploaded with."""
    return f"{SCHEME}{identity}/{filename.replace(chr(92), '/').rpartition('/')[2] or 'file'}"


class Upload(Place):
    """The name tells the format; the id tells which file, so the same upload is the same source in every run."""

    title = Words("Uploaded files", "已上传的文件")
    help = Words(
        "A file of this workspace by its id and name: upload:file-4fMa8/faq.xlsx. tuneloop files lists them.",
        "本工作区中已上传的文件，写作 upload:文件编号/文件名；用 tuneloop files 查看。",
    )

    @classmethod
    def takes(cls, address: str) -> bool:
        return address.startswith(SCHEME)

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        from tuneloop.store.files import content, file

        if visit.ws is None:
            raise InputError("found no workspace", expected="one that holds the file", where=Where(file=address))
        identity, _, name = address.removeprefix(SCHEME).partition("/")
        found = file(visit.ws, identity)
        named = name or address_of(identity, found.filename).rpartition("/")[2]
        yield from opened(disk_file(content(visit.ws, found), named), visit.budget)
        visit.digest, visit.size = found.digest.removeprefix("sha256:"), found.bytes
