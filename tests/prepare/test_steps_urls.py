"""Addresses go, the sentence around them stays."""

import pytest

from tuneloop.prepare.decision import KEEP, Replace
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn


def cleaned(text: str, **settings) -> str:
    decision = steps.create({"name": "urls", **settings}).decide_one(Record("text", text=text))
    return decision.record.text if isinstance(decision, Replace) else text


@pytest.mark.parametrize(
    ("text", "marked", "removed"),
    [
        (
            "详情请访问https://example.com/a查看退款规则。谢谢",
            "详情请访问[链接]查看退款规则。谢谢",
            "详情请访问查看退款规则。谢谢",
        ),
        ("文档（https://a.cn/b）在此", "文档（[链接]）在此", "文档在此"),
        ("Read <https://a.com/b> today.", "Read [link] today.", "Read today."),
        ('[帮助](https://a.com/b "标题")在这', "帮助在这", "帮助在这"),
        ("看 https://a.com\n再问", "看 [链接]\n再问", "看\n再问"),
        ("用 `curl https://a.com` 下载", "用 `curl https://a.com` 下载", "用 `curl https://a.com` 下载"),
    ],
)
def test_both_ways(text, marked, removed):
    assert cleaned(text) == marked
    assert cleaned(text, mode="remove") == removed


def test_every_turn_is_cleaned_and_addresses_are_counted():
    record = Record("chat", messages=(Turn("user", "www.a.com是什么"), Turn("assistant", "是网页http://b.cn/x")))
    decision = steps.create("urls").decide_one(record)
    assert [turn.text for turn in decision.record.messages] == ["[链接]是什么", "是网页[链接]"]
    assert decision.detail == {"urls": 2}


def test_bare_addresses_are_left_alone_unless_asked_for():
    record = Record("text", text="上baidu.com搜")
    assert steps.create("urls").decide_one(record) is KEEP
    assert cleaned("上baidu.com搜", bare=True) == "上[链接]搜"
