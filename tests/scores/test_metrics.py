"""Metrics: right in Chinese, in English and between; equal to the published implementation where there is one."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from tuneloop.scores.metric import metrics
from tuneloop.scores.metrics.rouge_l import common_length
from tuneloop.scores.units import units, words

ANY = st.text(alphabet="猫喜欢吃鱼狗。，！ abcXYZ 12.5%-ＡＢ１？the cat", max_size=40)


def score(name: str, answer: str, reference: str) -> float:
    return metrics.create(name).score(answer, reference)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Qwen 模型有3.5万人用", ["qwen", "模", "型", "有", "3.5", "万", "人", "用"]),
        ("ＡＢＣ，１２３！", ["abc", "123"]),
        ("约 1,234,567 元", ["约", "1234567", "元"]),
        ("零下 −5 度", ["零", "下", "-5", "度"]),
        ("GPT-4 scored 40%.", ["gpt", "4", "scored", "40%"]),
        ("well-known  State\nof", ["well", "known", "state", "of"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("好的😊", ["好", "的", "😊"]),
        ("？！", ["?", "!"]),
        ("   ", []),
    ],
)
def test_units(text: str, expected: list[str]) -> None:
    assert units(text) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("小猫叫年糕。", "小猫 叫 年糕", 1),
        ("“Mimi”", "mimi", 1),
        ("ＭＩＭＩ", "mimi", 1),
        ("1,000 元", "1000元", 1),
        ("3.14", "314", 0),
        ("-5", "5", 0),
        ("5%", "5", 0),
        ("年糕是只猫", "猫是只年糕", 0),
        ("", "年糕", 0),
        ("?", "!", 0),
    ],
)
def test_exact_match_ignores_form_and_nothing_else(answer: str, reference: str, expected: int) -> None:
    assert score("exact_match", answer, reference) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("它叫年糕，是只橘猫。", "年糕", 1),
        ("The cat is called Nian Gao.", "nian gao", 1),
        ("一共 15 只", "5", 0),
        ("3.5 元", "5", 0),
        ("category", "cat", 0),
        ("年 糕", "年糕", 1),
        ("糕年", "年糕", 0),
        ("", "年糕", 0),
    ],
)
def test_contains_finds_whole_values_only(answer: str, reference: str, expected: int) -> None:
    assert score("contains", answer, reference) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("年糕", "年糕", 1),
        ("狗咬人", "人咬狗", 1),
        ("小猫年糕", "年糕", 2 * 2 / 6),
        ("the cat sat", "the cat", 2 * 2 / 5),
        ("the the the", "the", 2 * 1 / 4),  # a multiset: repeating a word doesn't pay
        ("category", "cat", 0),
        ("", "", 1),
        ("", "猫", 0),
    ],
)
def test_char_f1_counts_characters_in_chinese_and_words_in_english(
    answer: str, reference: str, expected: float
) -> None:
    assert score("char_f1", answer, reference) == pytest.approx(expected)


ENGLISH = st.lists(
    st.sampled_from(
        ["the", "a", "cat's", "mat", "Sat", "well-known,", "3.14", "GPT-4", "5kg.", "(never)", "1,000", "!"]
    ),
    max_size=30,
).map(" ".join)


@given(ENGLISH, ENGLISH)
def test_rouge_l_equals_rouge_score_on_english(answer: str, reference: str) -> None:
    theirs = RougeScorer(["rougeL"], use_stemmer=False).score(reference, answer)["rougeL"].fmeasure
    assert score("rouge_l", answer, reference) == pytest.approx(theirs, abs=1e-12)


class Units(Tokenizer):  # type: ignore[misc]
    def tokenize(self, text: str) -> list[str]:
        return words(text)


@given(ANY, ANY)
def test_rouge_l_equals_the_formula_of_rouge_score_on_mixed_text(answer: str, reference: str) -> None:
    theirs = RougeScorer(["rougeL"], tokenizer=Units()).score(reference, answer)["rougeL"].fmeasure
    assert score("rouge_l", answer, reference) == pytest.approx(theirs, abs=1e-12)


def test_rouge_score_itself_sees_no_chinese() -> None:
    """The reason why we don't use it."""
    assert RougeScorer(["rougeL"]).score("年糕是只橘猫", "年糕是只橘猫")["rougeL"].fmeasure == 0
    assert score("rouge_l", "年糕是只橘猫", "年糕是只橘猫") == 1


def test_common_length_of_long_texts_equals_the_table() -> None:
    draw = random.Random(3)
    first, second = ([draw.choice("天地玄黄宇宙") for _ in range(size)] for size in (150, 90))
    above = [0] * (len(second) + 1)
    for unit in first:
        row = [0]
        for index, other in enumerate(second):
            row.append(above[index] + 1 if unit == other else max(row[-1], above[index + 1]))
        above = row
    assert common_length(first, second) == above[-1]


@pytest.mark.parametrize("name", ["char_f1", "contains", "exact_match", "rouge_l"])
@given(answer=ANY, reference=ANY)
def test_a_comparison_stays_within_its_range_and_knows_the_perfect_answer(
    name: str, answer: str, reference: str
) -> None:
    assert 0 <= score(name, answer, reference) <= 1
    if words(reference):
        assert score(name, reference, reference) == 1


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_tells_what_it_is(name: str) -> None:
    described = metrics.describe(name)
    assert all(described[key][language] for key in ("title", "help") for language in ("en", "zh"))


def test_pairs_must_be_of_equal_number() -> None:
    with pytest.raises(ValueError, match="shorter"):
        metrics.create("exact_match").scores(["a", "b"], ["a"])


def test_metrics_load_no_torch() -> None:
    code = (
        "import sys; from tuneloop.scores.metric import metrics; [metrics.load(name) for name in metrics.names()]; "
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
