"""The language of short and of mixed texts."""

import pytest

from tuneloop.text.language import detect, scripts


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("怎么退款", "zh"),
        ("你好", "zh"),
        ("我想買滑鼠", "zh"),
        ("用 Python 写一个 quicksort 函数", "zh"),
        ("iPhone 15 Pro Max 多少钱", "zh"),
        ("what does 你好 mean in English", "en"),
        ("OK", "en"),
        ("Reset password", "en"),
        ("How do I get a refund for my order?", "en"),
        ("Wie kann ich mein Geld zurückbekommen?", "de"),
        ("Bonjour, comment allez-vous aujourd'hui ?", "fr"),
        ("こんにちは、元気ですか", "ja"),
        ("안녕하세요", "ko"),
        ("Привет, как дела?", "ru"),
        ("", "und"),
        ("12:30, 3+4=7 🎉", "und"),
    ],
)
def test_language(text, language):
    assert detect(text) == language


def test_a_long_text_is_judged_by_its_head_middle_and_tail():
    assert detect("Copyright notice and licence. " * 20 + "小猫在院子里晒太阳。" * 5000) == "zh"


def test_scripts_are_counted():
    counts = scripts("汉字ab и あ")
    assert (counts["han"], counts["latin"], counts["ru"], counts["kana"]) == (2, 2, 1, 1)
