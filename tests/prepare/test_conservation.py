"""The law: each source item ends as exactly one of kept, merged, dropped, rejected, whatever the input."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuneloop.errors import InputError
from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.outcomes import ConservationError, Outcomes, items_schema
from tuneloop.prepare.spill import Rows, SpillFolder
from tuneloop.store.sources import sources

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "好",
            "好的",
            "怎么退款？",
            "How do I pay?",
            "电话13812345678",
            "a@b.com",
            "x" * 300,
            "锟斤拷",
            "\u3000",
        ]
    ),
    st.text(max_size=20),
)
GOOD = st.builds(lambda q, a: {"question": q, "answer": a}, TEXTS, TEXTS)
TWO = '{"question": "一", "answer": "二"}{"question": "三", "answer": "四"}'
ODD = st.sampled_from(
    [
        '{"question": "q"}',
        '{"question": NaN, "answer": "a"}',
        '{"question": "q", "question": "r", "answer": "a"}',
        '{"question": "\\ud800", "answer": "a"}',
        '{"question": "q", "answer":',
        "[1, 2]",
        "null",
        "text",
        '{"question": 5, "answer": [1]}',
        TWO,
    ]
)
LINES = st.lists(st.one_of(GOOD.map(lambda row: json.dumps(row, ensure_ascii=False)), ODD), min_size=1, max_size=30)
STEPS = st.lists(
    st.sampled_from(["normalize", "empty_answers", "length", "exact_duplicates", "personal_data"]),
    unique=True,
    max_size=5,
)


def version_source(ws, path):
    """The source that was just read: other examples may have led to the same version."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return next(one.id for one in sources(ws) if one.digest == digest)


def items_in(line: str) -> int:
    return 2 if line == TWO else 1


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lines=LINES, repeats=st.integers(1, 3), steps=STEPS)
def test_no_item_is_lost_over_the_whole_pipeline(tmp_path, ws, lines, repeats, steps):
    hold_the_law(tmp_path, ws, lines, repeats, steps)


@pytest.mark.slow
@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lines=LINES, repeats=st.integers(1, 3), steps=STEPS)
def test_no_item_is_lost_in_many_pipelines(tmp_path, ws, lines, repeats, steps):
    hold_the_law(tmp_path, ws, lines, repeats, steps)


def prepared(ws, path, steps, wanted):
    """The version; None where no item was usable, which the error must count."""
    try:
        return prepare(path, workspace=ws, recipe=PrepareRecipe(steps=tuple(steps)))
    except InputError as error:
        told = str(error)
    if wanted > 1 and f"none of {wanted} items" not in told:
        raise AssertionError(told)
    return None


def hold_the_law(folder, ws, lines, repeats, steps):
    path = folder / "mixed.jsonl"
    path.write_text("\n".join(lines * repeats) + "\n", encoding="utf-8", errors="surrogatepass")
    wanted = sum(items_in(line) for line in lines) * repeats
    version = prepared(ws, path, steps, wanted)
    if version is None:
        return
    counts = version.report["counts"]
    assert sum(counts.values()) == version.report["items"] == wanted
    source = version_source(ws, path)
    fates = [fate for fate in versions.fates(ws, version) if fate.source == source]
    assert Counter(fate.outcome for fate in fates) == +Counter(counts)
    assert len({(fate.source, fate.item) for fate in fates}) == wanted
    held = {record.id for record, _, _ in versions.records(ws, version)}
    assert len(held) == version.records == sum(version.splits.values())
    ended = {fate.record for fate in fates if fate.outcome in ("kept", "merged")}
    assert ended == held
    for step in version.report["steps"]:
        gone = sum(step.get("dropped", {}).values()) + sum(step.get("merged", {}).values())
        assert step["seen"] == step["kept"] + step["replaced"] + gone


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ([0, 1], "rows \\[2\\]"),
        ([0, 1, 2, 2], "twice"),
        ([0, 1, 1, 2], "twice"),
        ([0, 1, 2, 7], "unknown: rows \\[7\\]"),
        ([0, 1, 2, 99_999], "belong to no item"),
    ],
)
def test_a_breach_of_the_law_is_noticed(tmp_path, ends, told):
    with SpillFolder(tmp_path / "spill") as folder:
        items = Rows(folder.new(items_schema()))
        for row in range(3):
            items.add(row, 0, "a", row, "line", None, None, "")
        outcomes = Outcomes(folder)
        first, second = outcomes.new_pass(), outcomes.new_pass()
        for place, row in enumerate(ends):
            (first if place % 2 else second).keep(row, "r1:x")
        with pytest.raises(ConservationError, match=told):
            list(outcomes.together(items.close()))
