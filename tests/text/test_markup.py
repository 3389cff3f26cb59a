"""HTML goes, and nothing that only looks like it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneloop.text.markup import strip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<p>您可以在<b>18天</b>之内退货。</p>", "您可以在18天之内退货。"),
        ("Free&nbsp;from &pound;5 &amp; up &#8212; really", "Free from £5 & up — really"),
        ("one<br/>two<BR>three", "one\ntwo\nthree"),
        ('<a href="https://x.example/?a=1&b=2" target=_blank>Here</a>!', "Here!"),
        ("<ul>\n  <li>a</li>\n  <li>b</li>\n</ul>", "a\n\nb"),
        ("<style>p { color: red }</style>Text<!-- note -->", "Text"),
        ("a<!-- b -->c<script>d</script>e<!-- f", "ace<!-- f"),
        ("<div class='x'>包邮</div><div>满 136 元</div>", "包邮\n\n满 136 元"),
    ],
)
def test_html_goes(text: str, words: str) -> None:
    assert strip(text)[0] == words


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "List<String> and Map<K, V>",
        "<think>first</think>answer",
        "Use `<p>` for a paragraph and `&nbsp;` for a space",
        "```html\n<div>&amp;</div>\n```",
        "```\n<b>never closed",
        "AT&T, R&D; x &y; a&b",
        "<3 <- <= <p q <b",
        "",
    ],
)
def test_what_only_looks_like_html_stays(text: str) -> None:
    assert strip(text) == (text, {})


def test_edits_are_counted() -> None:
    assert strip("<p>a&nbsp;b</p>")[1] == {"tags": 2, "entities": 1}


@given(st.text())
def test_words_without_angle_or_ampersand_are_untouched(text: str) -> None:
    plain = text.replace("<", "").replace("&", "")
    assert strip(plain) == (plain, {})


@pytest.mark.parametrize(
    "text", ["<p " * 300_000, "<a href=" + "x" * 1_000_000, "--><!--" * 200_000, "<script>" * 200_000]
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    began = time.process_time()
    strip(text)
    assert time.process_time() - began < 5
