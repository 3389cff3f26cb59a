"""The encoding of an HTML page, as a browser finds it, with one exception.

A byte order mark, what its server named where it was fetched, then the page's own `<meta charset>` (names as the WHATWG
Encoding Standard reads them: `gb2312` is GB18030, `iso-8859-1` is Windows-1252), then what the bytes look like.  The
exception: bytes that are UTF-8 throughout, with twenty characters beyond ASCII, are UTF-8 whatever the page or its
server says, as saved pages keep the words of the server.
"""

from __future__ import annotations

import codecs
import re

from tuneloop.prepare.source_file import SourceFile
from tuneloop.text.encoding import MARKS

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_AS_BROWSERS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "utf-16": "utf-8",  # the declaration itself was read as ASCII
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
}
_NO_CHARSETS = ("undefined", "unicode_escape", "raw_unicode_escape", "punycode", "idna", "mbcs", "oem")
"""Codecs of Python that no page is in."""

_LEADING = re.compile(rb"[\xc0-\xff]")
_ENOUGH = 20


def page_encoding(file: SourceFile, measured: str | None) -> str:
    """The codec's name; `measured` is what the bytes look like."""
    head = file.head
    if any(head.startswith(mark) for mark, _ in MARKS) or (measured or "").startswith(("utf-16", "utf-32")):
        return measured or "utf-8"
    if measured == "utf-8" and len(_LEADING.findall(head)) >= _ENOUGH and _is_utf8(head):
        return "utf-8"
    return file.charset or declared(head) or measured or "utf-8"


def declared(head: bytes) -> str | None:
    """The codec that the page names; None where it names none that is known."""
    found = _META.search(head) or _XML.match(head.lstrip())
    if found is None:
        return None
    return codec_of(found[1].decode("ascii"))


def codec_of(label: str) -> str | None:
    """The codec of a label as browsers read it; None for one that is not known."""
    name = label.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(_AS_BROWSERS.get(name) or name)
    except LookupError:
        return None
    return found.name if getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS else None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
