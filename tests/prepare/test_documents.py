"""Documents through the whole of prepare: beside data, in archives, with what is left out said in the report."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from tests.prepare.pdfs import Page, down, pdf
from tests.prepare.test_import_docx import by_hand, paragraph
from tests.prepare.test_import_pdf import LONG
from tests.prepare.test_import_xlsx import by_hand as workbook_by_hand
from tests.prepare.test_import_xlsx import sheet_xml, table, workbook
from tests.prepare.test_recognize import compound_file

from tuneloop.errors import InputError
from tuneloop.prepare import versions
from tuneloop.prepare.document.blocks import Block, code, heading, joined
from tuneloop.prepare.document.blocks import table as table_block
from tuneloop.prepare.document.packing import packed
from tuneloop.prepare.preparing import prepare
from tuneloop.prepare.recipe import PrepareRecipe


def test_a_folder_of_documents(ws, write, tmp_path):
    write("d/guide.pdf", pdf([Page(down(LONG))]))
    write("d/手册.docx", by_hand(paragraph("安装以前，请先切断电源，并等待五分钟。")))
    write("d/faq.xlsx", workbook(table(["问题", "答案"], ["怎么退货？", "在订单页申请退货。"])))
    write("d/notes.md", "---\ntitle: x\n---\n\n# 猫\n\n猫是一种可爱的动物，喜欢睡觉。\n")
    write("d/locked.docx", compound_file("EncryptedPackage"))
    write("d/scan.pdf", pdf([Page(picture=True)]))
    write("d/bomb.xlsx", workbook_by_hand(sheet_xml("<row/>" + " " * 80_000_000)))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("inside.docx", by_hand(paragraph("压缩包里的文档，写的是另外一件事。")))
    write("d/more.zip", archive.getvalue())

    version = prepare(tmp_path / "d", workspace=ws)
    assert version.kinds == {"chat": 1, "text": 4}
    assert version.report["counts"] == {"kept": 5, "merged": 0, "dropped": 0, "rejected": 3}
    [told] = version.report["inputs"]
    assert {one["name"]: one["format"] for one in told["files"] if one["items"]} == {
        "d/guide.pdf": "pdf",
        "d/手册.docx": "docx",
        'd/faq.xlsx, sheet "Sheet1"': "xlsx",
        "d/notes.md": "markdown",
        "d/more.zip/inside.docx": "docx",
    }
    assert [one["file"] for one in told["skipped"]] == ["d/notes.md, lines 1-3"]
    assert {one["file"]: one["message"].split(";")[0].split(".")[0] for one in told["refused"]} == {
        "d/locked.docx": "is an Office document locked with a password, though its name ends in ",
        "d/scan.pdf": "is a PDF of a page with pictures and no text, as scans are",
        "d/bomb.xlsx": "unpacks to more than 400 times its size, as archives made to fill disks do, and is not read",
    }


def test_the_recipe_limits_what_documents_unpack_to(ws, write):
    recipe = {"archives": {"max_bytes": 100}}
    with pytest.raises(InputError, match="unpacks to more than 100 bytes"):
        prepare(
            write("a.docx", by_hand(paragraph("文字" * 100))), workspace=ws, recipe=PrepareRecipe.model_validate(recipe)
        )


def test_pieces_of_a_document_stay_on_one_side(ws, write, tmp_path):
    for number in range(12):
        text = "".join(f"# 第{one}节\n\n{chr(0x4E00 + 37 * number + one) * 150}\n\n" for one in range(8))
        write(f"d/{number}.md", text)
    recipe = {"formats": {"markdown": {"max_chars": 200}}, "split": {"name": "clustered", "test": 0.3}}
    version = prepare(tmp_path / "d", workspace=ws, recipe=PrepareRecipe.model_validate(recipe))
    sides: dict[str, set[str]] = {}
    for record, split, _ in versions.records(ws, version):
        for origin in versions.origins_of(ws, version, record.id):
            sides.setdefault(origin.file, set()).add(split)
    assert len(sides) == 12
    assert all(len(splits) == 1 for splits in sides.values())


def lines(rows) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


ANSWERLESS = [
    ([{"system": f"你是第{n}号客服助手，回答要简短。"} for n in range(5)], "system messages", "系统消息", "system"),
    ([{"question": f"第{n}种商品怎么退货？"} for n in range(5)], "questions", "问题", "question"),
    ([{"问题": f"第{n}种商品怎么退货？", "编号": n} for n in range(5)], "questions", "问题", "问题"),
    ([{"fact": f"第{n}号仓库在上海。"} for n in range(5)], "facts", "事实或知识", "fact"),
    (
        [{"messages": [{"role": "system", "content": f"你是第{n}号客服助手。"}]} for n in range(5)],
        "system messages",
        "系统消息",
        "messages",
    ),
    (
        [{"messages": [{"role": "user", "content": f"第{n}种商品怎么退货？"}]} for n in range(5)],
        "questions",
        "问题",
        "messages",
    ),
]


@pytest.mark.parametrize(("rows", "english", "chinese", "column"), ANSWERLESS)
def test_rows_without_answers_are_said_to_serve(ws, write, tmp_path, rows, english, chinese, column):
    write("d/seeds.jsonl", lines(rows))
    write("d/chat.jsonl", lines([{"question": "你们几点开门？", "answer": "早上九点。"}]))
    report = prepare(tmp_path / "d", workspace=ws).report
    [advice] = [one["text"] for one in report["advice"] if one["topic"] == "serves"]
    assert advice["en"].startswith(f"d/seeds.jsonl holds {english} and no answers. That is no mistake")
    assert f"--set shape=plain_text --set mapping.text={column}" in advice["en"]
    assert advice["zh"].startswith(f"d/seeds.jsonl 只有{chinese}，没有回答。这不算错误")
    assert f"mapping.text={column}" in advice["zh"]
    assert [one["reason"] for one in report["reasons"] if one["outcome"] == "rejected"] == ["without_answer"]


@pytest.mark.parametrize(("rows", "english", "chinese", "column"), ANSWERLESS)
def test_they_serve_as_raw_text_as_the_sentence_says(ws, write, rows, english, chinese, column):
    path = write("seeds.jsonl", lines(rows))
    with pytest.raises(InputError, match=f"--set shape=plain_text --set mapping.text={column}"):
        prepare(path, workspace=ws)
    version = prepare(path, workspace=ws, recipe=PrepareRecipe(shape="plain_text", mapping={"text": column}))
    assert version.kinds == {"text": 5}


@pytest.mark.parametrize(
    "rows",
    [
        [{"question": "怎么退货？", "answer": "在订单页申请。"}] * 3,
        [{"title": "猫", "text": "猫是一种可爱的动物。"}] * 3,
        [{"提示": "甲", "结果": "乙"}] * 3,
        [{"prompt": "你好", "chosen": "在", "rejected": "滚"}] * 3,
    ],
)
def test_other_rows_are_not(ws, write, tmp_path, rows):
    write("d/a.jsonl", lines(rows))
    write("d/b.jsonl", lines([{"question": "你们几点开门？", "answer": "早上九点。"}]))
    report = prepare(tmp_path / "d", workspace=ws).report
    assert [one for one in report["advice"] if one["topic"] == "serves"] == []


def test_blocks_as_markdown():
    cells = table_block([["a", "b", ""], ["1", "x|y", ""], ["", "", ""]])
    assert cells is not None
    blocks = [
        heading("一\n二", 9),
        Block("item", "甲\n继续"),
        Block("item", "乙", 1),
        cells,
        code("a\n```\nb", "python"),
        heading("长" * 400, 1),
    ]
    assert joined(blocks) == (
        "###### 一 二\n\n- 甲\n  继续\n  - 乙\n\n| a | b |\n| --- | --- |\n| 1 | x\\|y |\n\n"
        "````python\na\n```\nb\n````\n\n" + "长" * 400
    )


def test_pages_of_a_piece():
    blocks = [Block("paragraph", "字" * 80, page=page) for page in (3, 3, 4, 5)]
    found = list(packed(blocks, 250))
    assert [(piece.first_page, piece.last_page) for piece in found] == [(3, 4), (5, 5)]


def test_headings_around_take_a_quarter_at_most():
    blocks = [heading(name * 20, level) for level, name in enumerate("甲乙丙丁", 1)]
    blocks += [Block("paragraph", "字" * 150) for _ in range(4)]
    found = list(packed(blocks, 240))
    assert all(len(piece.text) <= 320 for piece in found)
    assert found[-1].text.startswith("### " + "丙" * 20 + "\n\n#### ")
    assert found[-1].path == tuple(name * 20 for name in "甲乙丙丁")
