"""What each tag is worth: amounts, quality, losses on the way, use, and what it did to results, counted by hand."""

from __future__ import annotations

import json

import pytest

from tuneloop.config import read
from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.tag_values import tag_values
from tuneloop.store.evaluations import add_evaluation
from tuneloop.store.models import add_model
from tuneloop.store.tags import tags_of

CHARACTERS = [chr(point) for point in range(0x4E00, 0x4E00 + 500)]


def row(number: int, **more) -> dict[str, object]:
    said = "".join(CHARACTERS[(number * 37 + at * (number % 7 + 3)) % 500] for at in range(12))
    return {"question": f"{said}？", "answer": f"{said[::-1]}。", **more}


@pytest.fixture
def version(ws, write):
    """40 rows on 退款 and 20 on 物流 by experts; 10 more on 退款 from the web: 4 repeats, 3 empty, 3 without answer."""
    expert = [row(n, topic="退款" if n < 40 else ["物流", "退款"] if n < 45 else "物流") for n in range(60)]
    web = [row(n, topic="退款") for n in range(4)]
    web += [row(n, topic="退款") | {"answer": " "} for n in range(100, 103)]
    web += [{"question": "没有回答", "topic": "退款"}] * 3
    files = [
        write(name, "\n".join(json.dumps(one, ensure_ascii=False) for one in rows))
        for name, rows in (("expert.jsonl", expert), ("web.jsonl", web))
    ]
    told = {"tags": "topic", "sources": {"expert.jsonl": {"grade": "A"}, "web.jsonl": {"grade": "C"}}}
    return prepare(files, workspace=ws, recipe=read(PrepareRecipe, told))


def test_amounts_quality_and_losses(ws, version):
    refund, delivery = tag_values(ws, version)
    assert (refund.tag, refund.records, delivery.tag, delivery.records) == ("退款", 45, "物流", 20)
    assert sum(refund.splits.values()) == 45
    assert refund.splits["test"] in (4, 5)
    assert refund.grades == {"A": 45, "C": 4}
    assert refund.mean_length == pytest.approx(27, abs=0.1)  # 13 and 13 characters, and the line between them
    assert refund.items == 55
    assert refund.outcomes == {"kept": 45, "merged": 4, "dropped": 3, "rejected": 3}
    assert {(one.outcome, one.reason, one.count) for one in refund.reasons} == {
        ("merged", "exact_duplicate", 4),
        ("dropped", "empty_answer", 3),
        ("rejected", "", 3),
    }
    assert refund.lost == 6 / 55
    assert delivery.outcomes == {"kept": 20, "merged": 0, "dropped": 0, "rejected": 0}


def test_use_in_versions_and_models_and_what_it_did(ws, version, write):
    more = write("more.jsonl", json.dumps(row(500, topic="物流"), ensure_ascii=False))
    told = {"tags": "topic", "extend": version.name}
    later = prepare(more, workspace=ws, recipe=read(PrepareRecipe, told))
    other = prepare(write("other.jsonl", json.dumps(row(700))), workspace=ws)
    for data in (version, other):
        folder = ws.path("models") / data.name
        folder.mkdir(parents=True)
        (folder / "weights").write_text(data.name)
        about = {"base": "starter", "form": "adapter", "objective": "sft", "tuner": "lora", "recipe": {}}
        add_model(ws, folder=folder, dataset=data.name, **about)
    tags = tags_of(ws, version)
    tested = [record.id for record, _, _ in versions.records(ws, version, "test")]
    answers = [
        {"record": one, "scores": {"base": {"exact": 0.0}, "tuned": {"exact": float("退款" in tags[one])}}}
        for one in tested
    ]
    for metrics in ({"old": 1.0}, {"new": 1.0}):  # the newest evaluation of a model counts
        counted = answers if "new" in metrics else answers[:1]
        add_evaluation(
            ws, model="model-1", base="starter", measure="generalization", metrics={"tuned": metrics}, answers=counted
        )
    refund, delivery = tag_values(ws, version)
    assert refund.versions == {version.name: 45, later.name: 45}
    assert refund.models == ("model-1",)
    (up,) = refund.results
    assert (up.evaluation, up.metric, up.questions) == ("eval-2", "exact", refund.splits["test"])
    assert (up.base, up.tuned, up.difference) == (0.0, 1.0, 1.0)
    assert 0 < up.low < up.high <= 1
    alone = [one for one in tested if tags[one] == ("物流",)]
    (flat,) = delivery.results
    assert flat.tuned == 1 - len(alone) / delivery.splits["test"]
    assert flat.low <= flat.difference <= flat.high


def test_a_version_without_tags_has_none(ws, write):
    assert tag_values(ws, prepare(write("a.jsonl", json.dumps(row(1))), workspace=ws)) == []
