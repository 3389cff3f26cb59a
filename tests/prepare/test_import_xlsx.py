"""Workbooks: sheets as tables, cells as people see them, and what is not read is said."""

from __future__ import annotations

import datetime
import io
import struct
import tracemalloc
import zipfile

import pytest
import xlsxwriter

from tuneloop.errors import InputError
from tuneloop.prepare.container import Limits, Skipped
from tuneloop.prepare.importers.xlsx import Xlsx
from tuneloop.prepare.preparing import prepare
from tuneloop.prepare.source_file import disk_file

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(*fillers, **named) -> bytes:
    """A workbook whose sheets are filled by functions of (book, sheet)."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    for number, fill in enumerate(fillers, 1):
        fill(book, book.add_worksheet(f"Sheet{number}"))
    for name, fill in named.items():
        fill(book, book.add_worksheet(name))
    book.close()
    return made.getvalue()


def table(*rows):
    def fill(_, sheet):
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)

    return fill


def by_hand(sheet: str, texts: str = "", extra: dict[str, str] | None = None) -> bytes:
    """A workbook of one sheet whose XML is given, for what no writer writes."""
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships><Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" r:id="r1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="r1" Type="{OFFICE}/worksheet" '
        f'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{OFFICE}/sharedStrings" '
        'Target="sharedStrings.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>',
        "xl/worksheets/sheet1.xml": sheet,
        **(extra or {}),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def sheet_xml(rows: str, after: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{after}</worksheet>'


def skipped(found):
    return [(one.name, one.why.en) for one in found.items if isinstance(one, Skipped)]


def test_rows_by_the_names_of_their_columns(read):
    found = read("a.xlsx", workbook(table(["问题", "答案"], ["怎么退货？", "在订单页申请。"], ["多久到？", "三天。"])))
    assert found.format == "xlsx"
    assert found.data == [
        {"问题": "怎么退货？", "答案": "在订单页申请。"},
        {"问题": "多久到？", "答案": "三天。"},
    ]
    assert [row.locator for row in found.rows] == ['sheet "Sheet1", row 2', 'sheet "Sheet1", row 3']


def test_values_as_people_see_them(read):
    def fill(book, sheet):
        sheet.write_row(0, 0, ["question", "answer"])
        cells = [
            ("one", 1.0, None),
            ("sum", 0.1 + 0.2, None),
            ("phone", 13812345678, None),
            ("large", 123456789012345678, None),
            ("share", 0.25, "0%"),
            ("exact share", 0.125, "0.0%"),
            ("yes", True, None),
            ("day", datetime.date(2024, 2, 29), "yyyy-mm-dd"),
            ("chinese day", datetime.date(2024, 2, 29), 'yyyy"年"m"月"d"日"'),
            ("moment", datetime.datetime(2024, 2, 29, 13, 45, 10), "yyyy/m/d h:mm:ss"),
            ("time", datetime.time(7, 5), "hh:mm"),
            ("length", datetime.timedelta(hours=30, minutes=5), "[h]:mm:ss"),
            ("money", 1234.5, '[Red]"d"#,##0.00;(0.00)'),
            ("text of a formula", "=1+1", "text"),
            ("number as text", "007", "text"),
        ]
        for number, (name, value, shown) in enumerate(cells, 1):
            sheet.write(number, 0, name)
            if shown == "text":
                sheet.write_string(number, 1, value)
            elif shown:
                sheet.write(number, 1, value, book.add_format({"num_format": shown}))
            else:
                sheet.write(number, 1, value)

    found = {row["question"]: row["answer"] for row in read("a.xlsx", workbook(fill)).data}
    assert found == {
        "one": "1",
        "sum": "0.3",
        "phone": "13812345678",
        "large": "123456789012346000",
        "share": "25%",
        "exact share": "12.5%",
        "yes": "true",
        "day": "2024-02-29",
        "chinese day": "2024-02-29",
        "moment": "2024-02-29T13:45:10",
        "time": "07:05:00",
        "length": "30:05:00",
        "money": "1234.5",
        "text of a formula": "=1+1",
        "number as text": "007",
    }


def test_the_calendar_of_1904(read):
    rows = '<row r="1"><c r="A1" t="str"><v>question</v></c></row><row r="2"><c r="A2" s="1"><v>1</v></c></row>'
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
    data = by_hand(
        sheet_xml(rows),
        extra={
            "xl/styles.xml": styles,
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr date1904="1"/>'
            '<sheets><sheet name="S" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="r1" Type="{OFFICE}/worksheet" '
            f'Target="worksheets/sheet1.xml"/><Relationship Id="r3" Type="{OFFICE}/styles" Target="styles.xml"/>'
            "</Relationships>",
        },
    )
    assert read("a.xlsx", data).data == [{"question": "1904-01-02"}]


def test_formulas_give_their_last_value_or_else_themselves(read):
    cells = [
        '<c r="B2"><f>1+1</f><v>2</v></c>',
        '<c r="B3"><f>1+2</f></c>',
        '<c r="B4"><f>SUM(B2:B3)</f><v></v></c>',
        '<c r="B5" t="str"><f>IF(A1="","",A1)</f><v></v></c>',
        '<c r="B6" t="e"><f>1/0</f><v>#DIV/0!</v></c>',
        '<c r="B7" t="inlineStr"><is><t>=cmd|x</t></is></c>',
    ]
    rows = '<row r="1"><c r="A1" t="str"><v>question</v></c><c r="B1" t="str"><v>answer</v></c></row>'
    rows += "".join(f'<row r="{n}"><c r="A{n}" t="str"><v>q{n}</v></c>{cell}</row>' for n, cell in enumerate(cells, 2))
    found = read("a.xlsx", by_hand(sheet_xml(rows)))
    assert [row["answer"] for row in found.data] == ["2", "=1+2", "=SUM(B2:B3)", "", "#DIV/0!", "=cmd|x"]


def test_shared_texts_have_their_runs_and_not_their_readings(read):
    texts = (
        "<si><t>question</t></si><si><r><t>東</t></r><r><t>京</t></r><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>"
        "<si><t>a_x000D_\nb</t></si>"
    )
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>{n - 1}</v></c></row>' for n in (1, 2, 3))
    assert read("a.xlsx", by_hand(sheet_xml(cells), texts)).data == [{"question": "東京"}, {"question": "a\nb"}]


def test_merged_cells_stand_in_every_row_that_they_cover(read):
    def fill(book, sheet):
        sheet.write_row(0, 0, ["类别", "问题", "答案"])
        for number in range(1, 4):
            sheet.write_row(number, 1, [f"问题{number}", f"答案{number}"])
        sheet.merge_range(1, 0, 2, 0, "退款")
        sheet.write(3, 0, "物流")

    assert [row["类别"] for row in read("a.xlsx", workbook(fill)).data] == ["退款", "退款", "物流"]


def test_a_title_above_the_table_is_named_and_left_out(read):
    def fill(book, sheet):
        sheet.merge_range(0, 0, 0, 2, "客服问答（2024 年）")
        sheet.write(1, 0, "导出时间：1 月")
        sheet.write_row(3, 0, ["问题", "答案", "备注"])
        sheet.write_row(4, 0, ["q", "a", ""])

    found = read("a.xlsx", workbook(fill))
    assert found.data == [{"问题": "q", "答案": "a", "备注": ""}]
    assert skipped(found) == [
        ('sheet "Sheet1", row 1 (客服问答（2024 年）)', "a title above the table"),
        ('sheet "Sheet1", row 2 (导出时间：1 月)', "a title above the table"),
    ]


def test_a_table_that_begins_elsewhere_and_has_gaps(read):
    def fill(_, sheet):
        sheet.write_row(4, 2, ["question", "answer"])
        sheet.write_row(5, 2, ["q1", "a1"])
        sheet.write_row(8, 2, ["q2"])

    found = read("a.xlsx", workbook(fill))
    assert found.data == [{"question": "q1", "answer": "a1"}, {"question": "q2", "answer": ""}]
    assert found.rows[1].locator == 'sheet "Sheet1", row 9'


def test_hidden_and_empty_sheets_are_named(read):
    def hide(_, sheet):
        table(["question", "answer"], ["q", "a"])(_, sheet)
        sheet.hide()

    data = workbook(table(["question", "answer"], ["q", "a"]), Secret=hide, Empty=lambda *_: None)
    found = read("a.xlsx", data)
    assert len(found.rows) == 1
    assert skipped(found) == [
        ('sheet "Secret"', "hidden sheet; show it in the program, or set formats.xlsx.hidden"),
        ('sheet "Empty"', "empty sheet"),
    ]


def test_hidden_sheets_are_read_when_asked_for(write):
    def hide(_, sheet):
        table(["question", "answer"], ["q", "a"])(_, sheet)
        sheet.hide()

    file = disk_file(write("a.xlsx", workbook(table(["question", "answer"], ["x", "y"]), Secret=hide)), "a.xlsx")
    assert len([item for item in Xlsx(hidden=True).items(file, None) if not isinstance(item, Skipped)]) == 2


def test_every_sheet_is_read_by_its_own_columns(ws, write):
    data = workbook(
        Faq=table(["问题", "答案"], ["怎么退货？", "在订单页申请退货。"]),
        Tickets=table(["text", "label"], ["物流太慢了，等了一周还没到", "物流"], ["客服态度很好，问题解决了", "服务"]),
    )
    version = prepare(write("book.xlsx", data), workspace=ws)
    assert version.kinds == {"chat": 1, "label": 2}
    told = version.report["inputs"][0]["files"]
    assert [(one["name"], one["shape"]) for one in told] == [
        ('book.xlsx, sheet "Faq"', "qa_columns"),
        ('book.xlsx, sheet "Tickets"', "label"),
    ]


def test_cells_outside_of_the_table_cost_their_row(read):
    rows = [["question", "answer"], *([f"q{n}", f"a{n}"] for n in range(250)), ["q", "a", "stray"]]
    found = read("a.xlsx", workbook(table(*rows)))
    assert len(found.rows) == 250
    [(place, message)] = found.sentences
    assert place == 'sheet "Sheet1", row 252'
    assert message == (
        "found cells outside of the columns question, answer. Move them into the table, or name their column."
    )


def test_macros_are_named_and_the_rows_are_read(read):
    rows = '<row r="1"><c r="A1" t="str"><v>question</v></c></row><row r="2"><c r="A2" t="str"><v>q</v></c></row>'
    found = read("a.xlsm", by_hand(sheet_xml(rows), extra={"xl/vbaProject.bin": "x"}))
    assert found.data == [{"question": "q"}]
    assert skipped(found) == [("macros", "macros, which are never run")]


def test_a_bomb_is_refused(write):
    zeros = sheet_xml("<row/>" + " " * 80_000_000)
    path = write("a.xlsx", by_hand(zeros))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError) as caught:
        list(Xlsx().items(disk_file(path, "a.xlsx"), None))
    assert str(caught.value).startswith("a.xlsx: unpacks to more than 400 times its size")
    with pytest.raises(InputError, match=r"unpacks to more than 1,000 bytes"):
        list(Xlsx(archives=Limits(max_bytes=1000)).items(disk_file(path, "a.xlsx"), None))


def test_entities_are_refused(write):
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + sheet_xml("<row><c><v>&b;</v></c></row>")
    path = write("a.xlsx", by_hand(laughs))
    with pytest.raises(InputError, match="declares entities, as attacks on readers do"):
        list(Xlsx().items(disk_file(path, "a.xlsx"), None))


def test_two_cells_far_apart_cost_no_memory(read):
    """Readers that lay a sheet out as a rectangle would need 17 billion cells."""
    rows = '<row r="1"><c r="A1" t="str"><v>question</v></c></row>'
    rows += '<row r="1048576"><c r="A1048576" t="str"><v>far</v></c></row>'
    tracemalloc.start()
    found = read("a.xlsx", by_hand(sheet_xml(rows, '<mergeCells><mergeCell ref="A2:XFD1048575"/></mergeCells>')))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.data == [{"question": "far"}]
    assert peak < 50_000_000


def test_a_large_sheet_is_streamed(write):
    """20 MB of XML; what is held are pieces of a megabyte."""
    cells = "".join(f'<row><c t="str"><v>q{n}</v></c><c t="str"><v>{"a" * 5000}</v></c></row>' for n in range(4000))
    names = '<row><c t="str"><v>question</v></c><c t="str"><v>answer</v></c></row>'
    file = disk_file(write("a.xlsx", by_hand(sheet_xml(names + cells))), "a.xlsx")
    tracemalloc.start()
    assert sum(1 for _ in Xlsx().items(file, None)) == 4000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("cut", [100, 3000])
def test_a_damaged_workbook_is_refused(write, cut):
    path = write("a.xlsx", workbook(table(["question", "answer"], ["q", "a"]))[:-cut])
    with pytest.raises(InputError, match=r"a.xlsx: is an Excel workbook that cannot be read .* Copy it again"):
        list(Xlsx().items(disk_file(path, "a.xlsx"), None))


def ods(rows: str, extra: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        archive.writestr(
            "content.xml",
            '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
            'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
            'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
            f'<table:table table:name="表一">{rows}</table:table>{extra}</office:spreadsheet></office:body>'
            "</office:document-content>",
        )
    return made.getvalue()


def cell(text: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p></table:table-cell>'


def test_opendocument_tables(read):
    number = '<table:table-cell office:value-type="float" office:value="3"><text:p>3</text:p></table:table-cell>'
    day = (
        '<table:table-cell office:value-type="date" office:date-value="2024-02-29"><text:p>29.2.</text:p>'
        "</table:table-cell>"
    )
    rows = "".join(
        f"<table:table-row>{one}</table:table-row>"
        for one in (cell("question") + cell("answer"), cell("q1") + number, cell("q2") + day)
    )
    found = read("a.ods", ods(rows))
    assert found.data == [{"question": "q1", "answer": "3"}, {"question": "q2", "answer": "2024-02-29"}]
    assert found.rows[0].locator == 'sheet "表一", row 2'


def test_an_opendocument_table_that_unfolds_too_far_is_refused(write):
    rows = '<table:table-row table:number-rows-repeated="1000000">'
    rows += cell("x", ' table:number-columns-repeated="16000"') + "</table:table-row>"
    path = write("a.ods", ods(rows))
    with pytest.raises(InputError, match="it unfolds to more than 50,000,000 cells"):
        list(Xlsx().items(disk_file(path, "a.ods"), None))


def record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def xls(rows, *, merged=(), hidden: bool = False) -> bytes:
    """A workbook of Excel 97 to 2003 (BIFF8 in an OLE file): texts and numbers of one sheet, written by hand."""

    def begin(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))

    def book(place: int) -> bytes:
        name = struct.pack("<IBBBB", place, hidden, 0, 2, 1) + "表一".encode("utf-16-le")
        return begin(5) + record(0x85, name) + record(0x0A)

    cells = b""
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            place = struct.pack("<HHH", at, column, 0)
            if isinstance(value, str):
                written = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
                cells += record(0x204, place + written)
            elif value is not None:
                cells += record(0x203, place + struct.pack("<d", value))
    ranges = record(0xE5, struct.pack("<H", len(merged)) + b"".join(struct.pack("<4H", *one) for one in merged))
    size = struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0)
    sheet = begin(0x10) + record(0x200, size) + cells + ranges + record(0x0A)
    stream = (book(len(book(0))) + sheet).ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HHHHH", header, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<IIIIIIIII", header, 40, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    struct.pack_into("<109I", header, 76, 0, *[0xFFFFFFFF] * 108)
    chain = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    table = struct.pack("<128I", *chain, *[0xFFFFFFFF] * (128 - len(chain)))

    def entry(name: str, kind: int, child: int, start: int, length: int) -> bytes:
        made = bytearray(128)
        written = name.encode("utf-16-le") + b"\0\0"
        made[: len(written)] = written
        struct.pack_into("<HBBIII", made, 64, len(written), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        struct.pack_into("<IQ", made, 116, start, length)
        return bytes(made)

    names = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))
    return bytes(header) + table + names.ljust(512, b"\0") + stream.ljust(512 * sectors, b"\0")


def test_old_workbooks(read):
    rows = [["类别", "问题", "答案"], ["退款", "怎么退货？", "在订单页申请。"], [None, "多久到账？", 3.0]]
    found = read("a.xls", xls(rows, merged=[(1, 2, 0, 0)]))
    assert found.format == "xlsx"
    assert found.data == [
        {"类别": "退款", "问题": "怎么退货？", "答案": "在订单页申请。"},
        {"类别": "退款", "问题": "多久到账？", "答案": "3"},
    ]
    assert found.rows[1].locator == 'sheet "表一", row 3'


def test_a_workbook_without_a_row_that_is_shown_is_refused(ws, write):
    path = write("a.xls", xls([["question", "answer"], ["q", "a"]], hidden=True))
    items = []
    with pytest.raises(InputError) as caught:
        items.extend(Xlsx().items(disk_file(path, "a.xls"), None))
    assert str(caught.value) == (
        "a.xls: holds no rows in any sheet that is shown; expected a table. Show its hidden sheets, set "
        "formats.xlsx.hidden, or take it out of the input."
    )
    assert [item.name for item in items] == ['sheet "表一"']
    assert len(list(Xlsx(hidden=True).items(disk_file(path, "a.xls"), None))) == 1


def test_an_old_workbook_that_is_none_is_refused(write):
    from tests.prepare.test_recognize import compound_file

    path = write("a.xls", compound_file("Workbook"))
    with pytest.raises(InputError, match="is a workbook that cannot be read"):
        list(Xlsx().items(disk_file(path, "a.xls"), None))


def test_a_stray_cell_far_out_makes_no_columns(read):
    rows = '<row r="1"><c r="A1" t="str"><v>question</v></c><c r="XFD1" t="str"><v>answer</v></c></row>'
    rows += '<row r="2"><c r="A2" t="str"><v>q</v></c><c r="XFD2" t="str"><v>a</v></c></row>'
    assert read("a.xlsx", by_hand(sheet_xml(rows))).data == [{"question": "q", "answer": "a"}]
