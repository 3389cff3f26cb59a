"""Text becomes documents."""

from __future__ import annotations

from tuneloop.prepare.importers.text import Text
from tuneloop.prepare.source_file import disk_file


def texts(items):
    return [row.data["text"] for row in items]


def test_a_short_file_is_one_document(read):
    found = read("a.txt", "# 标题\n\n第一段。\n\n\n第二段。\n")
    assert found.data == [{"text": "# 标题\n\n第一段。\n\n第二段。"}]
    assert found.rows[0].locator == "line 1"


def test_blocks_are_put_together_up_to_the_limit(write):
    blocks = [f"段落{n}。" + "字" * 60 for n in range(10)]
    file = disk_file(write("a.txt", "\n\n".join(blocks)), "a.txt")
    found = list(Text(max_chars=200).items(file, "utf-8"))
    assert all(len(text) <= 200 for text in texts(found))
    assert "\n\n".join(texts(found)) == "\n\n".join(blocks)
    assert [row.locator for row in found][:2] == ["line 1", "line 7"]


def test_long_lines_without_blank_ones_are_documents(read):
    lines = [f"文章{n}：" + "内容" * 200 for n in range(5)]
    found = read("a.txt", "\n".join(lines))
    assert [row.data["text"] for row in found.rows] == lines


def test_a_long_line_is_cut_after_a_sentence_and_its_pieces_belong_together(write):
    line = "".join(f"这是第{n}句话，没有换行。" for n in range(100))
    file = disk_file(write("a.txt", line), "a.txt")
    found = list(Text(max_chars=200).items(file, "utf-8"))
    assert len(found) > 5
    assert all(text.endswith("。") and len(text) <= 200 for text in texts(found))
    assert "".join(texts(found)) == line
    assert {row.group for row in found} == {"line 1"}
    assert found[1].locator == "line 1, piece 2"


def test_encodings_and_line_breaks(read):
    text = "天下大势，分久必合，合久必分。\r\n\r\n周末七国分争，并入于秦。"
    for codec in ("gb18030", "utf-16", "utf-8-sig"):
        assert read("a.txt", text.encode(codec)).data == [{"text": text.replace("\r\n", "\n")}]


def test_damaged_text_is_refused(read):
    found = read("a.txt", "好好学习，天天向上，这是一段正常的文字。".encode() * 3 + b"\xff")
    assert found.sentences == [
        ("line 1", "found the byte 0xff, which is not UTF-8. Save the file in one encoding, best UTF-8.")
    ]


def test_a_damaged_line_costs_its_paragraph_only(read):
    text = "好好学习，天天向上，这是一段正常的文字。"
    found = read("a.txt", f"{text}\n\n{text}\n".encode() + b"\xff\xfe\n\n" + f"{text}完".encode())
    assert found.sentences[0][0] == "line 4"
    assert found.data == [{"text": f"{text}\n\n{text}完"}]


def test_two_encodings_in_one_file(read):
    text = "好好学习，天天向上，这是第{}段文字。"
    written = [text.format(n).encode("gb18030" if n % 3 else "utf-8") for n in range(9)]
    for data in (written, written[:2]):
        found = read("a.txt", b"\n\n".join(data))
        assert (found.format, found.rejected) == ("text", [])
        assert found.data == [{"text": "\n\n".join(text.format(n) for n in range(len(data)))}]
