"""The benchmark of web pages: what counts as kept, as left, and how tokens are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_tokens_are_words_and_single_characters() -> None:
    from html_text import token_f1

    assert token_f1("# Das Haus\n\n很大", "das haus 很大") == 1
    assert token_f1("a b c d", "a b x y") == pytest.approx(0.5)
    assert token_f1("a a a", "a") == pytest.approx(0.5)
    assert token_f1("", "a") == 0


def test_lines_are_kept_or_left_by_their_letters() -> None:
    from html_text import judged

    marks = [
        {"mark": mark, "text": text}
        for mark, text in [
            ("article", "第一段，很长的一段。"),
            ("article", "点评："),
            ("article", "点评："),
            ("about", "2019年 来源：某某"),
            ("furniture", "微信"),
            ("furniture", "相关新闻里的一条"),
            ("furniture", "很长"),
        ]
    ]
    assert judged("## 第一段，很长的 一段。\n\n点评：\n\n点评：", marks) == ([], [])
    lost, left = judged("点评：\n\n- 微信\n\n更多相关新闻里的一条标题", marks)
    assert lost == ["第一段很长的一段", "点评"]
    assert left == ["微信", "相关新闻里的一条"]
    assert judged("第一段，很长的一段。点评：点评：\n微信支付", marks) == ([], [])
