"""Is a query of a database one that only reads?

It must be one statement, begin with SELECT, WITH, VALUES or TABLE, and hold no word that writes, locks or calls outside
of texts, quoted names and comments.  What is a text differs between databases (backslashes, `#`, `--`, `$$`, `[…]`), so
a query must pass under every reading of these: what one database takes for a text, another might run.  A few innocent
queries are refused for it.

This is the first of two locks: the transaction is read-only too, where the database can (`database.py`).  What a
function of the database does when it is selected is not seen here; a user who may only read is the safe way.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product

from tuneloop.errors import SettingError, Where

_FIRST = ("select", "with", "values", "table")
_WRITING = (
    "insert", "update", "delete", "merge", "upsert", "into", "create", "drop", "alter", "truncate", "grant", "revoke",
    "attach", "detach", "pragma", "vacuum", "copy", "call", "exec", "execute", "do", "set", "lock", "commit", "begin",
)  # fmt: skip


def check(query: str) -> None:
    """Raises `SettingError` with what was found."""
    where = Where(field="prepare.places.sql.query")
    if re.search(r"/\*M?!", query):
        raise SettingError("found a comment that MySQL runs (/*! … */)", expected="a query without it", where=where)
    for hidden in _readings():
        bare = hidden.sub(" ", query).strip().rstrip(";").strip()
        words = re.findall(r"[a-z_][\w$]*", bare.lower())
        if not words or words[0] not in _FIRST:
            found = words[0].upper() if words else "nothing"
            raise SettingError(
                f"the query begins with {found}",
                expected="SELECT … (or WITH, VALUES, TABLE): data is only read",
                where=where,
            )
        if ";" in bare:
            raise SettingError("found several statements", expected="one query", where=where)
        for word in words[1:]:
            if word in _WRITING:
                raise SettingError(
                    f"the query holds {word.upper()}",
                    expected="a query that only reads",
                    where=where,
                    do="If it is the name of a column, write it in double quotation marks; else make a view of it",
                )


@cache
def _readings() -> list[re.Pattern[str]]:
    """What is hidden from the check, once for each way in which databases read texts, names and comments."""
    made = []
    for escapes, hashes, spaced, dollars, brackets in product((True, False), repeat=5):
        inside = r"[^{0}\\]|{0}{0}|\\." if escapes else r"[^{0}]|{0}{0}"
        parts = [
            r"--(?=\s|$)[^\n]*" if spaced else r"--[^\n]*",
            *([r"#[^\n]*"] if hashes else []),
            r"/\*.*?\*/",
            *(f"{mark}(?:{inside.format(mark)})*{mark}" for mark in "'\""),
            r"`[^`]*`",
            *([r"\$(\w*)\$.*?\$\1\$"] if dollars else []),
            *([r"\[[^\]]*\]"] if brackets else []),
        ]
        made.append(re.compile("|".join(parts), re.DOTALL))
    return made
