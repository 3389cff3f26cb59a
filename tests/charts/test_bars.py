"""Bars as long as their counts, told in both languages, with nothing that escapes."""

import re
from xml.etree import ElementTree

import pytest

from tuneloop.charts import bar_chart, histogram
from tuneloop.wording import Words

SVG = "{http://www.w3.org/2000/svg}"
TITLE = Words("Kinds", "类型")


def bars(svg: str, side: str = "width") -> list[float]:
    return [float(one.attrib[side]) for one in ElementTree.fromstring(svg).iter(f"{SVG}rect")]


def test_bars_are_as_long_as_their_counts():
    svg = bar_chart(
        [(Words("dialogue", "对话"), 300), (Words("text", "纯文本"), 100), (Words("none", "无"), 0)], title=TITLE
    )
    lengths = bars(svg)
    assert lengths[0] == pytest.approx(3 * lengths[1], rel=0.01)
    assert lengths[2] == 0
    assert "300 · 75%" in svg
    assert "100 · 25%" in svg
    assert "对话: 300" in svg


def test_shares_can_be_of_a_larger_whole():
    assert "10 · 5%" in bar_chart([(Words("a", "甲"), 10)], title=TITLE, total=200)


def test_columns_are_as_tall_as_their_counts():
    svg = histogram([0, 10, 20, 500], [2, 8, 4], title=TITLE, x_label=Words("tokens", "词元数"))
    tall = bars(svg, "height")
    assert tall[1] == pytest.approx(4 * tall[0], rel=0.01)
    assert tall[2] == pytest.approx(2 * tall[0], rel=0.01)
    assert "tokens: 0-10: 2; 10-20: 8; 20-500: 4" in svg
    with pytest.raises(ValueError, match="need 4 edges"):
        histogram([0, 1], [1, 2, 3], title=TITLE, x_label=TITLE)


def test_names_are_escaped_and_cut_to_their_room():
    long = "<script>" + "很长的名字" * 40
    svg = bar_chart([(Words(long, long), 1)], title=TITLE, width=400)
    shown = [one.text for one in ElementTree.fromstring(svg).iter(f"{SVG}text") if one.text and one.text.endswith("…")]
    assert shown
    assert len(shown[0]) < 30
    assert not re.search(r"<script>", svg)


def test_nothing_to_show_is_a_picture_all_the_same():
    assert bars(bar_chart([], title=TITLE)) == []
    assert bars(histogram([0, 1], [0], title=TITLE, x_label=TITLE), "height") == [0.0]
