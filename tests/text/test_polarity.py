import pytest

from tuneloop.text.polarity import polarity


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("可以退，七天之内。", 1),
        ("您好，可以的。", 1),
        ("不可以。", -1),
        ("不能退，已经拆封。", -1),
        ("无法办理", -1),
        ("Yes, within 7 days.", 1),
        ("No. It was opened.", -1),
        ("You can't return it.", -1),
        ("You can return it.", 1),
        ("不仅可以退，还可以换。", 0),
        ("能量守恒是一条定律。", 0),
        ("行业标准如下", 0),
        ("会议在三点", 0),
        ("有时会下雨", 0),
        ("Notably, it rains.", 0),
        ("红色", 0),
        ("", 0),
    ],
)
def test_yes_or_no(answer, expected):
    assert polarity(answer) == expected
