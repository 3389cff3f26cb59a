"""Exchanges: one request and its reply in use, kept so that feedback can refer to it and data can be made of it.

How much is kept is the workspace's setting `exchanges`: `{"log": "all" | "sampled" | "off", "share": 0.1, "redact":
true}`.  Personal data that our finder knows is taken out of texts, keys, long numbers and tags before anything is
stored; of a prompt of token ids, in which nothing can be found, the number of tokens is kept.  An end user's id is kept
as a keyed hash, so that their exchanges belong together and nobody is named.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import bindparam, insert, select

from tuneloop.access import audit
from tuneloop.config import Settings, read, setting
from tuneloop.errors import NotFoundError
from tuneloop.serve.looked_for import Answer, in_time, said, tagged
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.registry_tables import exchanges as table
from tuneloop.store.settings import get_setting, put_setting, set_setting
from tuneloop.store.tables import created_text, next_number

Outcome = Literal["answered", "cancelled", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
KEY, SALT = "exchanges", "exchanges.salt"
END_USER = ("user", "safety_identifier", "prompt_cache_key")
"""Fields of a request that tell end users apart."""
PROMPTS = ("prompt", "input")
"""Fields that may hold token ids."""
SAID = (*PROMPTS, "content", "text")
"""Under these stands what people and models said."""
Hide = Callable[[str], str]
LONG = 10**6
"""A smaller number is no one's phone, card or document."""


class Logging(Settings):
    """What is kept of the traffic."""

    log: Literal["off", "sampled", "all"] = setting(
        "all", en="which exchanges are kept: none, a share, all", zh="保存哪些对话记录：不保存、抽样、全部"
    )
    share: float = setting(0.1, gt=0, le=1, en="share that is kept with `sampled`", zh="抽样保存的比例（0 到 1）")
    redact: bool = setting(
        True, en="take personal data out before storing", zh="保存前去除个人信息（手机号、证件号、邮箱等）"
    )


@dataclass(frozen=True)
class Exchange:
    """`asked` is the name in the request, `model` what answered, `alias` the one it went through.

    `latency` and `first_token` are seconds; `request` holds messages and settings, `replies` one message for each
    choice with its `finish_reason`.
    """

    id: str
    asked: str
    model: str
    caller: str
    outcome: Outcome
    latency: float
    prompt_tokens: int
    completion_tokens: int
    request: Mapping[str, Any]
    replies: Sequence[Mapping[str, Any]]
    alias: str | None = None
    first_token: float | None = None
    scenario: str = "main"
    tags: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    number: int = 0


def logging(ws: Workspace) -> Logging:
    return read(Logging, get_setting(ws, KEY, {}), path=KEY)


def set_logging(ws: Workspace, values: Mapping[str, Any]) -> Logging:
    """Change what is kept from now on, which the audit log tells; raises SettingError for what cannot be."""
    checked = read(Logging, {**get_setting(ws, KEY, {}), **values}, path=KEY)
    told = checked.model_dump()
    with ws.db.write(durable=True) as connection:
        put_setting(connection, KEY, told)
        audit.note(connection, audit.acting(), "settings.change", KEY, **told)
    return checked


class ExchangeLog:
    """Where a server notes exchanges.  `note` returns when the row is stored, so that an id that a client has seen
    whole can be referred to."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws

    def note(self, exchange: Exchange) -> bool:
        """Keep an exchange if the setting wants it; says whether."""
        how = logging(self.ws)
        if how.log == "off" or (how.log == "sampled" and secrets.randbelow(10**9) >= how.share * 10**9):
            return False
        request, replies = dict(exchange.request), [dict(one) for one in exchange.replies]
        tags: dict[str, Any] = dict(exchange.tags)
        users = {name: self._pseudonym(str(request.pop(name))) for name in END_USER if request.get(name)}
        if how.redact:
            request = {name: _counted(one) if name in PROMPTS else one for name, one in request.items()}
            settings = {name: one for name, one in request.items() if isinstance(one, int | float)}  # a seed is long
            hide = _hiding([request, replies])
            request, replies = _redacted(request, hide) | settings, [_redacted(one, hide) for one in replies]
            tags = _redacted(tags, hide)
        request |= users
        with self.ws.db.write() as connection:
            row = {
                "number": next_number(connection, "exchange"),
                "id": exchange.id,
                "scenario": exchange.scenario,
                "asked": exchange.asked,
                "model": exchange.model,
                "alias": exchange.alias,
                "caller": exchange.caller,
                "outcome": exchange.outcome,
                "latency": exchange.latency,
                "first_token": exchange.first_token,
                "prompt_tokens": exchange.prompt_tokens,
                "completion_tokens": exchange.completion_tokens,
                "request": request,
                "replies": replies,
                "tags": tags,
                "created": clock(connection),
            }
            connection.execute(insert(table).values(row))
        return True

    def _pseudonym(self, user: str) -> str:
        salt = get_setting(self.ws, SALT)
        if salt is None:
            set_setting(self.ws, SALT, secrets.token_hex(16))
            salt = get_setting(self.ws, SALT)
        return "user-" + hmac.new(bytes.fromhex(str(salt)), user.encode(), hashlib.sha256).hexdigest()[:16]


def _hiding(exchange: Any) -> Hide:
    """What hides personal data in one text; what is said in an exchange belongs together, so that a name that is found
    in one message is hidden in all."""
    from tuneloop.text.personal.hiding import hide, hide_all

    said = list(dict.fromkeys(_said(exchange)))
    known = dict(zip(said, hide_all(said), strict=True))
    return lambda text: known[text] if text in known else hide(text)


def _said(value: Any, key: str = "") -> Iterator[str]:
    """The texts of messages, prompts and replies."""
    if isinstance(value, str) and key in SAID:
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _said(one, str(name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _said(one, key)


def _redacted(value: Any, hide: Hide) -> Any:
    """The same JSON with personal data taken out of every text, key and long number in it."""
    if isinstance(value, str):
        return _hidden(value, hide)
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, one in value.items():
            name = told = hide(str(key))
            while name in found:  # two keys may have become one
                name = f"{told} {len(found)}"
            found[name] = _redacted(one, hide)
        return found
    if isinstance(value, list | tuple):
        return [_redacted(one, hide) for one in value]
    if isinstance(value, int | float) and LONG <= abs(value) < math.inf:
        digits = str(int(value) if value == int(value) else value)
        told = hide(digits)
        return value if told == digits else told
    return value


def _hidden(text: str, hide: Hide) -> str:
    """As `hide`; in JSON with escapes, such as the arguments of calls, what they stand for is looked at."""
    if "\\" in text and text.lstrip()[:1] in ("{", "["):
        try:
            written = json.loads(text)
            told = _redacted(written, hide)
        except (ValueError, RecursionError):  # no JSON, or too deep for any reader
            return hide(text)
        if told != written:
            return json.dumps(told, ensure_ascii=False)
    return hide(text)


def _counted(prompt: Any) -> Any:
    """A prompt, or a list of them, with `{"token_ids": how many}` in the place of token ids."""
    if not isinstance(prompt, list):
        return prompt
    if prompt and isinstance(prompt[0], int):
        return {"token_ids": len(prompt)}
    return [_counted(one) for one in prompt]


_BY_ID = select(table).where(table.c.id == bindparam("identity"))


def exchange(ws: Workspace, identity: str) -> Exchange:
    """The exchange of a response id; raises NotFoundError."""
    with ws.db.read() as connection:
        row = connection.execute(_BY_ID, {"identity": identity}).mappings().first()
    if row is None:
        raise NotFoundError(
            f"no exchange is called {identity!r}",
            expected="the id of a response that was kept",
            do='Keep exchanges with the setting `exchanges`: {"log": "all"}' if logging(ws).log != "all" else "",
        )
    return _exchange(row)


def exchanges(
    ws: Workspace,
    *,
    before: int | None = None,
    limit: int = 50,
    model: str | None = None,
    alias: str | None = None,
    outcome: str | None = None,
    caller: str | None = None,
    scenario: str | None = None,
    tags: Sequence[str] = (),
    since: float | None = None,
    until: float | None = None,
    answer: Answer | None = None,
) -> list[Exchange]:
    """Exchanges, newest first, below the number `before`; the other words filter.

    `tags` are all there (`team`, or `team=billing`); times are seconds since 1970, `until` exclusive; `answer` is what
    people said of it.
    """
    query = select(table).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    wanted = {
        table.c.model: model,
        table.c.alias: alias,
        table.c.outcome: outcome,
        table.c.caller: caller,
        table.c.scenario: scenario,
    }
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    with ws.db.read() as connection:
        query = query.where(*in_time(connection, table, since, until))
        query = query.where(*(tagged(connection, tag) for tag in tags))
        if answer is not None:
            query = query.where(said(answer))
        return [_exchange(row) for row in connection.execute(query).mappings()]


def _exchange(row: Mapping[Any, Any]) -> Exchange:
    values = {name: row[name] for name in Exchange.__dataclass_fields__ if name != "created"}
    return Exchange(**values, created=created_text(row["created"]))
