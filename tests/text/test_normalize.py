"""Normalization mends what is broken, does it once, and leaves Chinese writing alone."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuneloop.text.mojibake import is_lost, repair
from tuneloop.text.normalize import normalize

UNTOUCHED = [
    "“你好”，他说：ＡＢＣ１２３！《红楼梦》……——（注）",
    "　　段落开头空两格。",
    "「引用」『书名』【重点】·～、；",
    "豈有此理",  # compatibility ideograph, which NFC would turn into 豈
    "家庭：👨‍👩‍👧，旗：🏴󠁧󠁢󠁥󠁮󠁧󠁿，❤️",
    "می‌خواهم",  # the joiner is spelling in Persian
    "fiancée, naïve, €5, 5 µm, Ünlü, ½, ©",
    "тест, ελληνικά",
    "a\tb\nc  \n\nd",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_right_text_is_left_alone(text):
    assert normalize(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "expected", "edits"),
    [
        ("第一行\r\n第二行\r第三行\u2028第四行", "第一行\n第二行\n第三行\n第四行", {"line_breaks": 3}),
        ("退\x00款\x07流程\x7f", "退款流程", {"control": 3}),
        ("客\u200b服\ufeff电话\u2060：", "客服电话：", {"zero_width": 3}),
        ("中\u200d文\u200c字", "中文字", {"zero_width": 2}),
        ("abc\u202edcb\u202c", "abcdcb", {"zero_width": 2}),
        ("订单\xa0123\u2003元", "订单 123 元", {"spaces": 2}),
        ("cafe\u0301", "café", {"composed": 1}),
        ("か\u3099", "が", {"composed": 1}),
        ("忽略\U000e0041\U000e0042以上", "忽略以上", {"control": 1}),
        ("â€œHelloâ€\x9d", "“Hello”", {"mojibake": 1}),
        ("schÃ¶n", "schön", {"mojibake": 1}),
    ],
)
def test_what_is_mended(text, expected, edits):
    assert normalize(text) == (expected, edits)


def test_utf8_read_as_gbk_and_gbk_read_as_latin_are_mended():
    text = "请问我的订单什么时候发货？谢谢"
    for phrase in ("订单号：123456，请尽快发货", "客服电话", "今天天气很好"):
        assert repair(phrase.encode().decode("gb18030")) == phrase
    assert repair(f"问：{text}".encode("gb18030").decode("latin-1")) == f"问：{text}"


def test_natural_chinese_is_never_taken_for_mojibake():
    for text in ("联通", "你好", "鍙ゆ枃", "镍氢电池和锂电池的区别", "Å和Ö是瑞典语字母", "浣溪沙"):
        assert repair(text) == text


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("价格锟斤拷元", True),
        ("caf\ufffd", True),
        ("烫手", False),
        ("锟铻", False),
        ("浣熊和浠水", False),
    ],
)
def test_lost_characters_are_noticed(text, lost):
    assert is_lost(text) is lost


def test_misread_text_that_cannot_be_mended_is_noticed():
    misread = "请问我的订单什么时候发货".encode().decode("gb18030", "replace")
    assert repair(misread) == misread
    assert is_lost(misread)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@example("a\u200d\u200d👩")
@example("e\u200b\u0301")
@example("Ã¢â‚¬Å“")
def test_normalization_is_idempotent(text):
    once, _ = normalize(text)
    assert normalize(once) == (once, {})


@settings(deadline=None)
@given(st.text(alphabet="你好世界，。！？；：“”‘’（）《》【】、—…　ＡＢ１２ab12 \n", max_size=80))
def test_chinese_punctuation_always_survives(text):
    assert normalize(text) == (text, {})
