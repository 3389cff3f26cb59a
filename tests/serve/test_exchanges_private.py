"""What of a request is stored: nothing that names a person, wherever in the request it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuneloop.serve import exchanges
from tuneloop.serve.exchanges import Exchange, ExchangeLog
from tuneloop.store import Workspace

MAIL, PHONE = "bob@example.com", "13812345678"
PLAIN = Exchange("x-1", "support", "model-1", "user-1", "answered", 0.5, 2, 1, {}, [])


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


def kept(ws: Workspace, request: Mapping[str, Any], **more: Any) -> Exchange:
    """The exchange as it is stored."""
    asked = replace(PLAIN, request=request, **more)
    assert ExchangeLog(ws).note(asked)
    return exchanges.exchange(ws, asked.id)


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": f"I am {MAIL}, {PHONE}"}]}]},
        {"messages": [{"role": "user", "name": MAIL, "content": PHONE}]},
        {"stop": [MAIL, PHONE]},
        {"prompt": f"{MAIL} {PHONE}"},
        {"prompt": [MAIL, PHONE]},
        {"input": [MAIL, PHONE]},
        {"user": f"{MAIL} {PHONE}", "safety_identifier": MAIL, "prompt_cache_key": PHONE},
        {"prediction": {"type": "content", "content": f"{MAIL} {PHONE}"}},
        {"response_format": {"type": "json_schema", "json_schema": {
            "name": "x", "schema": {"properties": {MAIL: {"enum": [PHONE, int(PHONE)]}}}}}},
        {"tools": [{"type": "function", "function": {"name": "f", "description": MAIL, "parameters": {
            "properties": {"user": {"default": MAIL}, "number": {"default": float(PHONE)}}}}}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {
            "name": "f", "arguments": json.dumps({"to": f"写信\n{MAIL}", "phone": f"电话\n{PHONE}"})}}]}]},
        {"messages": [{"role": "tool", "content": json.dumps({"客户": f"{MAIL}\n{PHONE}"})}]},
        {"chat_template_kwargs": {"customer": int(PHONE), MAIL: True}},
        {"logit_bias": {MAIL: 1, PHONE: 2}},
    ],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
def test_no_field_of_a_request_keeps_a_mail_or_a_number(ws: Workspace, request_: dict[str, Any]) -> None:
    told = json.dumps(dict(kept(ws, request_).request), ensure_ascii=False)
    assert MAIL not in told
    assert PHONE not in told
    assert "example.com" not in told


def test_escapes_of_json_hide_nothing(ws: Workspace) -> None:
    written = json.dumps({"to": "bob\u0040example.com", "name": "猫"}).replace("@", "\\u0040")
    assert MAIL not in written
    (message,) = kept(ws, {"messages": [{"role": "tool", "content": written}]}).request["messages"]
    assert json.loads(message["content"]) == {"to": "[EMAIL]", "name": "猫"}
    same = json.dumps({"name": "猫\n"})
    (message,) = kept(ws, {"messages": [{"role": "tool", "content": same}]}, id="x-2").request["messages"]
    assert message["content"] == same


def test_tags_are_kept_without_personal_data_in_keys_and_values(ws: Workspace) -> None:
    tags = {"customer": f"{MAIL} {PHONE}", MAIL: "a", "ann@example.com": "b", "page": "help"}
    found = kept(ws, {}, tags=tags).tags
    assert found == {"customer": "[EMAIL] [MOBILE]", "[EMAIL]": "a", "[EMAIL] 2": "b", "page": "help"}


def test_of_token_ids_their_number_is_kept(ws: Workspace) -> None:
    ids = [ord(letter) for letter in MAIL]
    assert kept(ws, {"prompt": ids}).request == {"prompt": {"token_ids": len(ids)}}
    assert kept(ws, {"input": [ids, "cat"]}, id="x-2").request == {"input": [{"token_ids": len(ids)}, "cat"]}
    exchanges.set_logging(ws, {"redact": False})
    assert kept(ws, {"prompt": ids}, id="x-3").request == {"prompt": ids}


def test_settings_stay_as_they_were_sent_and_users_are_told_apart(ws: Workspace) -> None:
    settings = {"seed": int(PHONE), "temperature": 0.5, "stream": True, "max_tokens": 7}
    request = kept(ws, {**settings, "user": "u-1", "safety_identifier": "u-1", "prompt_cache_key": "u-2"}).request
    assert {name: request[name] for name in settings} == settings
    assert request["user"] == request["safety_identifier"] != request["prompt_cache_key"]
    assert "u-" not in request["user"].removeprefix("user-")


def test_a_name_that_is_found_in_one_message_is_hidden_in_all(ws: Workspace) -> None:
    asked = [
        {"role": "user", "content": f"我叫李雷，手机{PHONE}，想查一下订单。"},
        {"role": "assistant", "content": "李雷您好，请稍等。"},
        {"role": "user", "content": [{"type": "text", "text": "李雷的订单到了吗？"}]},
    ]
    found = kept(ws, {"messages": asked}, replies=[{"text": "李雷您好，您的订单已经发货。"}])
    told = json.dumps([found.request, list(found.replies)], ensure_ascii=False)
    assert "李雷" not in told
    assert PHONE not in told
    assert "您的订单已经发货" in told
    assert [one["role"] for one in found.request["messages"]] == ["user", "assistant", "user"]
