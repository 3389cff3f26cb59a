"""Word documents: headings by style, lists, tables, notes, revisions; what is locked, damaged or a trap."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE

from tuneloop.errors import InputError
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.document.package import open_package
from tuneloop.prepare.document.xml import children_of
from tuneloop.prepare.importer import Row
from tuneloop.prepare.importers.docx import Docx
from tuneloop.prepare.source_file import disk_file

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def document(fill) -> bytes:
    made = docx.Document()
    fill(made)
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def by_hand(body: str, parts: dict[str, str] | None = None, before: str = "") -> bytes:
    """A document whose body is given as XML; `parts` are further parts by the kind of their relation."""
    kinds = {"styles": "styles.xml", "numbering": "numbering.xml", "footnotes": "footnotes.xml"}
    parts = parts or {}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'{before}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>')
        found = "".join(
            f'<Relationship Id="{kind}" Type="{OFFICE}/{kind}" Target="{name}"/>' for kind, name in kinds.items()
        )
        archive.writestr("word/_rels/document.xml.rels", f"<Relationships>{found}</Relationships>")
        for kind, content in parts.items():
            archive.writestr(f"word/{kinds.get(kind, kind)}", content)
    return made.getvalue()


def paragraph(text: str, about: str = "") -> str:
    return f"<w:p><w:pPr>{about}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def text_of(found) -> str:
    [row] = found.rows
    return str(row.data["text"])


def test_headings_lists_and_tables(read):
    def fill(made):
        made.add_heading("使用手册", 0)
        made.add_paragraph("第一段。")
        made.add_heading("安装", 1)
        made.add_paragraph("下载", style="List Number")
        made.add_paragraph("安装", style="List Number")
        made.add_paragraph("注意", style="List Bullet")
        table = made.add_table(2, 2)
        for place, text in enumerate(["名称", "数量", "水泵", "3"]):
            table.cell(place // 2, place % 2).text = text
        made.add_heading("步骤", 2)
        made.add_paragraph("最后一段，\n有换行。")

    found = read("a.docx", document(fill))
    assert found.format == "docx"
    assert text_of(found) == (
        "# 使用手册\n\n第一段。\n\n# 安装\n\n1. 下载\n2. 安装\n- 注意\n\n"
        "| 名称 | 数量 |\n| --- | --- |\n| 水泵 | 3 |\n\n## 步骤\n\n最后一段，\n有换行。"
    )
    assert (found.rows[0].locator, found.rows[0].group) == ("§ 使用手册", "document")


def test_chinese_and_own_heading_styles(read):
    def fill(made):
        own = made.styles.add_style("标题 3", WD_STYLE_TYPE.PARAGRAPH)
        based = made.styles.add_style("公司标题", WD_STYLE_TYPE.PARAGRAPH)
        based.base_style = made.styles["Heading 2"]
        made.add_paragraph("公司的标题", style=based)
        made.add_paragraph("中文的标题", style=own)
        made.add_paragraph("正文")

    assert text_of(read("a.docx", document(fill))) == "## 公司的标题\n\n### 中文的标题\n\n正文"


def test_outline_levels_are_headings_too(read):
    body = paragraph("第一章", '<w:outlineLvl w:val="0"/>') + paragraph("正文", '<w:outlineLvl w:val="9"/>')
    assert text_of(read("a.docx", by_hand(body))) == "# 第一章\n\n正文"


def test_pieces_name_their_headings(write):
    def fill(made):
        made.add_heading("手册", 1)
        for name in ("安装", "使用"):
            made.add_heading(name, 2)
            made.add_paragraph("字" * 400)

    file = disk_file(write("a.docx", document(fill)), "a.docx")
    rows = [item for item in Docx(max_chars=500).items(file, None) if isinstance(item, Row)]
    assert [row.locator for row in rows] == ["§ 手册 › 安装", "§ 手册 › 使用"]
    assert rows[1].data["text"].startswith("# 手册\n\n## 使用\n\n字")


def test_merged_cells_stand_once(read):
    def fill(made):
        table = made.add_table(3, 3)
        for row in range(3):
            for column in range(3):
                table.cell(row, column).text = f"{row}{column}"
        table.cell(0, 0).merge(table.cell(0, 1)).text = "横"
        table.cell(1, 2).merge(table.cell(2, 2)).text = "竖"

    assert text_of(read("a.docx", document(fill))) == (
        "| 横 |  | 02 |\n| --- | --- | --- |\n| 10 | 11 | 竖 |\n| 20 | 21 |  |"
    )


def test_what_was_deleted_or_moved_away_is_not_read(read):
    run = "<w:r><w:t>{}</w:t></w:r>"
    body = (
        "<w:p>" + run.format("保留") + "<w:del w:id='1'><w:r><w:delText>删除</w:delText></w:r></w:del>"
        f"<w:ins w:id='2'>{run.format('插入')}</w:ins><w:moveFrom w:id='3'>{run.format('移走')}</w:moveFrom>"
        f"<w:moveTo w:id='4'>{run.format('移来')}</w:moveTo></w:p>"
    )
    assert text_of(read("a.docx", by_hand(body))) == "保留插入移来"


def test_notes_follow_their_paragraph(read):
    body = (
        '<w:p><w:r><w:t>正文</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t>继续。</w:t></w:r></w:p>'
        + paragraph("下一段。")
    )
    notes = (
        f'<w:footnotes xmlns:w="{W}"><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:t>脚注的内容。</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    found = text_of(read("a.docx", by_hand(body, {"footnotes": notes})))
    assert found == "正文[1]继续。\n\n[1] 脚注的内容。\n\n下一段。"


def test_text_boxes_are_read_once(read):
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    inner = "<w:txbxContent><w:p><w:r><w:t>框里的字</w:t></w:r></w:p></w:txbxContent>"
    body = (
        f'<w:p><w:r><w:t>外面</w:t></w:r><w:r><mc:AlternateContent xmlns:mc="{mc}"><mc:Choice>{inner}</mc:Choice>'
        f"<mc:Fallback>{inner}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert text_of(read("a.docx", by_hand(body))) == "外面\n\n框里的字"


def test_fields_show_their_result_and_controls_their_content(read):
    body = (
        "<w:sdt><w:sdtContent><w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r>"
        "<w:instrText>PAGEREF x</w:instrText></w:r><w:r><w:t>目录</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    assert text_of(read("a.docx", by_hand(body))) == "目录"


def test_macros_are_named(read):
    found = read("a.docm", by_hand(paragraph("文字"), {"vbaProject.bin": "x"}))
    assert text_of(found) == "文字"
    assert [(one.name, one.why.zh) for one in found.items if isinstance(one, Skipped)] == [("macros", "宏，不会执行")]


def refused(write, data: bytes, name: str = "a.docx") -> str:
    file = disk_file(write(name, data), name)
    with pytest.raises(InputError) as caught:
        list(Docx().items(file, None))
    return str(caught.value)


def test_a_document_without_text(write):
    assert refused(write, by_hand("<w:p/>")).startswith("a.docx: holds no text; expected paragraphs")


@pytest.mark.parametrize("cut", [50, 20_000])
def test_a_damaged_document(write, cut):
    whole = document(lambda made: made.add_paragraph("文字"))
    assert "is a Word document that cannot be read" in refused(write, whole[:-cut])


def test_broken_xml(write):
    assert "word/document.xml: " in refused(write, by_hand("<w:p><w:t>"))


def test_a_bomb(write):
    blanks = f"<!--{' ' * 1_000_000}-->"
    assert "unpacks to more than 400 times its size" in refused(write, by_hand(blanks * 80))


def test_entities(write):
    laughs = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
    )
    assert "declares entities" in refused(write, by_hand("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", before=laughs + "]>"))


def test_files_outside_are_never_read(write, tmp_path):
    (tmp_path / "secret.txt").write_text("geheim")
    before = f'<!DOCTYPE x [{" " * 5000}<!ENTITY s SYSTEM "file://{tmp_path}/secret.txt">]>'
    file = disk_file(write("a.docx", by_hand("<w:p><w:r><w:t>a&s;b</w:t></w:r></w:p>", before=before)), "a.docx")
    [row] = Docx().items(file, None)
    assert isinstance(row, Row)
    assert row.data["text"] == "a"


def test_paragraphs_are_let_go(write):
    """The tree holds what the parser read ahead, 32 KiB of XML, however long the document is."""
    data = by_hand("".join(paragraph(f"第{number}段。") for number in range(20_000)))
    with open_package(disk_file(write("a.docx", data), "a.docx"), "docx") as package:
        held = [len(one.getparent()) for one in children_of(package, "word/document.xml", "body")]
    assert len(held) == 20_000
    assert max(held) < 1500
