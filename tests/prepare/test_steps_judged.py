"""What a judge model adds to the rules for answers that do not fit and answers that contradict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Drop, Keep
from tuneloop.prepare.step import Outcome, StepContext, steps
from tuneloop.records import Record, Turn
from tuneloop.scores.verdict import Judging, Verdict
from tuneloop.store import Workspace


class Fake:
    """Stands in for the judge: verdicts by what the question holds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []

        def verdicts(judging: Judging, questions: Sequence[str]) -> list[Verdict]:
            self.asked += questions
            judging._counts["asked"] += len(questions)
            return [self.say(one) for one in questions]

        monkeypatch.setattr(Judging, "verdicts", verdicts)

    def say(self, question: str) -> Verdict:
        if "无声" in question:
            return Verdict(None, "no answer within 60 s")
        bad = "香蕉" in question or "概不退换" in question
        return Verdict(not bad, "说的是另一件事" if bad else "可以")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(monkeypatch)


def chat(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def applied(name: str, records: list[Record], ws: Workspace | None = None, **settings: Any) -> Outcome:
    step = steps.create({"name": name, "judge": {"model": "m", **settings}}).start(StepContext(b"", ws))
    batch = batches.to_batch(list(enumerate(records)))
    return step.apply(batch, step.summarize([batch]))


ENGLISH = "Here is a list of four albums by the band you asked for."


def test_the_judge_has_the_last_word_about_what_the_rules_find(fake: Fake) -> None:
    outcome = applied(
        "mismatched_answers",
        [
            chat("列出四张专辑。", ENGLISH),
            chat("列出四张香蕉专辑。", ENGLISH),
            chat("无声地列出四张专辑。", ENGLISH),
            chat("怎么退货？", "香蕉富含钾。"),
        ],
    )
    assert dict(outcome.decided) == {1: Drop("other_language", "说的是另一件事"), 2: Keep(("unjudged",))}
    assert len(fake.asked) == 3
    assert outcome.tally.judged == {"asked": 3}
    assert outcome.tally.as_dict()["judged"] == {"asked": 3}
    assert outcome.tally.flagged == {"unjudged": 1}


def test_all_records_can_be_asked_about(fake: Fake) -> None:
    records = [chat("怎么退货？", "香蕉富含钾。"), chat("怎么退货？", "七天内都能退。"), Record("text", text="香蕉")]
    outcome = applied("mismatched_answers", records, about="all")
    assert dict(outcome.decided) == {0: Drop("judged_unfit", "说的是另一件事")}
    assert len(fake.asked) == 2
    assert "怎么退货？" in fake.asked[0]
    assert "只输出一行" in fake.asked[0]


def test_contradictions_go_to_the_judge_pair_by_pair(fake: Fake) -> None:
    records = [
        chat("拆封了能退吗？", "可以退的，七天内都行。"),
        chat("拆封了能退吗？", "不可以，拆封后概不退换。"),
        chat("几天内可以退货？", "签收后7天内可以申请退货。"),
        chat("几天内可以退货？", "签收后15天内可以申请退货。"),
        chat("无声：几天内发货？", "付款后2天内可以发货。"),
        chat("无声：几天内发货？", "付款后3天内可以发货。"),
        chat("写一首诗", "春眠不觉晓"),
        chat("写一首诗", "床前明月光"),
        Record("label", text="好", label="a"),
        Record("label", text="好", label="b"),
    ]
    outcome = applied("contradictions", records)
    unjudged = Keep(("unjudged",))
    yes, no = "“可以退的，七天内都行。”", "“不可以，拆封后概不退换。”"
    assert dict(outcome.decided) == {
        0: Drop("review", f"{yes} ≠ {no} {records[1].id}: 说的是另一件事"),
        1: Drop("review", f"{no} ≠ {yes} {records[0].id}: 说的是另一件事"),
        4: unjudged,
        5: unjudged,
        8: Drop("review", f"“a” ≠ “b” {records[9].id}"),  # two labels need no judge
        9: Drop("review", f"“b” ≠ “a” {records[8].id}"),
    }
    assert len(fake.asked) == 3
    assert outcome.tally.judged == {"asked": 3}
    fake.asked.clear()
    applied("contradictions", records, about="all")
    assert len(fake.asked) == 4


def test_without_a_judge_nothing_changes() -> None:
    step = steps.create("mismatched_answers")
    assert step.decide_one(chat("列出四张专辑。", ENGLISH)) == Drop("other_language")
    assert step.decide_one(chat("列出四张专辑。", "好的，以下是四张专辑。")) is KEEP


def test_a_second_run_asks_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def ask_here(judging: Judging, questions: Sequence[str]) -> list[str]:
        sent.extend(questions)
        return ["否：语言不对"] * len(questions)

    monkeypatch.setattr(Judging, "_ask_here", ask_here)
    with Workspace.find(tmp_path) as ws:
        for _ in range(2):
            outcome = applied("mismatched_answers", [chat("列出四张专辑。", ENGLISH)], ws)
            assert dict(outcome.decided) == {0: Drop("other_language", "语言不对")}
    assert len(sent) == 1
    assert outcome.tally.judged == {"remembered": 1}
