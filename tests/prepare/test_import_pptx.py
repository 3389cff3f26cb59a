"""Presentations: titles, texts, tables, notes, in the order of the slides."""

from __future__ import annotations

import io

import pptx
import pytest
from pptx.util import Inches

from tuneloop.errors import InputError
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.importer import Row
from tuneloop.prepare.importers.pptx import Pptx
from tuneloop.prepare.source_file import disk_file


def presentation(fill) -> bytes:
    made = pptx.Presentation()
    fill(made)
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def slide(made, title: str, *texts: tuple[str, int], notes: str = ""):
    one = made.slides.add_slide(made.slide_layouts[1])
    one.shapes.title.text = title
    frame = one.placeholders[1].text_frame
    for number, (text, level) in enumerate(texts):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    if notes:
        one.notes_slide.notes_text_frame.text = notes
    return one


def read_slides(write, fill, **settings) -> list[Row]:
    file = disk_file(write("a.pptx", presentation(fill)), "a.pptx")
    return [item for item in Pptx(**settings).items(file, None) if isinstance(item, Row)]


def test_titles_items_and_notes(read):
    def fill(made):
        slide(made, "第一页", ("要点一", 0), ("细节", 1), ("要点二", 0), notes="记得介绍团队。")
        slide(made, "第二页", ("只有一句话。", 0))

    found = read("a.pptx", presentation(fill))
    assert found.format == "pptx"
    assert found.data == [
        {
            "text": "# 第一页\n\n- 要点一\n  - 细节\n- 要点二\n\n## Notes\n\n记得介绍团队。\n\n"
            "# 第二页\n\n只有一句话。",
        }
    ]
    assert found.rows[0].locator == "slides 1-2, § 第一页"


def test_pieces_name_their_slide(write):
    def fill(made):
        for number in range(3):
            slide(made, f"第{number + 1}页", ("字" * 150, 0))

    rows = read_slides(write, fill, max_chars=200)
    assert [row.locator for row in rows] == [f"slide {number}, § 第{number}页" for number in (1, 2, 3)]
    assert {row.group for row in rows} == {"document"}


def test_notes_may_be_left_out(write):
    [row] = read_slides(write, lambda made: slide(made, "页", ("文字", 0), notes="备注"), notes=False)
    assert "备注" not in row.data["text"]


def test_tables_groups_and_boxes(write):
    def fill(made):
        one = made.slides.add_slide(made.slide_layouts[6])
        table = one.shapes.add_table(3, 2, 0, 0, Inches(4), Inches(1)).table
        for place, text in enumerate(["名称", "数量", "水泵", "3", "合计", ""]):
            table.cell(place // 2, place % 2).text = text
        table.cell(2, 0).merge(table.cell(2, 1))
        group = one.shapes.add_group_shape()
        group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "组里的字"

    [row] = read_slides(write, fill)
    assert row.data["text"] == "| 名称 | 数量 |\n| --- | --- |\n| 水泵 | 3 |\n| 合计 |  |\n\n组里的字"


def test_hidden_slides_are_named(read, write):
    def fill(made):
        slide(made, "看得见", ("文字", 0))
        slide(made, "看不见", ("文字", 0))._element.set("show", "0")

    found = read("a.pptx", presentation(fill))
    assert "看不见" not in found.data[0]["text"]
    assert [one.name for one in found.items if isinstance(one, Skipped)] == ["slide 2"]
    [row] = read_slides(write, fill, hidden=True)
    assert "看不见" in row.data["text"]


def test_a_presentation_without_text_is_refused(write):
    with pytest.raises(InputError, match=r"a\.pptx: holds no text"):
        read_slides(write, lambda made: made.slides.add_slide(made.slide_layouts[6]))


def test_a_damaged_presentation_is_refused(write):
    data = presentation(lambda made: slide(made, "页", ("文字", 0)))
    file = disk_file(write("a.pptx", data[: len(data) // 2]), "a.pptx")
    with pytest.raises(InputError, match="is a PowerPoint presentation that cannot be read"):
        list(Pptx().items(file, None))
