"""Where an address begins and ends, in Chinese above all."""

import time

import pytest

from tuneloop.text import urls


def found(text: str, *, bare: bool = True) -> list[str]:
    return [text[url.start : url.end] for url in urls.find(text, bare=bare)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("详情请访问https://example.com/a查看退款规则。谢谢", ["https://example.com/a"]),
        ("打开http://t.cn/A6，领券", ["http://t.cn/A6"]),
        ("（见https://a.cn/b_(c)）。", ["https://a.cn/b_(c)"]),
        ("(see https://a.com/b).", ["https://a.com/b"]),
        ("See https://a.com/x?y=1&z=%E4%BD%A0, and www.b.org.", ["https://a.com/x?y=1&z=%E4%BD%A0", "www.b.org"]),
        ("访问https://例子.中国/a看看", ["https://例子.中国/a"]),
        ("搜baidu.com/s?wd=a试试", ["baidu.com/s?wd=a"]),
        ("发到bob@example.com谢谢", []),
        ("asp.net、socket.io、node.js 和版本1.2.3.4", []),
        ("文件是a.com.txt", []),
        ("https://", []),
        ("FTP://files.example.com/x.zip下载", ["FTP://files.example.com/x.zip"]),
        ("**https://a.com/b**", ["https://a.com/b"]),
    ],
)
def test_addresses_end_where_the_sentence_goes_on(text, expected):
    assert found(text) == expected


def test_bare_addresses_are_found_when_asked_for():
    assert found("上baidu.com看看", bare=False) == []
    assert found("上baidu.com看看") == ["baidu.com"]


@pytest.mark.parametrize(
    "text", ["https://a.com/" + ")" * 200_000, "a-" * 200_000, "www." * 100_000, "https://" * 50_000, "一." * 100_000]
)
def test_hostile_text_takes_time_in_proportion(text):
    started = time.perf_counter()
    found(text)
    assert time.perf_counter() - started < 5
