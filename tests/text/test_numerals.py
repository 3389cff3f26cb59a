"""Numbers in texts: digits, full width, thousands, Chinese numerals; words and names are not numbers."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneloop.text.numerals import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5 元", ["1234.5"]),
        ("１，２３４．５", ["1234.5"]),
        ("甲100，乙200", ["100", "200"]),
        ("-5, 温度是-5度，零下5度", ["-5", "-5", "-5"]),
        ("20-30", ["20", "30"]),
        ("- 5 apples", ["5"]),
        ("−3", ["-3"]),
        ("1.5e3 and 2E-2", ["1500", "0.02"]),
        ("40% 4‰", ["0.4", "0.004"]),
        (r"3/4, -3/4, \frac{3}{4}", ["3/4", "-3/4", "3/4"]),
        ("1/0", []),
        ("3.5万，1亿2000万，3万5千，3千克", ["35000", "120000000", "35000", "3"]),
        ("3.5 million people", ["3500000"]),
        ("$1,200 + ¥3,500元", ["1200", "3500"]),
        (r"#### 72 \boxed{42}", ["72", "42"]),
        ("2024-01-02 12:30 3.5.1 Qwen3 GPT-4 x_1 10^3 x^2 A4", []),
    ],
)
def test_digits(text: str, expected: list[str]) -> None:
    assert numbers(text) == [Fraction(one) for one in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三十二", "32"),
        ("一百零五", "105"),
        ("一百五", "150"),
        ("两万三千", "23000"),
        ("一百二十三万四千五百六十七", "1234567"),
        ("一千零一夜", "1001"),
        ("一万亿", "1000000000000"),
        ("廿三", "23"),
        ("叁拾贰", "32"),
        ("兩萬億", "2000000000000"),
        ("二〇二四年", "2024"),
        ("三点一四", "3.14"),
        ("负三点五", "-3.5"),
        ("三分之二", "2/3"),
        ("百分之四十", "0.4"),
        ("百分之40", "0.4"),
        ("百分之百", "1"),
        ("千分之五", "0.005"),
    ],
)
def test_chinese_numerals(text: str, expected: str) -> None:
    assert numbers(text) == [Fraction(expected)]


@pytest.mark.parametrize(
    "text", ["唯一。", "十分好", "一起走", "一个问题", "千万不要", "万一", "三三两两", "三五个", "上百万"]
)
def test_words_are_not_numbers(text: str) -> None:
    assert numbers(text) == []


def test_a_single_numeral_counts_where_it_measures_or_concludes() -> None:
    assert numbers("共有五只猫，一起走了") == [5]
    assert numbers("答案是三。") == [3]
    assert numbers("等于一") == [1]
    assert numbers("十分钟") == [10]


ONES = "零一二三四五六七八九"


def written(number: int) -> str:
    """0 to 9999 as one writes it, made from the digits."""
    if number == 0:
        return "零"
    parts, gap = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            parts += ("零" if gap and parts else "") + ONES[digit] + unit
            gap = False
        else:
            gap = True
    return parts.removeprefix("一") if parts.startswith("一十") else parts


@given(st.integers(0, 9999), st.integers(1, 9999), st.booleans())
def test_a_number_is_read_as_it_is_written(low: int, high: int, wan: bool) -> None:
    value = high * 10_000 + low if wan else low
    text = written(low)
    if wan:
        text = written(high) + "万" + ("" if not low else ("零" if low < 1000 else "") + written(low))
    assert numbers(f"等于{text}。") == [value]


@given(st.decimals(-(10**9), 10**9, places=3))
def test_digits_with_thousands_are_read_back(value: object) -> None:
    assert numbers(f"共 {value:,} 元") == [Fraction(str(value))]


@given(st.text(alphabet="0123456789一二三十百千万亿零点分之负-+.,/%^_{}eE 个ax：", max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert all(isinstance(one, Fraction) for one in numbers(text))


@pytest.mark.parametrize(
    "piece", ["a", "1", "一", "万", "1,", "1.", "-", "1万", "^{", "_", "1分", "1 /", "百分", "1,111", "a_"]
)
def test_reading_time_does_not_grow_faster_than_the_text(piece: str) -> None:
    """200,000 characters took at most 1.6 s; a quadratic search would take hours."""
    start = time.perf_counter()
    numbers(piece * 20_000)
    assert time.perf_counter() - start < 5


def test_a_number_of_many_digits_is_passed_over() -> None:
    assert numbers("9" * 401) == []
    assert numbers("9" * 400) == [10**400 - 1]
