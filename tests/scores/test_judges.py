"""Judges: what they ask, how grades are read, what becomes of unreadable ones; reward models by their head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import CHATML, byte_tokenizer

from tuneloop.errors import ModelError
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.engine import Engine, engines
from tuneloop.models.fast import FastModel
from tuneloop.models.heads import Head
from tuneloop.models.new import NewModel, create
from tuneloop.models.sampling import Sampling
from tuneloop.models.templates import template_of
from tuneloop.records import Turn
from tuneloop.scores.grade import grade
from tuneloop.scores.judge import Answered, judges
from tuneloop.scores.judges.local import Local
from tuneloop.scores.judges.reward_model import RewardModel
from tuneloop.scores.metric import metrics
from tuneloop.store import Workspace
from tuneloop.store.models import add_model

SHAPE: dict[str, Any] = {"hidden": 32, "layers": 2, "heads": 2, "kv_heads": 1, "head_dim": 16, "intermediate": 64}


def tiny(max_positions: int = 4096, seed: int = 0) -> FastModel:
    return create(NewModel(**SHAPE, max_positions=max_positions, seed=seed), byte_tokenizer(), "float32")


def asked(question: str, answer: str, reference: str = "") -> Answered:
    return Answered((Turn("user", question),), answer, reference)


def local(answers: list[str], monkeypatch: pytest.MonkeyPatch, **settings: object) -> Local:
    """The judge over a model whose engine only pretends."""
    lm = tiny()

    def engine() -> Engine:
        return engines.create({"name": "fake", "answers": answers})

    monkeypatch.setattr(lm, "engine", engine)
    judge = judges.create({"name": "local", "model": "m", **settings})
    assert isinstance(judge, Local)
    return judge.over(lm)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Score: 8", 0.8),
        ("**Score:** 8/10", 0.8),
        ("Score: **7.5** out of 10. It has 3 mistakes.", 0.75),
        ("It makes 3 claims, 2 of them wrong.\nScore: 4", 0.4),
        ("评分：8", 0.8),
        ("评分：八分", 0.8),
        ("得分 ８ 分（满分10分）", 0.8),
        ("10分制下，我给6分。", 0.6),
        ("这条回答我打 9 分，有 1 处小错。", 0.9),
        ("8", 0.8),
        ("8分\n有 2 处错误", 0.8),
        ("I'd say 8 out of 10.", 0.8),
        ("On a scale from 0 to 10 this is a 3.", 0.3),
        ("<think>3 or 4?</think>Score: 4", 0.4),
        ("0", 0.0),
        ("10", 1.0),
        ("<think>maybe 3", None),
        ("Score: 11", None),
        ("Score: -1", None),
        ("between 3 and 7", None),
        ("80%", None),
        ("very good", None),
        ("", None),
    ],
)
def test_a_grade_is_read_from_a_reply(reply: str, expected: float | None) -> None:
    assert grade(reply, 10) == (None if expected is None else pytest.approx(expected))


def test_a_grade_on_another_scale() -> None:
    assert grade("Score: 4/5", 5) == pytest.approx(0.8)
    assert grade("Score: 7", 5) is None


def test_grades_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = local(["Score: 2", "评分：9"], monkeypatch)
    assert judge.score_all([asked("1+1?", "3"), asked("一加一？", "二")]) == pytest.approx([0.2, 0.9])
    assert judge.counts() == {"asked": 2, "unreadable": 0, "too_long": 0}
    assert judge.score_all([]) == []


def test_an_unreadable_grade_is_the_mean_of_its_question(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = local(["Score: 2", "hm", "Score: 4", "Score: 10", "none"], monkeypatch)
    items = [asked("a", "1"), asked("a", "2"), asked("a", "3"), asked("b", "1"), asked("c", "1")]
    mean = (0.2 + 0.4 + 1) / 3  # nothing of question c was read: the mean of all
    assert judge.score_all(items) == pytest.approx([0.2, 0.3, 0.4, 1, mean])
    assert judge.counts() == {"asked": 5, "unreadable": 2, "too_long": 0}


def test_too_many_unreadable_grades_are_an_error_that_shows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [asked("a", "1"), asked("a", "2"), asked("a", "3")]
    with pytest.raises(ModelError, match=r"to 2 of 3 answers: it wrote 'I like it'"):
        local(["I like it", "Score: 2", "nice"], monkeypatch).score_all(items)
    scores = local(["I like it", "Score: 2", "nice"], monkeypatch, unreadable=0.7).score_all(items)
    assert scores == pytest.approx([0.2] * 3)
    with pytest.raises(ModelError, match=r"to 3 of 3"):
        local(["nice"], monkeypatch, unreadable=1).score_all(items)


def test_what_is_too_long_to_read_counts_as_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = local(["Score: 2"], monkeypatch)
    assert judge.score_all([asked("a", "1"), asked("a", "x" * 5000)]) == pytest.approx([0.2, 0.2])
    assert judge.counts() == {"asked": 2, "unreadable": 1, "too_long": 1}
    with pytest.raises(ModelError, match="longer than it can read"):
        judge.score_all([asked("a", "x" * 5000)])


def test_the_judge_is_asked_in_the_language_of_the_question() -> None:
    judge = judges.create({"name": "local", "model": "m", "rubric": "要引用 {法条}。"})
    assert isinstance(judge, Local)
    zh = judge.prompt(asked("什么是定金？", "<think>嗯</think>是担保。", "担保的一种。"))
    assert "要引用 {法条}。" in zh
    assert "用户：什么是定金？" in zh
    assert "[参考答案]\n担保的一种。" in zh
    assert "[待评回答]\n是担保。" in zh
    assert "0 到 10 的整数" in zh
    en = judge.prompt(asked("What is a deposit?", "A guarantee."))
    assert "user: What is a deposit?" in en
    assert "Reference" not in en
    assert "from 0 (worst) to 10 (best)" in en


def test_a_real_model_judges_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights grade nothing, so the replies are made readable; all prompts go in one call."""
    lm, calls = tiny(), list[int]()
    write = lm.generate

    def counted(prompts: list[list[int]], sampling: Sampling) -> object:
        calls.append(len(prompts))
        return write(prompts, sampling)

    monkeypatch.setattr(lm, "generate", counted)
    monkeypatch.setattr("tuneloop.scores.judges.local.grade", lambda reply, scale: sum(map(ord, reply)) % 11 / 10)
    judge = judges.create({"name": "local", "model": "m", "temperature": 1.0, "seed": 3, "max_tokens": 8})
    assert isinstance(judge, Local)
    items = [asked("1+1?", "2"), asked("一加一？", "三"), asked("1+1?", "no idea")]
    first = judge.over(lm).score_all(items)
    assert judge.score_all(items) == first
    assert len(set(first)) > 1
    assert calls == [3, 3]


def with_head(seed: int = 1, **settings: object) -> tuple[RewardModel, FastModel, Head]:
    lm, head = tiny(256), Head.new("reward", 32, seed=seed)
    torch.nn.init.normal_(head.weight, std=1.0, generator=torch.Generator().manual_seed(seed))
    judge = judges.create({"name": "reward_model", "model": "m", **settings})
    assert isinstance(judge, RewardModel)
    return judge.with_head(lm, head), lm, head


ITEMS = [asked("1+1?", "2"), asked("一加一等于几？", "二"), asked("hello", "hi there")]


def test_a_reward_model_reads_the_last_token_of_each_conversation() -> None:
    judge, lm, head = with_head()
    scores = judge.score_all(ITEMS)
    for item, score in zip(ITEMS, scores, strict=True):
        text = lm.template.render([*item.messages, Turn("assistant", item.answer)])
        ids = [*lm.tokenizer.encode(text)]
        with torch.no_grad():
            hidden = lm.module(torch.tensor(ids), torch.arange(len(ids)), [len(ids)])
        assert score == pytest.approx(float(hidden[-1].float() @ head.weight[0].detach()), abs=1e-4)
    assert judge.score_all(ITEMS[::-1]) == pytest.approx(scores[::-1], abs=1e-4)
    squashed = with_head(output="sigmoid")[0].score_all(ITEMS)
    assert squashed == pytest.approx(torch.tensor(scores).sigmoid().tolist(), abs=1e-4)


def test_a_reward_model_keeps_the_end_of_what_is_too_long() -> None:
    judge, *_ = with_head()
    scores = judge.score_all([asked("x" * 400, "2"), asked("x" * 300, "2"), asked("x" * 400, "3")])
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    assert scores[0] != pytest.approx(scores[2], abs=1e-5)
    assert judge.counts() == {"asked": 3, "cut": 3, "untemplated": 0}


def test_an_answer_that_the_template_changes_is_scored_behind_the_prompt() -> None:
    judge, lm, _ = with_head()
    shouting = CHATML.replace("m['content']", "m['content'] | upper")
    lm.template = template_of({"default": shouting}, lm.tokenizer.special)
    items = [asked("abc", "yes"), asked("ABC", "yes")]
    scores = judge.score_all(items)
    assert judge.counts()["untemplated"] == 2
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)  # the template shouts the question, the answer is as it was
    assert scores[0] != pytest.approx(judge.score_all([asked("abc", "YES")])[0], abs=1e-3)


def test_a_reward_model_from_its_folder_and_by_its_version(tmp_path: Path) -> None:
    judge, lm, head = with_head()
    expected = judge.score_all(ITEMS)
    with Workspace.find(tmp_path / "ws") as ws:
        folder = ws.path("models", "reward")
        lm.save(folder)
        head.save(folder)
        made = add_model(ws, base="new", form="full", folder=folder, objective="reward", tuner="full", recipe={})
        for name in (str(folder), made.name):
            loaded = judges.create({"name": "reward_model", "model": name}).within(ws)
            assert loaded.score_all(ITEMS) == pytest.approx(expected, abs=0.05)


def test_a_reward_model_that_is_an_adapter(tmp_path: Path) -> None:
    base = tmp_path / "base"
    tiny(256).save(base)
    judge, lm, head = with_head()
    plain = judge.score_all(ITEMS)
    with Workspace.find(tmp_path / "ws") as ws:
        folder = ws.path("models", "reward")
        adapter = LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=1)
        for site in adapter.sites.values():
            torch.nn.init.normal_(site.up, std=0.3, generator=torch.Generator().manual_seed(1))
        adapter.save(folder)
        head.save(folder)
        made = add_model(ws, base=str(base), form="adapter", folder=folder, objective="reward", tuner="lora", recipe={})
        lm.attach(adapter)
        expected = judge.score_all(ITEMS)
        assert expected != pytest.approx(plain, abs=0.05)
        loaded = judges.create({"name": "reward_model", "model": made.name}).within(ws)
        assert loaded.score_all(ITEMS) == pytest.approx(expected, abs=0.05)


def test_a_model_without_a_reward_head_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    tiny(256).save(folder)
    judge = judges.create({"name": "reward_model", "model": str(folder)})
    with pytest.raises(ModelError, match=r"head\.json"):
        judge.score_all(ITEMS)
    Head.new("classify", 32, labels=("yes", "no")).save(folder)
    with pytest.raises(ModelError, match="kind 'classify' with 2 outputs"):
        judge.score_all(ITEMS)


def test_no_judge_is_called_like_a_metric() -> None:
    assert not set(judges.names()) & set(metrics.names())
