"""Web pages: the article and what is around it, encodings, structure."""

from __future__ import annotations

import pytest

from tuneloop.errors import InputError
from tuneloop.prepare.document.furniture import is_furniture
from tuneloop.prepare.importer import Row
from tuneloop.prepare.importers import html
from tuneloop.prepare.importers.html import Html
from tuneloop.prepare.source_file import disk_file

ARTICLE = [
    "沙漠公路沿线的补水站今年春天全部改用了太阳能水泵，维护人员说，一台水泵一天可以抽上来八十吨水。",
    "在过去，这些补水站靠柴油机供电，油料要从三百公里外运来，遇到沙尘天气，车队常常要等上好几天。",
    "新的水泵由当地的合作社管理，每个站点有两名管护员，他们每天记录水位，并把数据发回县里的平台。",
    "县水利局的工程师介绍，第一年省下的油费就超过了设备的价格，明年还要再建二十个这样的站点。",
]


def page(body: str, title: str = "沙漠里的太阳能水泵_地方新闻_某某网", more: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title>{more}</head><body>{body}</body></html>"


def news(inside: str = "", after: str = "") -> str:
    paragraphs = "".join(f"<p>　　{text}</p>" for text in ARTICLE[:2]) + inside
    paragraphs += "".join(f"<p>　　{text}</p>" for text in ARTICLE[2:])
    menu = "".join(f'<li><a href="/{name}">{name}</a></li>' for name in ("首页", "时政", "财经", "体育", "娱乐"))
    others = "".join(f'<li><a href="/n/{n}">第{n}条别的新闻的标题在这里</a></li>' for n in range(8))
    return page(
        f'<div class="nav"><ul>{menu}</ul></div><div class="main"><h1>沙漠里的太阳能水泵</h1>'
        f'<div class="content">{paragraphs}{after}</div></div>'
        f'<div class="sidebar"><h3>热门推荐</h3><ul>{others}</ul></div>'
        '<div class="footer">版权所有 © 2024 某某网 京ICP备00000000号</div>'
    )


def texts(found):
    return "\n\n".join(str(row.data["text"]) for row in found.rows)


def test_the_article_under_its_title(read):
    found = read("a.html", news())
    assert found.format == "html"
    assert texts(found) == "\n\n".join(["# 沙漠里的太阳能水泵", *ARTICLE])
    assert found.rows[0].locator == "§ 沙漠里的太阳能水泵"


def test_captions_and_steps_between_paragraphs_stay(read):
    inside = (
        '<div class="img"><img src="a.jpg"><span class="desc">管护员在检查水泵。（资料图）</span></div><h3>第二步</h3>'
    )
    found = texts(read("a.html", news(inside)))
    assert "管护员在检查水泵。（资料图）\n\n### 第二步" in found


FURNITURE = [
    "责任编辑：王小明",
    "（责编：李四、王五）",
    "编辑|张三",
    "校对 | 赵六",
    "【1】【2】【3】",
    "上一页 下一页",
    "分享到：",
    "关键字 : 水泵",
    "标签：水利 能源",
    "扫描下方二维码，关注我们的公众号",
    "长按识别二维码下载客户端",
    "1、回复【公租房】查看最新消息",
    "点击菜单栏【便民服务】解锁更多服务！",
    "看都看完了，点【在看】试试",
    "点击进入专题>>",
    "点击阅读原文",
    "查看更多精彩内容",
    "本文仅代表作者观点，不代表本平台立场。",
    "特别声明：本文由用户上传并发布，本平台仅提供信息发布平台服务。",
    "未经授权不得转载",
    "6条评论|106人参与网友评论",
    "1032人参与308评论",
    "微信 微博 QQ空间",
    "返回顶部",
    "京公网安备11000002000001号",
]


@pytest.mark.parametrize("line", FURNITURE)
def test_furniture_inside_the_article_goes(read, line):
    found = texts(read("a.html", news(after=f"<p>{line}</p>")))
    assert line not in found
    assert ARTICLE[-1] in found


SENTENCES = [
    "他曾在一家出版社担任责任编辑，后来回到家乡，开始研究水泵和太阳能板怎样才能在沙漠里长期工作。",
    "这家公司请用户扫描设备上的二维码，查看水泵每天的抽水量，管护员也用同样的办法报告故障。",
    "他在回复里说，下载客户端以后，村民就能看到水位，分享给邻居，也可以随时反馈意见。",
    "编辑这份手册花了半年时间。",
    "更多推荐的做法写在县里发的手册上。",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences_that_speak_of_such_things_stay(read, sentence):
    assert sentence in texts(read("a.html", news(f"<p>{sentence}</p>")))


def test_nothing_follows_the_line_of_the_editor(read):
    after = "<p>责任编辑：王小明</p><p>精彩图集</p><p>敦煌石窟里的动物世界是怎样的一个世界，点开看看</p>"
    assert "敦煌" not in texts(read("a.html", news(after=after)))


def test_a_list_of_further_reading_goes_with_its_heading(read):
    links = "".join(f"<p><a href='/{n}'>另一篇关于能源的文章标题{n}</a></p>" for n in range(3))
    found = texts(read("a.html", news(f"<p>延伸阅读</p>{links}")))
    assert "延伸阅读" not in found
    assert "另一篇" not in found
    assert ARTICLE[2] in found


def test_structure_of_a_whole_page(write):
    body = (
        "<nav>菜单</nav><h1>手册</h1><p>第一段，<b>粗体</b>和<code>pip install</code>。</p><h2>步骤</h2>"
        "<ol><li>打开<ul><li>甲</li></ul></li><li>关上</li></ol><pre><code>a = 1\n  b = 2</code></pre>"
        "<table><tr><th>名称</th><th>数量</th></tr><tr><td>水|泵</td><td>3</td></tr><tr><td colspan=2>合计</td></tr>"
        "</table><blockquote>引用<br>两行</blockquote><p style='display: none'>看不见</p><script>x()</script>"
        "<p hidden>也看不见</p>"
    )
    file = disk_file(write("a.html", page(body)), "a.html")
    [row] = Html(main_text="page").items(file, "utf-8")
    assert isinstance(row, Row)
    assert row.data["text"] == (
        "菜单\n\n# 手册\n\n第一段，粗体和`pip install`。\n\n## 步骤\n\n1. 打开\n  - 甲\n2. 关上\n\n"
        "```\na = 1\n  b = 2\n```\n\n| 名称 | 数量 |\n| --- | --- |\n| 水\\|泵 | 3 |\n| 合计 |  |\n\n> 引用\n> 两行"
    )


def test_a_short_page_is_read_as_it_is_set(read):
    body = "<nav><a href=/>首页</a></nav><h1>开放时间</h1><p>周一至周五 9 点。</p><p>周末休息。</p>"
    assert texts(read("a.html", page(body, "开放时间"))) == "# 开放时间\n\n周一至周五 9 点。\n\n周末休息。"


def test_tables_that_only_place_text_are_read_cell_by_cell(read):
    rows = "".join(f"<p>{text}</p>" for text in ARTICLE)
    found = texts(read("a.html", page(f"<table><tr><td>菜单</td><td>{rows}</td></tr></table>")))
    assert "\n\n".join(ARTICLE) in found
    assert "|" not in found


@pytest.mark.parametrize(
    ("codec", "meta"),
    [
        ("gb18030", '<meta charset="gb2312">'),
        ("gb18030", '<meta http-equiv="Content-Type" content="text/html; charset=GBK">'),
        ("gb18030", ""),
        ("big5hkscs", '<meta charset="big5">'),
        ("utf-8", '<meta charset="gbk">'),
        ("utf-8-sig", ""),
        ("utf-16", '<meta charset="utf-16">'),
        ("utf-8", '<meta charset="no-such-thing">'),
    ],
)
def test_encodings_as_browsers_find_them(read, codec, meta):
    text = "這個網頁用繁體中文寫成，" if codec == "big5hkscs" else ""
    paragraphs = [text + one for one in (["水庫的水位昨天上升了三米。"] * 2 if text else ARTICLE)]
    body = "<h1>水位</h1>" + "".join(f"<p>{one}</p>" for one in paragraphs)
    found = read("a.html", page(body, "水位", meta).encode(codec, "ignore"))
    assert paragraphs[0] in texts(found)


def test_a_short_page_in_a_declared_encoding(read):
    """Too short to be measured: what the page says counts."""
    assert "好" in texts(read("a.html", page("<p>你好</p>", "", "<meta charset=gbk>").encode("gbk")))


def test_nothing_is_fetched(read, monkeypatch):
    import socket

    def refuse(*_args, **_more):
        raise AssertionError("a page may not reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    body = '<iframe src="http://example.com/"></iframe><link rel=stylesheet href="http://example.com/a.css">'
    assert read("a.html", news(body)).rows


def test_a_page_without_text_is_refused(write):
    file = disk_file(write("a.html", page("<script>draw()</script><img src=a.png>", "")), "a.html")
    with pytest.raises(InputError, match=r"a\.html: holds no text"):
        list(Html().items(file, "utf-8"))


def test_a_page_nested_deeply_is_read(read):
    found = read("a.html", page("<div>" * 1000 + "<p>很深的一段话，在一千层里面。</p>" + "</div>" * 1000))
    assert "很深的一段话" in texts(found)


def test_a_page_beyond_the_limit_is_refused(write, monkeypatch):
    monkeypatch.setattr(html, "LARGEST", 1000)
    file = disk_file(write("a.html", news()), "a.html")
    with pytest.raises(InputError, match="expected at most 1,000"):
        list(Html().items(file, "utf-8"))


def test_rules_of_furniture_take_linear_time():
    import time

    hostile = [
        "1" * 60,
        "大" + "1" * 59 + "x",
        "QQ  " * 15 + "x",
        "1 " * 29 + "x",
        "（1" * 30,
        "3条评论" + ",1" * 27,
        "微信 " * 20,
    ]
    begin = time.perf_counter()
    for line in hostile * 20:
        is_furniture(line)
    assert time.perf_counter() - begin < 2
