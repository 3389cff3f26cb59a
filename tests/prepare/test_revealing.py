"""From pseudonyms back to the real values: with the key only, noted in the audit log, and not after forgetting."""

import json
import re

import pytest

from tuneloop.access import audit
from tuneloop.errors import StorageError, UsageError
from tuneloop.prepare import PrepareRecipe, forgetting, prepare, revealing, salt, versions
from tuneloop.prepare.passport import passport
from tuneloop.prepare.revealing import ACTION, reveal
from tuneloop.store import keys

BY = audit.Actor(None, "mei")
SIGN = re.compile(r"\[[^\[\]]+-[0-9A-Z]{8}\]")
ROWS = [
    {"q": "我的手机是 138 1234 5678，怎么改？", "a": "已改，回执发到BOB@example.com。", "customer_id": "b"},
    {"q": "Please call +86 138-1234-5678 back.", "a": "Card 4111 1111 1111 1111 was refunded.", "customer_id": "a"},
    {"q": "身份证11010519491231002X能用吗？", "a": "可以，服务器 10.20.30.40 已登记。", "customer_id": "a"},
]


def made(ws, write, name="rows.jsonl", rows=ROWS, **settings):
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows)
    settings.setdefault("split", "train_only")
    return prepare(write(name, text), workspace=ws, recipe=PrepareRecipe(**settings))


def texts(ws, version) -> list[str]:
    return [record.full_text for record, _, _ in versions.records(ws, version)]


def sign_of(ws, version, before: str) -> str:
    """The pseudonym that stands right after these words."""
    (found,) = [
        match.group()
        for text in texts(ws, version)
        for match in SIGN.finditer(text)
        if text[: match.start()].endswith(before)
    ]
    return found


def test_a_text_with_pseudonyms_gets_its_values_back(ws, write):
    version = made(ws, write)
    mobile = sign_of(ws, version, "手机是 ")
    card, mail = sign_of(ws, version, "Card "), sign_of(ws, version, "回执发到")
    asked = f"Card: {card}, phone {mobile}, mail {mail}, once more {mobile}"
    found = reveal(ws, asked, by=BY)
    assert [one.outcome for one in found.pseudonyms] == ["revealed"] * 3
    assert [one.kind for one in found.pseudonyms] == ["bank_card", "mobile", "email"]
    assert re.fullmatch(
        r"Card: 4111 1111 1111 1111, phone (138 1234 5678|\+86 138-1234-5678), mail BOB@example.com, once more \1",
        found.text,
    )


def test_a_later_import_has_the_same_pseudonym_for_the_same_value(ws, write):
    first = made(ws, write)
    rows = [{"q": "有人留了13812345678这个号码", "a": "好的，马上回电。"}]
    second = made(ws, write, "more.jsonl", rows)
    assert sign_of(ws, first, "手机是 ") == sign_of(ws, second, "有人留了")


def test_values_come_back_whatever_steps_came_after(ws, write):
    version = made(ws, write, steps=("personal_data", "normalize", "urls"))
    assert reveal(ws, sign_of(ws, version, "服务器 "), by=BY).text == "10.20.30.40"


def test_each_look_is_noted_without_the_value(ws, write):
    version = made(ws, write)
    sign = sign_of(ws, version, "身份证")
    reveal(ws, f"谁是{sign}？", by=BY)
    (entry,) = audit.entries(ws, action=ACTION)
    assert (entry.name, entry.target, entry.outcome) == ("mei", sign, "done")
    assert entry.details == {"pseudonyms": 1, "revealed": 1}
    assert "1101051949" not in str(entry)


def test_without_the_key_and_with_another_one_nothing_is_told(ws, write, monkeypatch, tmp_path):
    sign = sign_of(ws, made(ws, write), "身份证")
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(UsageError, match="the key to originals is not here"):
        reveal(ws, sign, by=BY)
    (tmp_path / "other").write_text("ab" * 32)
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "other"))
    with pytest.raises(StorageError, match="sealed with another key"):
        reveal(ws, sign, by=BY)
    assert [entry.outcome for entry in audit.entries(ws, action=ACTION)] == ["refused", "refused"]


def test_what_was_forgotten_or_never_was_is_not_revealed(ws, write):
    version = made(ws, write)
    mail, card = sign_of(ws, version, "回执发到"), sign_of(ws, version, "Card ")
    forgetting.forget(ws, forgetting.touched(ws, subject="b"), person="mei")
    found = reveal(ws, f"{mail} {card} [MOBILE-00000000]", by=BY)
    assert [one.outcome for one in found.pseudonyms] == ["unknown", "revealed", "unknown"]
    assert found.text == f"{mail} 4111 1111 1111 1111 [MOBILE-00000000]"


def test_a_value_that_the_finder_would_not_find_again_is_found_by_its_place(ws, write, monkeypatch):
    version = made(ws, write)
    sign = sign_of(ws, version, "身份证")
    monkeypatch.setattr(revealing, "_finders", tuple)
    assert reveal(ws, sign, by=BY).text == "11010519491231002X"


@pytest.mark.parametrize("text", ["", "no pseudonym here", "[MOBILE-K7QM2XV]"])
def test_a_text_without_pseudonyms_is_refused(ws, text):
    with pytest.raises(UsageError, match="no pseudonyms"):
        reveal(ws, text, by=BY)


def test_the_trace_of_a_record_shows_no_values(ws, write):
    version = made(ws, write)
    record = next(one for one, _, _ in versions.records(ws, version) if "身份证" in one.full_text)
    (edit,) = passport(ws, record.id).edits
    assert edit.sealed
    assert edit.before["messages"][0]["content"] == "身份证[身份证号]能用吗？"


def test_an_import_with_another_key_is_refused_until_it_is_wanted(ws, write, monkeypatch, tmp_path):
    first = made(ws, write)
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "new" / "key"))
    rows = [{"q": "有人留了13812345678这个号码", "a": "好的，马上回电。"}]
    with pytest.raises(StorageError, match=r"found no key.*tuneloop data new-key"):
        made(ws, write, "more.jsonl", rows)
    assert not keys.key_file().exists()
    salt.renew(ws, by=BY)
    second = made(ws, write, "more.jsonl", rows)
    assert sign_of(ws, first, "手机是 ") != sign_of(ws, second, "有人留了")
    assert reveal(ws, sign_of(ws, second, "有人留了"), by=BY).text == "13812345678"
    monkeypatch.delenv(keys.VARIABLE)
    with pytest.raises(StorageError, match="found another key"):
        made(ws, write, "more.jsonl", [*rows, *ROWS])
