"""What is known of each input: which terms hold for it, and that its records remember them."""

from __future__ import annotations

import json

import pytest

from tuneloop.config import read
from tuneloop.errors import SettingError
from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.terms import SourceTerms, rank, terms_of
from tuneloop.store import datasets
from tuneloop.store.sources import add_source, sources
from tuneloop.store.tags import tag_counts


def recipe(**settings) -> PrepareRecipe:
    return read(PrepareRecipe, settings, path="prepare")


def row(text: str) -> str:
    return json.dumps({"question": f"{text}是什么？", "answer": f"{text}的说明。"}, ensure_ascii=False) + "\n"


def test_each_input_has_its_own_terms_and_its_rows_remember_them(ws, write):
    files = [write("data/faq-shop.jsonl", row("退款")), write("data/web.jsonl", row("天气"))]
    told = recipe(
        source={"kind": "client", "licence": "contract 12"},
        sources={
            "faq*": {"kind": "expert", "grade": "A", "consent": "服务团队，2026-03 书面同意", "tags": ["客服"]},
            str(files[1]): "public",
        },
    )
    version = prepare(files, workspace=ws, recipe=told)
    assert [(one.kind, one.grade, one.licence, one.consent) for one in sources(ws)] == [
        ("expert", "A", "contract 12", "服务团队，2026-03 书面同意"),
        ("public", None, "contract 12", None),
    ]
    assert tag_counts(ws, version) == {"客服": 1}
    for record, _, _ in versions.records(ws, version):
        (origin,) = versions.origins_of(ws, version, record.id)
        assert origin.licence == "contract 12"
        assert origin.source == ("source-1" if "退款" in record.full_text else "source-2")


def test_what_is_told_later_wins_and_only_what_is_told():
    general = SourceTerms(kind="client", licence="x")
    patterns = {"*.csv": SourceTerms(grade="B", licence="y"), "a.csv": SourceTerms(grade="A")}
    one, two, three = terms_of(["in/a.csv", "b.csv", "c.txt"], general, patterns, ())
    assert (one.kind, one.grade, one.licence) == ("client", "A", "y")
    assert (two.grade, two.licence, three) == ("B", "y", general)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"sources": {"fqa.jsonl": {"grade": "A"}}},
            "no input is called 'fqa.jsonl'; expected .* Did you mean 'faq.jsonl'",
        ),
        ({"source": {"grade": "D"}, "grades": ["A", "B"]}, "the grade 'D' is not in the order of grades"),
        ({"sources": {"faq.jsonl": {"grad": "A"}}}, "sources.faq.jsonl.grad"),
        ({"sources": {"faq.jsonl": {"tags": ["很" * 65]}}}, "tags of 1 to 64 characters"),
    ],
)
def test_mistakes_are_told_before_anything_is_kept(ws, write, settings, sentence):
    file = write("faq.jsonl", row("退款"))
    with pytest.raises(SettingError, match=sentence):
        prepare(file, workspace=ws, recipe=recipe(**settings))
    assert datasets.versions(ws) == []
    assert sources(ws) == []


def test_grades_have_an_order():
    assert [rank(one) for one in ("A", "b", "C")] == sorted(rank(one) for one in ("A", "b", "C"))
    assert rank("高") < rank("中") < rank("低")
    assert rank("优") < rank("差")
    assert rank("expert-made") is None
    assert [rank(one, ["expert-made", "A"]) for one in ("expert-made", "A", "B", None)] == [0, 1, None, None]


def test_grades_without_an_order_are_said(ws, write):
    files = [write("a.jsonl", row("退款")), write("b.jsonl", row("天气"))]
    told = recipe(sources={"a.jsonl": {"grade": "好东西"}, "b.jsonl": {"grade": "A"}})
    report = prepare(files, workspace=ws, recipe=told, dry_run=True).report
    assert [one["text"]["zh"][:8] for one in report["advice"] if one["topic"] == "grades"] == ["等级 好东西 没"]


def test_another_consent_makes_another_source(ws):
    about = {"kind": "own", "digest": "d", "size": 1}
    first = add_source(ws, "a", **about)
    assert add_source(ws, "a", **about) == first
    agreed = add_source(ws, "a", consent="everybody", details={"pages": 2}, **about)
    assert agreed.id != first.id
    assert (sources(ws)[1].consent, dict(sources(ws)[1].details)) == ("everybody", {"pages": 2})
