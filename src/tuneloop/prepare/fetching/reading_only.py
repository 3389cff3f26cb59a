"""Is a query of a database one that only reads?

Words outside of texts, quoted names and comments are looked at: it must be one statement, begin with SELECT, WITH,
VALUES or TABLE, and hold no word that writes, locks or calls.  This is the first of two locks: the transaction is
read-only too, where the database can (`database.py`).  What a function of the database does when it is selected is not
seen here; a user who may only read is the safe way.
"""

from __future__ import annotations

import re

from tuneloop.errors import SettingError, Where

_HIDDEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\$(\w*)\$.*?\$\1\$", re.DOTALL
)
_FIRST = ("select", "with", "values", "table")
_WRITING = (
    "insert", "update", "delete", "merge", "upsert", "into", "create", "drop", "alter", "truncate", "grant", "revoke",
    "attach", "detach", "pragma", "vacuum", "copy", "call", "exec", "execute", "do", "set", "lock", "commit", "begin",
)  # fmt: skip


def check(query: str) -> None:
    """Raises `SettingError` with the word that was found."""
    where = Where(field="prepare.places.sql.query")
    bare = _HIDDEN.sub(" ", query).strip().rstrip(";").strip()
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
                do="If it is the name of a column, write it in quotation marks",
            )
