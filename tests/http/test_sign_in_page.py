"""The page behind a sign-in link in a real browser: both languages, narrow and wide, light and dark, good or used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import Browser, browser
from tests.http.team import SYSTEM, Team, make_team
from tests.jobs.served import served_app

from tuneloop.access import sign_in
from tuneloop.app.http.errors import HttpError

pytestmark = pytest.mark.slow
SAID = "document.querySelector('output').textContent"
CODE = "document.querySelector('output').dataset.code"
PICTURES = os.environ.get("TUNELOOP_TEST_PICTURES")
"""A folder for pictures of the page, to be looked at by a person."""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    team = make_team(tmp_path_factory.mktemp("team") / "w")
    yield team
    team.ws.close()


@pytest.fixture(scope="module")
def address(team: Team) -> Iterator[str]:
    with served_app(team.app) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def link(team: Team, address: str, query: str = "") -> str:
    return f"{address}/sign-in{query}#{sign_in.make_link(team.ws, SYSTEM, team.people['viewer'])}"


def press(page: Browser) -> str:
    page.evaluate("document.querySelector('button').click()")
    page.until(f"{SAID} !== ''")
    return str(page.evaluate(SAID))


@pytest.mark.parametrize(
    ("language", "signed_in", "used"),
    [
        ("en", "You are signed in as the viewer.", "This link was used already"),
        ("zh", "已登录：the viewer。", "此链接已使用过"),
    ],
)
def test_a_link_signs_in_once_and_says_so(
    team: Team, address: str, page: Browser, language: str, signed_in: str, used: str
) -> None:
    url = link(team, address)
    page.open(url, language=f"{language}-XX,{language};q=0.9")
    assert page.evaluate("document.documentElement.lang").startswith(language)
    assert press(page) == signed_in
    assert page.evaluate("location.hash") == ""
    assert page.evaluate("document.querySelector('button').hidden")
    page.open(url, language=language)
    assert press(page).startswith(used)
    assert page.evaluate("location.hash") == ""


def test_a_link_without_its_secret_is_told_at_once(address: str, page: Browser) -> None:
    page.open(f"{address}/sign-in?lang=zh", language="en")
    assert page.evaluate(SAID).startswith("链接不完整")
    assert page.evaluate("document.querySelector('button').hidden")


def test_the_other_language_keeps_the_secret(team: Team, address: str, page: Browser) -> None:
    page.open(link(team, address), language="en")
    secret = page.evaluate("location.hash")
    page.evaluate("document.querySelector('nav a').click()")
    page.until("document.documentElement.lang === 'zh-CN' && document.readyState === 'complete'")
    assert page.evaluate("location.hash") == secret
    assert press(page) == "已登录：the viewer。"


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(503, "database_unavailable", "服务器暂时没有响应"), (429, "too_many_attempts", "尝试次数过多")],
)
def test_where_it_may_go_well_later_the_link_stays(
    team: Team, address: str, page: Browser, monkeypatch: pytest.MonkeyPatch, status: int, code: str, told: str
) -> None:
    def refuse(*_: Any) -> None:
        raise HttpError(status, "not now", code=code)

    page.open(link(team, address, "?lang=zh"))
    with monkeypatch.context() as patch:
        patch.setattr(sign_in, "with_link", refuse)
        assert told in press(page)
    assert page.evaluate("location.hash") != ""
    assert not page.evaluate("document.querySelector('button').disabled")
    page.evaluate("document.querySelector('button').click()")
    page.until(f"{CODE} === 'done'")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_fits_and_can_be_read(
    team: Team, address: str, page: Browser, language: str, width: int, dark: bool
) -> None:
    page.open(f"{address}/sign-in?lang={language}#ln-wrong", width=width, dark=dark)
    press(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.evaluate("(({left, right}) => [left, right])(document.querySelector('output').getBoundingClientRect())")
    assert 0 <= box[0] < box[1] <= width
    # the canvas and the text follow the reader's scheme, with a contrast far over WCAG's 4.5
    light = page.evaluate(
        "(() => { const look = getComputedStyle(document.body); const dark = matchMedia('(prefers-color-scheme: dark)')"
        ".matches; return [dark, look.color, getComputedStyle(document.documentElement).colorScheme]; })()"
    )
    assert light[0] == dark
    assert light[1] == ("rgb(255, 255, 255)" if dark else "rgb(0, 0, 0)")
    if PICTURES:
        page.picture(Path(PICTURES) / f"sign-in-{language}-{width}-{'dark' if dark else 'light'}.png")


@pytest.mark.parametrize(
    ("header", "query", "language"),
    [
        ("", "", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh-CN"),
        ("en-US,en;q=0.9,zh;q=0.8", "", "en"),
        ("fr;q=1, zh;q=0.2, en;q=0.1", "", "zh-CN"),
        ("en;q=0, zh;q=x", "", "en"),
        ("zh", "?lang=en", "en"),
        ("en", "?lang=zh", "zh-CN"),
        ("zh", "?lang=fr", "zh-CN"),
    ],
)
def test_which_language(team: Team, header: str, query: str, language: str) -> None:
    answer = team.client().get(f"/sign-in{query}", headers={"accept-language": header})
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["content-language"] == language.partition("-")[0]
