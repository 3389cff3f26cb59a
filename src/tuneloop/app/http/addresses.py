"""Which addresses a run that is begun over HTTP may read, and with which settings.

Whoever may begin runs must not make the server read its own files, its network or databases for them.  So nothing is
taken as it is written but web pages (public ones alone, see `prepare/fetching/addresses.py`) and names of hubs;
databases and stores are those that the server's settings name, and are called by these names:

    https://…              web:file-abc…       pages, and an uploaded list of them
    hf:owner/name          modelscope:owner/name
    database:crm           database:crm#faq
    store:lake/june/*.jsonl

Of the settings of places only those that choose what is read are taken; limits, hosts and tokens are the server's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import field_validator

from tuneloop.config import Settings, setting
from tuneloop.errors import SettingError, UsageError, Where, nearest
from tuneloop.prepare.fetching.secrets import has_password, without_secrets

CHOOSING: Mapping[str, frozenset[str]] = {
    "sql": frozenset({"query", "table", "key"}),
    "web": frozenset({"column", "fresh"}),
    "huggingface": frozenset({"split", "config", "revision", "files"}),
    "modelscope": frozenset({"split", "config", "revision", "files"}),
}
"""What a caller may set; a test holds it against the settings that there are."""

EXPECTED = (
    "https://…, web:FILE-ID (an uploaded list of addresses), hf:owner/name, modelscope:owner/name, database:NAME, "
    "store:NAME/path or triage:"
)


class ServedDatabase(Settings):
    address: str = setting(
        en="the SQLAlchemy URL, without a password; best of a user who may only read",
        zh="SQLAlchemy 地址，不含密码；建议使用只读用户",
    )
    password_from: str | None = setting(
        None, en="the environment variable of the server that holds the password", zh="服务端存放密码的环境变量名"
    )
    tables: tuple[str, ...] = setting(
        (),
        en="the tables that may be read; empty: any query that only reads",
        zh="允许读取的表；为空表示允许任何只读查询",
    )

    @field_validator("address")
    @classmethod
    def _no_password(cls, value: str) -> str:
        if has_password(value):
            raise SettingError(  # a ValueError would be told with the password
                f"the address {without_secrets(value)!r} holds a password",
                expected="one without; the password comes from the environment variable that password_from names",
                where=Where(field="places.databases"),
            )
        return value


class ServedPlaces(Settings):
    """What runs that are begun over HTTP may read beside uploaded files."""

    web: bool = setting(True, en="Whether public web pages may be fetched.", zh="是否允许抓取公开网页。")
    hubs: bool = setting(
        True,
        en="Whether data sets of Hugging Face and ModelScope may be read.",
        zh="是否允许读取 Hugging Face 和 ModelScope 的数据集。",
    )
    hub_token: bool = setting(
        False,
        en="Whether the server's own tokens are used for hubs: callers then read what these may read.",
        zh="访问数据集平台时是否使用服务端的令牌；启用后，调用者可读取该令牌有权读取的数据。",
    )
    databases: dict[str, ServedDatabase] = setting(
        {},
        en="Databases that may be read, by a name: {crm: {address: postgresql://reader@db/crm}}; best in a file.",
        zh="允许读取的数据库，按名称设置：{crm: {address: postgresql://reader@db/crm}}；建议写在文件里。",
    )
    stores: dict[str, str] = setting(
        {},
        en="Folders of object stores that may be read, by a name: {lake: s3://bucket/team}.",
        zh="允许读取的对象存储目录，按名称设置：{lake: s3://bucket/team}。",
    )
    settings: dict[str, dict[str, Any]] = setting(
        {},
        en="Settings of places for these runs, as in recipes: {web: {delay: 2, hosts: [wiki.example.org]}}.",
        zh="这些运行所用的数据位置设置，写法同配方：{web: {delay: 2, hosts: [wiki.example.org]}}。",
    )


def served(
    addresses: Sequence[str], recipe: Mapping[str, Any], allowed: ServedPlaces
) -> tuple[list[str], dict[str, Any]]:
    """The addresses and the recipe as the run has them; raises `UsageError` for what may not be read."""
    places = {name: dict(values) for name, values in allowed.settings.items()}
    for name, values in _chosen(recipe).items():
        places[name] = {**places.get(name, {}), **values}
    found = []
    databases = set()
    for address in addresses:
        kind, _, rest = address.partition(":")
        if kind == "database":
            name, _, table = rest.partition("#")
            one = _named(name, allowed.databases, "database")
            databases.add(name)
            sql = places.setdefault("sql", {})
            _check_tables(one, table, sql)
            if one.password_from is not None:
                sql["password_from"] = one.password_from
            found.append(one.address + (f"#{table}" if table else ""))
        elif kind == "store":
            found.append(_in_store(rest, allowed.stores))
        elif kind in ("http", "https") or re.fullmatch(r"web:file-[\w-]+", address):
            _switched("web pages", allowed.web)
            found.append(address)
        elif kind in ("hf", "huggingface", "modelscope"):
            _switched("data sets of hubs", allowed.hubs)
            for name in ("huggingface", "modelscope"):
                places.setdefault(name, {})["token"] = allowed.hub_token
            found.append(address)
        elif kind == "triage":
            found.append(address)
        else:
            raise UsageError(
                f"found the address {without_secrets(address)[:200]!r}",
                expected=EXPECTED,
                where=Where(field="addresses"),
                do="Files are uploaded; databases and stores are named in the server's settings",
            )
    if len(databases) > 1:
        raise UsageError(f"found {len(databases)} databases", expected="one a run", where=Where(field="addresses"))
    return found, {**recipe, "places": places} if places else dict(recipe)


def _chosen(recipe: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The caller's settings of places, when they only choose."""
    places = recipe.get("places", {})
    where = Where(field="recipe.places")
    if not isinstance(places, Mapping) or not all(isinstance(values, Mapping) for values in places.values()):
        raise UsageError("found no settings by place", expected='such as {"sql": {"key": "id"}}', where=where)
    for name, values in places.items():
        for key in values:
            if key not in CHOOSING.get(name, ()):
                known = ", ".join(sorted(CHOOSING.get(name, ()))) or "nothing"
                raise UsageError(
                    f"found places.{name}.{key}",
                    expected=f"over HTTP only {known}",
                    where=where,
                    do="The others are set in the server's settings, under places.settings",
                )
    return places


def _check_tables(one: ServedDatabase, table: str, sql: Mapping[str, Any]) -> None:
    if not one.tables:
        return
    asked = table or sql.get("table")
    if sql.get("query") is not None or asked not in one.tables:
        raise UsageError(
            "found a query" if sql.get("query") is not None else f"found the table {asked!r}",
            expected=f"one of the tables {', '.join(one.tables)}, which the server's settings allow",
            where=Where(field="recipe.places.sql"),
        )


def _in_store(rest: str, stores: Mapping[str, str]) -> str:
    name, _, path = rest.partition("/")
    base = _named(name, stores, "store")
    if ".." in PurePosixPath(path).parts or "::" in path or "\\" in path:
        raise UsageError(f"found the path {path!r}", expected="a path inside the store", where=Where(field="addresses"))
    return f"{base.rstrip('/')}/{path}"


def _named(name: str, known: Mapping[str, Any], kind: str) -> Any:
    if name not in known:
        hint = nearest(name, known) if known else f"The server's settings name no {kind}"
        raise UsageError(f"no {kind} is called {name!r}", where=Where(field="addresses"), do=hint[0].upper() + hint[1:])
    return known[name]


def _switched(what: str, on: bool) -> None:
    if not on:
        raise UsageError(f"this server does not read {what}", where=Where(field="addresses"))
