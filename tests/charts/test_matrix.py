"""The square of counts: every count is there, names are escaped, and a square too large to read says so."""

from __future__ import annotations

from xml.etree import ElementTree

from tuneloop.charts import matrix_chart
from tuneloop.wording import Words

TITLE, RIGHT, SAID = Words("Classes", "类别"), Words("right", "正确"), Words("predicted", "预测")


def drawn(table: list[list[int]], names: list[str]) -> tuple[list[str], ElementTree.Element]:
    root = ElementTree.fromstring(
        matrix_chart(table, names, title=TITLE, row_label=RIGHT, column_label=SAID, language="zh")
    )
    return [text for text in root.itertext() if text.strip()], root


def test_every_count_and_name_is_there() -> None:
    texts, root = drawn([[31, 4], [0, 17]], ["a<b", "体育新闻"])
    assert {"31", "4", "17", "a<b", "体育新闻"} <= set(texts)
    assert "0" not in texts
    assert "35 个中对了 31 个" in "".join(texts)
    cells = [one for one in root.iter() if one.tag.endswith("rect")]
    shares = [float(str(one.get("style")).rpartition(":")[2]) for one in cells]
    assert shares == [0.66, 0.09, 0.0, 0.75]  # of the row, as opacity


def test_long_names_are_shortened_and_turned() -> None:
    texts, root = drawn([[1, 0], [0, 1]], ["a very long name of a class", "b"])
    assert "a very long n…" in texts
    assert any("rotate(-90" in str(one.get("transform")) for one in root.iter())


def test_too_many_classes_are_not_drawn() -> None:
    texts, root = drawn([[0] * 41 for _ in range(41)], [str(number) for number in range(41)])
    assert any("共 41 个类别" in text for text in texts)
    assert not [one for one in root.iter() if one.tag.endswith("rect")]
