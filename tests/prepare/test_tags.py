"""Tags: where they come from, that they reach the origins, and what is refused."""

from __future__ import annotations

import json

import pytest

from tuneloop.config import read
from tuneloop.errors import SettingError
from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.commit import Ledgers
from tuneloop.store import datasets
from tuneloop.store.ledgers import KINDS
from tuneloop.store.tags import tag_counts, tag_table, tags_of


def recipe(**settings) -> PrepareRecipe:
    return read(PrepareRecipe, {"steps": ["exact_duplicates"], **settings}, path="prepare")


def rows(*told) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)


def by_question(ws, version) -> dict[str, tuple[str, ...]]:
    tags = tags_of(ws, version)
    return {record.messages[0].text: tags.get(record.id, ()) for record, _, _ in versions.records(ws, version)}


ASKED = rows(
    {"question": "怎么退款？", "answer": "点击订单页的退款按钮。", "topic": "退款, 订单"},
    {"question": "How do I refund?", "answer": "Open the order page.", "topic": ["refund", " 订单 "]},
    {"question": "几点开门？", "answer": "早上九点。", "topic": None},
    {"question": "怎么退款？", "answer": "点击订单页的退款按钮。", "topic": "重复"},
    {"question": "没有回答", "topic": "退款"},
)


def test_tags_of_a_column_reach_the_records_and_join_where_records_merge(ws, write):
    version = prepare(write("faq.jsonl", ASKED), workspace=ws, recipe=recipe(tags="topic"))
    assert by_question(ws, version) == {
        "怎么退款？": ("订单", "退款", "重复"),
        "How do I refund?": ("refund", "订单"),
        "几点开门？": (),
    }
    assert tag_counts(ws, version) == {"订单": 2, "refund": 1, "退款": 1, "重复": 1}
    table = tag_table(ws, version)
    assert table["record"].to_pylist() == sorted(table["record"].to_pylist())
    assert table.num_rows == 5
    assert version.report["tags"] == {"rejected": {"退款": 1}}
    asked = next(one for one, _, _ in versions.records(ws, version) if one.messages[0].text == "怎么退款？")
    assert [one.tags for one in versions.origins_of(ws, version, asked.id)] == [("订单", "退款"), ("重复",)]
    assert "topic" not in version.report["inputs"][0]["files"][0]["unused"]


def test_a_column_that_begins_late_in_a_file_is_seen(ws, write):
    told = [{"question": f"第{n}问？", "answer": f"答{n}。"} | ({"topic": "晚"} if n > 250 else {}) for n in range(260)]
    version = prepare(write("late.jsonl", rows(*told)), workspace=ws, recipe=recipe(tags="topic"))
    assert tag_counts(ws, version) == {"晚": 9}


def test_a_mapping_names_the_column_too(ws, write):
    one = prepare(write("faq.jsonl", ASKED), workspace=ws, recipe=recipe(mapping={"tags": "topic"}))
    assert one.id == prepare(write("faq.jsonl", ASKED), workspace=ws, recipe=recipe(tags=["topic"])).id
    with pytest.raises(SettingError, match="tags in one place"):
        recipe(mapping={"tags": "topic"}, tags="topic")


def test_rules_look_where_they_are_told_and_take_latin_words_whole(ws, write):
    told = rows(
        {"question": "Is my cat's category right?", "answer": "Yes, 退款 is done."},
        {"question": "Concatenate these", "answer": "APP闪退，订单 889 未到"},
        {"question": "我要退款", "answer": "CAT 已处理"},
    )
    rules = [
        {"tag": "animals", "words": ["cat"]},
        {"tag": "refund", "words": ["退款", "refund"], "where": "question"},
        {"tag": "order", "pattern": r"订单\s*\d+", "where": "answer"},
        {"tag": "app", "words": ["app"]},
    ]
    version = prepare(write("asked.jsonl", told), workspace=ws, recipe=recipe(tags={"rules": rules, "source": True}))
    assert by_question(ws, version) == {
        "Is my cat's category right?": ("animals", "asked"),
        "Concatenate these": ("app", "asked", "order"),
        "我要退款": ("animals", "asked", "refund"),
    }


def test_the_class_of_a_text_may_be_its_tag(ws, write):
    told = rows({"text": "物流太慢了", "label": "差评"}, {"text": "非常好用", "label": "好评"})
    version = prepare(write("reviews.jsonl", told), workspace=ws, recipe=recipe(tags={"labels": True}))
    assert tag_counts(ws, version) == {"好评": 1, "差评": 1}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tags": "answer"}, "the column 'answer' holds .* of 80 characters, which is no tag"),
        ({"tags": {"columns": ["number"], "most": 20}}, "found more than 20 different tags"),
        ({"tags": "numbr"}, "tags are taken from the column 'numbr', which no file has. Did you mean 'number'"),
        ({"tags": "more"}, "the column 'more' holds .*; expected a tag, or a list of tags"),
        ({"tags": {"rules": [{"tag": "a", "pattern": "(?=b)"}]}}, r"rules\[0\].pattern': found .*RE2"),
        ({"tags": {"rules": [{"tag": "a"}]}}, "words or a pattern"),
    ],
)
def test_what_is_no_tag_is_refused_and_nothing_is_kept(ws, write, settings, sentence):
    told = [{"question": f"第{n}问？", "answer": "长" * 80, "number": n, "more": {"a": 1}} for n in range(30)]
    with pytest.raises(SettingError, match=sentence):
        prepare(write("free.jsonl", rows(*told)), workspace=ws, recipe=recipe(**settings))
    assert datasets.versions(ws) == []


def test_versions_made_before_tags_were_known_are_read(ws, write, monkeypatch):
    columns = {name: kind for name, kind in KINDS["origins"].items() if name != "tags"}
    with monkeypatch.context() as old:
        old.setitem(KINDS, "origins", columns)
        old.setattr(Ledgers, "_origin", _without_tags)
        first = prepare(write("old.jsonl", rows({"question": "旧问题？", "answer": "旧回答。"})), workspace=ws)
    assert tags_of(ws, first) == {}
    assert tag_counts(ws, first) == {}
    record = next(one for one, _, _ in versions.records(ws, first))
    assert versions.origins_of(ws, first, record.id)[0].tags == ()
    added = prepare(write("faq.jsonl", ASKED), workspace=ws, recipe=recipe(tags="topic", extend=first.name))
    assert by_question(ws, added)["How do I refund?"] == ("refund", "订单")
    assert versions.origins_of(ws, added, record.id)[0].tags == ()


def _without_tags(self, row, tags):
    named = {name: row[name] for name in ("record", "file", "locator", "subject", "group", "item")}
    return {**named, "source": self.sources[row["input"]], "licence": None}
