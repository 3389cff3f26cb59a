"""CSV and TSV: separators, quotes, names of columns, and rows that do not fit."""

from __future__ import annotations

import pytest

from tuneloop.prepare.writers.csv import Csv as Writer


def test_names_and_lines(read):
    found = read("a.csv", '问题,答案\n"你好，在吗","在的, 亲"\n怎么退货,"第一步\n第二步"\n多久到,三天\n')
    assert found.data == [
        {"问题": "你好，在吗", "答案": "在的, 亲"},
        {"问题": "怎么退货", "答案": "第一步\n第二步"},
        {"问题": "多久到", "答案": "三天"},
    ]
    assert [row.locator for row in found.rows] == ["line 2", "line 3", "line 5"]


@pytest.mark.parametrize(
    ("mark", "name"), [(",", "a.csv"), (";", "a.csv"), ("\t", "a.tsv"), ("|", "a.csv"), ("\t", "a.txt")]
)
def test_separators(read, mark, name):
    rows = [["question", "answer"], ["how are you", "fine, thanks"], ["where; are you", "here"], ["who", "me"]]
    text = "\n".join(mark.join(f'"{cell}"' if "," in cell or ";" in cell else cell for cell in row) for row in rows)
    found = read(name, text)
    assert found.format == "csv"
    assert [row["question"] for row in found.data] == ["how are you", "where; are you", "who"]
    assert found.data[0]["answer"] == "fine, thanks"


@pytest.mark.parametrize("codec", ["gb18030", "utf-16", "utf-8-sig", "big5hkscs"])
def test_encodings(read, codec):
    text = "ask,answer\r\n" + "怎樣退換貨品？我想退款,請在訂單頁面申請退款\r\n" * 20
    found = read("a.csv", text.encode(codec))
    assert found.data == [{"ask": "怎樣退換貨品？我想退款", "answer": "請在訂單頁面申請退款"}] * 20


def test_a_table_without_names(read):
    lines = [f"标题{n}：内容很长的一条新闻\t{n % 3}" for n in range(30)]
    found = read("a.tsv", "\n".join(lines))
    assert found.data[0] == {"column_1": "标题0：内容很长的一条新闻", "column_2": "0"}
    assert len(found.rows) == 30


def test_a_row_that_does_not_fit_is_refused_with_its_line(read):
    found = read("a.csv", "question,answer\na,b\nc,d,e\nf\ng,h\n")
    assert len(found.rows) == 2
    ending = "expected 2 (question, answer). Put cells that hold the separator in quotes."
    assert found.sentences == [("line 3", f"found 3 cells; {ending}"), ("line 4", f"found 1 cells; {ending}")]


def test_a_quotation_mark_that_is_never_closed_costs_its_line(read):
    found = read("a.csv", 'question,answer\na,b\nc,"d\ne,f\ng,h\n')
    assert [row["question"] for row in found.data] == ["a", "e", "g"]
    assert found.sentences == [
        ("line 3", 'found a quotation mark that opens a cell and is never closed. Close it, or write it twice ("").')
    ]


def test_tabs_know_no_quotes_unless_all_are_closed(read):
    lines = ['ham\t"Hello" he said', 'ham\t"quoted"', "spam\tfree", "ham\tyes", "spam\tfree too"]
    assert read("a.tsv", "\n".join(lines)).data[1]["column_2"] == '"quoted"'
    quoted = ["q\ta", '"x\ty"\t"a ""b"""', "c\td"]
    assert read("b.tsv", "\n".join(quoted)).data[0] == {"q": "x\ty", "a": 'a "b"'}


def test_names_that_stand_twice_or_are_empty(read):
    found = read("a.csv", "question,answer,answer,\na,b,c,d\ne,f,g,h\n")
    assert found.data[0] == {"question": "a", "answer": "b", "answer_2": "c", "column_4": "d"}


def test_a_cell_of_four_megabytes(read):
    found = read("a.csv", "question,answer\nwhy," + "x" * 4_000_000 + "\n")
    assert len(found.data[0]["answer"]) == 4_000_000


def test_the_recipe_may_say_it(write):
    from tuneloop.prepare.importers.csv import Csv
    from tuneloop.prepare.source_file import disk_file

    path = write("a.csv", "question;answer\na;b\n")
    file = disk_file(path, "a.csv")
    rows = list(Csv(separator="semicolon", header="no").items(file, "utf-8"))
    assert [dict(row.data) for row in rows] == [
        {"column_1": "question", "column_2": "answer"},
        {"column_1": "a", "column_2": "b"},
    ]


def test_two_encodings_in_one_table(read):
    rows = [(f"如何退款{n}？", f"请点击申请退款{n}。") for n in range(10)]
    lines = [",".join(row).encode("utf-8" if n < 7 else "gb18030") for n, row in enumerate(rows)]
    found = read("a.csv", b"\r\n".join([b"question,answer", *lines]))
    assert found.encoding == "utf-8+gb18030"
    assert (found.data, found.rejected) == ([{"question": one, "answer": two} for one, two in rows], [])


def test_nul_characters_cost_their_row(read):
    found = read("a.csv", "question,answer\n你好吗,好\n\0天气\0,晴\n再见,再\n")
    assert found.sentences == [
        ("line 3", "found a NUL character (0x00), which no text holds. Export the table once more, or mend the row.")
    ]
    assert [row["answer"] for row in found.data] == ["好", "再"]


CELLS = [
    "=1+1",
    "-5 度",
    "+86 138",
    "@某人",
    "- 一\n- 二",
    "\t缩进",
    "＝全角",
    "－5",
    "'=1+1",
    "''- 引号",
    "'引用'",
    "-5",
    "'",
    "'' a",
]


@pytest.mark.parametrize("formulas", [False, True])
def test_what_our_writer_puts_before_formulas_is_taken_off(read, tmp_path, formulas):
    rows = [{"question": f"第{n}格是什么？", "answer": cell} for n, cell in enumerate(CELLS)]
    file = tmp_path / "out.csv"
    Writer(formulas=formulas).write(file, lambda: iter(rows))
    assert read("read.csv", file.read_bytes()).data == rows


def test_apostrophes_in_tables_of_others_are_data(read):
    table = "question,answer\n公式怎么写？,'=1+1\n温度多少？,{}\n"
    mark = b"\xef\xbb\xbf"
    assert read("a.csv", table.format("零下")).data[0]["answer"] == "'=1+1"
    assert read("a.csv", mark + table.format("=A1").encode()).data[0]["answer"] == "'=1+1"
    assert read("a.csv", mark + table.format("-5").encode()).data[0]["answer"] == "=1+1"
