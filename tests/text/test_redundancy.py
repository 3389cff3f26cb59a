"""Repetition is measured on characters, so that Chinese and English are treated alike."""

from tuneloop.text.redundancy import distinct_share, repeated_lines


def test_the_share_of_different_pieces_counted_by_hand():
    # 24 characters have 17 pieces of eight; of a period of eight there are eight different ones.
    assert distinct_share("abcdefgh" * 3) == 8 / 17
    assert distinct_share("一二三四五六七八" * 3) == 8 / 17
    assert distinct_share("短") == 1.0
    assert distinct_share("一 二\n三四五六七八" * 3) == 8 / 17


def test_lines_said_again_count_by_their_length():
    assert repeated_lines("首页 新闻 视频\n正文在这里面\n首页 新闻 视频") == 8 / 22
    assert repeated_lines("one line\nother line") == 0
    assert repeated_lines("") == 0


def test_code_rules_and_brackets_are_no_repeated_lines():
    assert repeated_lines("```\nsame line here\nsame line here\n```\ntext of it") == 0
    assert repeated_lines("-----\n}\n-----\n}\n") == 0
