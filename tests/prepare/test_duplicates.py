"""The repeats of a version, cluster by cluster: what stayed, why, and that the records keep all origins."""

from __future__ import annotations

import json

import pytest

from tuneloop.config import read
from tuneloop.errors import UsageError
from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.duplicates import clusters
from tuneloop.store.tags import tags_of

ANSWER = "请在订单页点击申请退款，填写原因后提交，款项会在三到五个工作日内原路退回到您的账户"


def rows(*told: tuple[str, str]) -> str:
    lines = [json.dumps({"question": ask, "answer": say}, ensure_ascii=False) for ask, say in told]
    return "\n".join(lines) + "\n"


@pytest.fixture
def version(ws, write):
    """Two inputs that repeat each other: the better graded one is read last."""
    web = rows(
        ("怎么申请退款呢，麻烦说一下具体步骤", ANSWER),
        ("怎么申请退款呢，麻烦说一下具体步骤", ANSWER),
        ("今天天气怎么样", "晴天。"),
    )
    expert = rows(("怎么申请退款呢，麻烦说一下具体步骤吧", ANSWER + "。"), ("几点开门", "早上九点。"))
    told = {
        "steps": ["exact_duplicates", "near_duplicates"],
        "sources": {"web.jsonl": {"grade": "C", "tags": ["网页"]}, "expert.jsonl": {"grade": "A", "tags": ["客服"]}},
    }
    files = [write("web.jsonl", web), write("expert.jsonl", expert)]
    return prepare(files, workspace=ws, recipe=read(PrepareRecipe, told))


def test_the_better_source_stays_and_the_cluster_says_why(ws, version):
    assert version.report["counts"] == {"kept": 3, "merged": 2, "dropped": 0, "rejected": 0}
    (cluster,) = clusters(ws, version)
    assert cluster.payload["messages"][1]["content"] == ANSWER + "。"
    assert (cluster.size, cluster.kept) == (3, ("source-2, line 1",))
    first, second = cluster.repeats
    assert (first.locator, first.reason, first.why) == ("line 1", "near_duplicate", "grade")
    assert 0.7 < first.similarity < 1
    assert (second.locator, second.reason, second.why, second.similarity) == ("line 2", "exact_duplicate", "equal", 1.0)
    assert first.excerpt.startswith("怎么申请退款")
    assert "等级" in first.words.zh


def test_it_keeps_the_origins_and_tags_of_all(ws, version):
    (cluster,) = clusters(ws, version)
    assert [one.source for one in versions.origins_of(ws, version, cluster.record)] == [
        "source-1",
        "source-1",
        "source-2",
    ]
    assert tags_of(ws, version)[cluster.record] == ("客服", "网页")


def test_items_that_are_one_record_in_the_end_keep_all_origins_too(ws, write):
    files = [write("a.jsonl", rows(("几点开门", "九点。"))), write("b.jsonl", rows(("几点开门", "九点。")))]
    told = {"steps": [], "sources": {"a.jsonl": {"tags": ["甲"]}, "b.jsonl": {"tags": ["乙"]}}}
    version = prepare(files, workspace=ws, recipe=read(PrepareRecipe, told))
    assert version.report["reasons"][0]["reason"] == "same_record"
    assert list(tags_of(ws, version).values()) == [("乙", "甲")]
    (cluster,) = clusters(ws, version)
    assert [one.why for one in cluster.repeats] == ["equal"]


def test_pages_of_clusters_and_those_of_one_reason(ws, write):
    told = [(f"第{n}问", f"答{n}。") for n in range(5) for _ in range(n + 1)]
    version = prepare(write("many.jsonl", rows(*told)), workspace=ws)
    every = clusters(ws, version)
    assert [one.size for one in every] == [5, 4, 3, 2]
    assert clusters(ws, version, after=every[1].cursor, limit=1) == [every[2]]
    assert clusters(ws, version, reason="near_duplicate") == []
    with pytest.raises(UsageError, match="cursor 'x'"):
        clusters(ws, version, after="x")
