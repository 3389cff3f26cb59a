"""The encoding of a file is found, and damage is told by line and byte."""

import codecs

import pytest

from tuneloop.errors import InputError
from tuneloop.text import encoding

SIMPLIFIED = "编号,问题,回答\n1,请问怎么退款？,您好，请在订单页面点击“申请退款”。\n"
TRADITIONAL = "請問怎麼退款？訂單號碼是多少，我買的衣服還沒有到。\n"
JAPANESE = "名前,年齢,住所\n山田花子,30,東京\nこれはテストです\n"


@pytest.mark.parametrize(
    ("text", "written", "found"),
    [
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8-sig"),
        (SIMPLIFIED, "gb18030", "gb18030"),
        (SIMPLIFIED, "gbk", "gb18030"),
        (SIMPLIFIED, "utf-16", "utf-16"),
        (SIMPLIFIED, "utf-16-le", "utf-16-le"),
        (SIMPLIFIED, "utf-16-be", "utf-16-be"),
        (SIMPLIFIED, "utf-32", "utf-32"),
        (TRADITIONAL, "big5", "big5hkscs"),
        (TRADITIONAL, "gb18030", "gb18030"),
        (JAPANESE, "cp932", "cp932"),
        (JAPANESE, "euc_jp", "euc_jp"),
        ("안녕하세요 저는 한국 사람입니다", "cp949", "cp949"),
        ("Le café était très bon, où êtes-vous allé ?", "cp1252", "cp1252"),
        ("plain ASCII", "ascii", "utf-8"),
        ("", "ascii", "utf-8"),
    ],
)
def test_what_was_written_is_read(text, written, found):
    read, codec = encoding.decode(text.encode(written))
    assert codec == found
    assert read == text


def test_a_big_endian_mark_is_seen():
    assert encoding.decode(codecs.BOM_UTF16_BE + "你好".encode("utf-16-be")) == ("你好", "utf-16")


def test_a_long_ascii_head_does_not_hide_the_encoding():
    data = b"id,question\n" * 50_000 + SIMPLIFIED.encode("gb18030")
    assert encoding.decode(data) == ("id,question\n" * 50_000 + SIMPLIFIED, "gb18030")


@pytest.mark.parametrize(("codec", "rest"), [("utf-8", "utf-8"), ("gb18030", "gb18030")])
def test_a_damaged_byte_is_told_by_line_and_offset_and_does_not_change_the_encoding(codec, rest):
    good = SIMPLIFIED.encode(codec)
    data = good + b"\xff\n" + good
    assert encoding.detect(data) == rest
    with pytest.raises(InputError, match=rf"line 3: found 0xff at byte {len(good)}; expected text in {rest}"):
        encoding.decode(data)


def test_a_named_encoding_is_obeyed():
    assert encoding.decode("é".encode("cp1252"), "cp1252") == ("é", "cp1252")
