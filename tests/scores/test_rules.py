"""Metrics that check a rule: numbers, choices, patterns, length, JSON, reasoning tags, repetition."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneloop.errors import SettingError
from tuneloop.scores.metric import metrics

ANY = st.text(alphabet="一二三A B.,，。答案是<think>/{}\"':0123 \n```json", max_size=60)
RULES: list[dict[str, Any]] = [
    {"name": "number"},
    {"name": "choice"},
    {"name": "pattern", "pattern": "答案"},
    {"name": "length", "most": 20, "soft": 7},
    {"name": "json_valid", "keys": ["a"]},
    {"name": "reasoning_format"},
    {"name": "repetition"},
]


def score(name: str, answer: str, reference: str = "", **settings: Any) -> float:
    return metrics.create({"name": name, **settings}).score(answer, reference)


@pytest.mark.parametrize("spec", RULES, ids=lambda spec: spec["name"])
@given(answer=ANY, reference=ANY)
def test_scores_lie_between_0_and_1(spec: dict[str, Any], answer: str, reference: str) -> None:
    assert 0 <= metrics.create(spec).score(answer, reference) <= 1


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("3+4=7，所以是 7。", "7", 1),
        ("一共三十二个苹果。", "32", 1),
        ("共１，２３４元", "#### 1234", 1),
        ("The answer is 1,234.50 dollars", "1234.5", 1),
        ("<think>也许是 8</think>答案：7", "7", 1),
        ("\\boxed{\\frac{3}{4}}", "0.75", 1),
        ("3.5万人", "35000", 1),
        ("百分之四十", "40%", 1),
        ("40", "40%", 0),
        ("7, or perhaps 8", "7", 0),
        ("seven", "7", 0),
        ("7", "unknown", 0),
    ],
)
def test_number(answer: str, reference: str, expected: int) -> None:
    assert score("number", answer, reference) == expected


def test_number_within_a_tolerance() -> None:
    assert score("number", "0.333", "1/3") == 0
    assert score("number", "0.333", "1/3", tolerance=0.001) == 1
    assert score("number", "101", "100", relative=0.01) == 1
    assert score("number", "101.1", "100", relative=0.01) == 0
    assert score("number", "1.0000001", "1", tolerance=0) == 0


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("B", "B", 1),
        ("b", "B", 1),
        ("(b)", "B", 1),
        ("Ｂ。", "B", 1),
        ("**B**", "B", 1),
        ("B. 巴黎", "B", 1),
        ("B) Paris", "B", 1),
        ("巴黎", "B. 巴黎", 1),
        ("Paris.", "(B) Paris", 1),
        ("里昂", "B. 巴黎", 0),
        ("答案是B", "B", 1),
        ("答案：B", "B", 1),
        ("我觉得A不对，应选 B。", "B", 1),
        ("不选A，选B", "B", 1),
        ("选B，不选A", "B", 1),
        ("正确答案是 **C**。", "C", 1),
        ("The answer is (C).", "C", 1),
        ("The answer is a dog", "A", 0),
        ("A cat sat there.", "A", 0),
        ("I would say B because A is wrong", "B", 0),  # two letters and no statement: nothing is chosen
        ("It must be D, I think.", "D", 1),
        ("<think>A 还是 B？</think>选 B", "B", 1),
        ("\\boxed{B}", "B", 1),
        ("\\boxed{\\text{C}}", "C", 1),
        ("AC", "AC", 1),
        ("A、C", "AC", 1),
        ("选A和C", "A,C", 1),
        ("A and C", "AC", 1),
        ("ABCD", "B", 0),  # all of them is no choice
        ("B", "BC", 0),
        ("Because it is so", "B", 0),
        ("", "B", 0),
        ("", "", 0),
    ],
)
def test_choice(answer: str, reference: str, expected: int) -> None:
    assert score("choice", answer, reference) == expected


def test_choice_of_other_letters() -> None:
    assert score("choice", "答案是E", "E") == 0
    assert score("choice", "答案是E", "E", letters="ABCDE") == 1


def test_pattern() -> None:
    assert score("pattern", "您好，请问有什么可以帮您？", pattern="^您好") == 1
    assert score("pattern", "你好", pattern="^您好") == 0
    assert score("pattern", "作为一个人工智能", pattern="人工智能|AI", wanted=False) == 0
    assert score("pattern", "Order No. 12345\n", pattern=r"order no\. \d{5}", whole=True, ignore_case=True) == 1
    assert score("pattern", "Order No. 12345.", pattern=r"order no\. \d{5}", whole=True, ignore_case=True) == 0


def test_a_pattern_without_end_is_stopped() -> None:
    with pytest.raises(SettingError, match=r"more than 1 s"):
        score("pattern", "a" * 80, pattern=r"(a|aa)+\1c")


def test_a_pattern_that_cannot_be_read_is_told() -> None:
    with pytest.raises(SettingError, match=r"a regular expression .*missing"):
        score("pattern", "", pattern="(a")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("", 0), ("  \n", 0), ("猫", 0.5), ("猫猫", 1), ("猫" * 10, 1), ("a" * 12, 0), ("猫" * 11, 0.5), (" 猫猫 ", 1)],
)
def test_length(answer: str, expected: float) -> None:
    assert score("length", answer, least=2, most=10, soft=2) == pytest.approx(expected)


def test_length_without_a_soft_edge() -> None:
    assert [score("length", "a" * count, most=3) for count in (0, 1, 3, 4)] == [0, 1, 1, 0]
    with pytest.raises(SettingError, match="not above"):
        score("length", "", least=5, most=3)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"姓名": "小明"}', 1),
        ('```json\n{"a": 1}\n```', 1),
        ("<think>{</think>\n[1, 2]", 1),
        (f"[{'9' * 5000}]", 1),
        ('好的：{"a": 1}', 0),
        ('{"a": 1} {"b": 2}', 0),
        ("{'a': 1}", 0),
        ("[NaN]", 0),
        ("[" * 100_000, 0),
        ("", 0),
    ],
)
def test_json_valid(answer: str, expected: int) -> None:
    assert score("json_valid", answer) == expected


def test_json_with_keys_and_kind() -> None:
    answer = json.dumps({"用户": {"名": "小明"}, "ok": None}, ensure_ascii=False)
    assert score("json_valid", answer, keys=["用户.名", "ok"]) == 1
    assert score("json_valid", answer, keys=["用户.名", "用户.龄", "ok", "x"]) == 0.5
    assert score("json_valid", "[]", keys=["ok"]) == 0
    assert score("json_valid", "[]", kind="object") == 0
    assert score("json_valid", "```json\n{}\n```", fenced=False) == 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<think>三加四得七。</think>\n7", 1),
        ("<think>x</think>", 0),
        ("<think> </think>7", 0),
        ("7", 0),
        ("好：<think>x</think>7", 0),
        ("<think>x</think>7</think>", 0),
        ("<think><think>x</think>7", 0),
        ("</think>x<think>7", 0),
    ],
)
def test_reasoning_format(answer: str, expected: int) -> None:
    assert score("reasoning_format", answer) == expected


def test_reasoning_format_with_an_answer_tag_or_opened() -> None:
    assert score("reasoning_format", "<think>x</think><answer>7</answer>", answer_tag="answer") == 1
    assert score("reasoning_format", "<think>x</think>so <answer>7</answer>", answer_tag="answer") == 0
    assert score("reasoning_format", "<think>x</think>7", answer_tag="answer") == 0
    assert score("reasoning_format", "x</think>7", opened=True) == 1
    assert score("reasoning_format", "<think>x</think>7", opened=True) == 0


def test_repetition() -> None:
    assert score("repetition", "the cat sat on the mat") == 1
    assert score("repetition", "今天天气很好", size=1) == pytest.approx(5 / 6)
    assert score("repetition", "好好好好好", size=2) == 1 / 4
    assert score("repetition", "no no no no no no", size=2) == 1 / 5
    assert score("repetition", "!" * 103) == 1 / 100
    assert score("repetition", "好") == 1


@given(st.text(alphabet="猫狗ab ", max_size=30), st.integers(2, 5))
def test_a_text_said_again_repeats_itself(text: str, times: int) -> None:
    once = score("repetition", text, size=2)
    assert score("repetition", "。".join([text] * times), size=2) <= once + 1e-9 or len(text) < 4
