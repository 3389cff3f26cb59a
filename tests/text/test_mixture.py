"""Text in two encodings: each line in its own, found by lines and read in pieces as well as whole."""

import codecs

import pytest

from tuneloop.errors import InputError
from tuneloop.text import encoding, mixture

LINES = [
    "请问怎么退款？",
    "plain",
    "您好，请在订单页面点击申请退款。",
    "très bientôt, où ?",
    "10 m/s²",
    "- 米饭",
    "再见",
    "",
]
CODECS = ["utf-8", "utf-8", "gb18030", "utf-8", "utf-8", "utf-8", "gb18030", "utf-8"]


def written(end: str = "\n") -> bytes:
    return end.encode().join(line.encode(codec) for line, codec in zip(LINES, CODECS, strict=True))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_is_read_in_its_own_encoding(end):
    data = written(end)
    assert encoding.detect(data) == "utf-8+gb18030"
    assert encoding.decode(data) == (end.join(LINES), "utf-8+gb18030")
    for step in (1, 2, 7, 50):
        decoder = codecs.getincrementaldecoder("utf-8+gb18030")()
        pieces = [decoder.decode(data[at : at + step]) for at in range(0, len(data), step)]
        assert "".join([*pieces, decoder.decode(b"", final=True)]) == end.join(LINES)


def test_which_is_commoner_is_told_and_counted():
    data = written() + b"\n" + b"\n".join(f"第{n}个问题".encode("gb18030") for n in range(9))
    found = encoding.detect(data)
    assert mixture.parts(found) == ("gb18030", "utf-8")
    assert mixture.count(data.splitlines(), "gb18030", "gb18030") == {"utf-8": 4, "other": 11, "ascii": 2}
    assert mixture.parts("utf-8") is None


@pytest.mark.parametrize("codec", ["gb18030", "big5hkscs"])
def test_pieces_that_are_good_in_both_are_read_as_what_more_of_the_file_is_in(codec):
    pieces = ["没", "么", "美", "这么", "茅台", "名", "龚玥"] if codec == "gb18030" else ["這麼", "美", "名"]
    for piece in pieces:
        one, _ = codecs.lookup(f"{codec}+utf-8").decode(piece.encode(codec))
        two, _ = codecs.lookup(f"{codec}+utf-8").decode(piece.encode())
        assert (one, two) == (piece, piece)


def test_a_damaged_line_is_not_taken_for_the_other_encoding():
    good = "请问怎么退款，订单页面在哪里？"
    cut = good.encode()[:-4] + good.encode()[-3:]
    assert encoding.detect(b"\n".join([good.encode()] * 30 + [cut])) == "utf-8"
    data = b"\n".join([good.encode(), good.encode("gb18030"), cut, good.encode("gb18030")])
    assert mixture.parts(encoding.detect(data))
    with pytest.raises(InputError, match="line 3: found 0xe9"):
        encoding.decode(data)


def test_one_encoding_stays_one():
    for codec in ("gb18030", "utf-8"):
        assert (
            encoding.detect("\n".join(line for line in LINES if "è" not in line and "²" not in line).encode(codec))
            == codec
        )
