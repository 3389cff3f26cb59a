"""`Words`: one sentence in both languages, and the choice of the reader's language."""

from __future__ import annotations

import pytest

from tuneloop.wording import Words, current_language


def test_places_are_filled_in_both_languages() -> None:
    reason = Words("too short", "太短")
    words = Words("{count} dropped: {reason}", "丢弃 {count} 条：{reason}").format(count=3, reason=reason)
    assert words == Words("3 dropped: too short", "丢弃 3 条：太短")
    assert (words.to("en"), words.to("zh")) == words


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "TUNELOOP_LANG": "en"}, "en"),
        ({"LANG": "C", "TUNELOOP_LANG": "ZH"}, "zh"),
    ],
)
def test_the_language_of_the_reader(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str) -> None:
    for name in ("TUNELOOP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert current_language() == language
    assert str(Words("cat", "猫")) == {"en": "cat", "zh": "猫"}[language]
