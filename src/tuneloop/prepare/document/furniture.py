"""Lines that news pages set inside their articles and that are the page's own: editors, sharing, further reading.

The rules look at a block as a whole, and most at short ones only, so that a sentence that speaks of an editor stays.
They are written for Chinese pages, whose editors' lines, pagers, calls to follow an account and lists of further
reading stand among the paragraphs; the English ones are few.  A heading of further reading takes the short lines under
it along.
Not covered: advertisements written as paragraphs of an article.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tuneloop.prepare.document.blocks import Block

SHORT, LINK, BEGIN = 60, 48, 12
"""Characters of a line that may be furniture as a whole, of one in a list of links, and before a line's own words."""

_EDITOR = (
    "责任编辑|责编|责任校对|校对|编辑|编审|审核|监制|主编|排版|值班编辑|实习编辑|美编|统筹|值班主任|文字编辑|"
    "图片编辑|视频编辑"
)
_CLOSES = re.compile(r"[（(【\[〔]?\s*(?:责任编辑|责编|编辑|本文编辑|值班编辑)\s*[:：|｜丨/]\s*\S.{0,30}")
"""The line after which a news page has nothing more of the article, where it stands in the second half."""

_SHORT = re.compile(
    "|".join(
        (
            rf"[（(【\[〔]?\s*(?:{_EDITOR}|作者单位)\s*[:：|｜丨/]\s*\S.*",
            rf"[（(【\[〔]\s*(?:{_EDITOR})\s+\S.*",
            r"(?:关键[字词]|标签|tags?|keywords?)\s*[:：].*",
            r"(?:[【\[(（]\s?\d{1,3}\s?[】\])）]\s?){2,}",
            r"(?:上一[页篇张]|下一[页篇张]|首页|尾页|末页|返回顶部|回到顶部|返回首页|返回列表|查看原图)(?:[:：].*)?",
            r"(?:(?:上一页|下一页|首页|尾页|末页|\d{1,3}(?!\d))\s?){2,}",
            r"分享(?:到|至|给)?(?:微信|微博|朋友圈|好友|QQ空间|QQ)?\s*[:：]?",
            r"(?:(?:微信|微博|QQ空间|QQ|腾讯QQ|朋友圈|新浪微博|豆瓣|收藏|点赞|分享|评论|举报|打印|纠错|复制链接)[\s:：|()（）\d]*)+",
            r"(?:缩小字体|放大字体|字号|大|中|小|标准|超大|[+-])(?:\s?(?:缩小字体|放大字体|大|中|小|标准|超大|收藏|分享|微博|微信|\d+(?!\d)))*",
            r"(?:点击|点此|戳)\s*(?:进入|查看|阅读|加载|下载|此处|这里|图片|链接|展开|观看|关注|上方|下方|左下角|右下角).*",
            r"(?:查看|展开|阅读|加载|浏览|显示|收起)(?:更多|全文|全部|原文|剩余).*",
            r"(?:已显示全部内容|加载中|正在加载)[.…。]*",
            r"(?:阅读|浏览|点击|评论|播放)(?:数|量|次数|\s*[（(])?\s*[:：]?\s*\d[\d.,万+]*\s*[）)]?\s*次?",
            r"\d+\s*(?:条评论|人参与|评论|赞|阅读|收藏)(?:[|，,\s]*(?:\d+\s?)?(?:条评论|人参与|网友评论|评论|阅读|收藏))*",
            r"[+＋]?\s*(?:关注|订阅|收藏|推荐|点赞)\s*\d*",
            r"(?:我要|意见|信息)?(?:反馈|纠错|举报|投诉|跟帖|评论)(?:[（(]\d*[）)])?",
            r"(?:更多|欢迎|敬请|立即|马上|快来|长按|微信)?(?:关注|订阅)(?:我们|一下|更多|[^，。！？]{0,16}(?:公众号|微信|微博|客户端|APP|app|账号|头条号|抖音|小程序|频道)).*",
            r"[^。]{0,20}(?:公众号|客户端|APP|官方微信|官方微博|小程序)\s*(?:下载)?",
            r"下载[^，。]{0,12}(?:客户端|APP|app).*",
            r"share (?:this|on|via)\b.*|advertisement|sponsored|read (?:more|next|also)\b[:：]?.{0,60}|follow us\b.*",
            r"(?:sign up|subscribe) (?:for|to) .{0,60}|back to top|related (?:articles|stories|posts|topics).{0,20}",
            r"(?:print|e-?mail) this (?:page|article)|leave a (?:comment|reply)|\d+ comments?",
        )
    ),
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    "|".join(
        (
            r"(?:扫描|扫码|长按|识别|扫一扫)+(?:关注)?(?:[上下左右][方侧边]|以下|文末|文中|图中|本)?的?(?:微信)?(?:二维码|小程序码)",
            r"二维码[^。]{0,12}(?:关注|下载|添加|进群|了解)",
            r"回复\s*[【“\"「\[][^】”\"」\]]{1,20}[】”\"」\]]",
            r"点击?\s*(?:[【“\"「]\s*)?(?:菜单栏|在看|阅读原文|原文链接|右下角|蓝字|上方蓝字)",
            r"点(?:个)?\s*[【“\"「]在看[】”\"」]",
            r"(?:设为|加)星标",
            r"(?:版权|著作权)(?:所有|声明|归原作者|归属)|转载[^。]{0,12}(?:注明|授权|联系)|未经[^。]{0,14}(?:授权|许可|允许)[^。]{0,10}(?:转载|使用|复制)",
            r"(?:特别|免责|郑重|版权)声明\s*[:：]?",
            r"(?:本文|以上|文章|该文|内容|此文)[^。]{0,40}(?:仅代表|不代表)[^。]{0,24}(?:观点|立场)",
            r"(?:仅代表|不代表|并不代表)[^。]{0,24}(?:观点|立场)",
            r"(?:申请|欢迎)(?:加入|入驻)[^。]{0,20}(?:媒体团|媒体号|政务号|号|平台|作者|专栏)",
            r"(?:发送邮件|投稿|爆料|报料|商务合作|广告合作|新闻热线|举报电话|举报邮箱)[^。]{0,12}(?:至|到|[:：]|邮箱|请)[^。]*",
            r"(?:ICP|ＩＣＰ)\s*(?:备|证)|[京沪粤浙苏]公网安备|网络文化经营许可|互联网新闻信息服务许可",
            r"copyright\s*(?:©|\(c\)|&copy;)|all rights reserved",
        )
    ),
    re.IGNORECASE,
)
_FURTHER = re.compile(
    r"[【\[]?\s*(?:(?:更多|相关|推荐|延伸|热门|热点|精彩|猜你|为你|为您|今日|最新|最热|往期|大家都在|往日)"
    r"(?:阅读|新闻|文章|推荐|内容|视频|图集|资讯|报道|链接|喜欢|话题|热点|回顾|精选|评论|看|搜|标签|专题)+"
    r"|作者最新文章|热新闻|热话题|排行榜|图片故事|新闻排行|网友评论|related (?:articles|stories|posts)|read more)"
    r"\s*[】\]]?\s*[:：>»]*",
    re.IGNORECASE,
)


def without_furniture(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that are the article's; a block of several lines loses single ones."""
    kept: list[Block] = []
    further = False
    whole, before = sum(len(block.text) for block in blocks), 0
    for block in blocks:
        before += len(block.text)
        if _CLOSES.fullmatch(block.text.strip()) and before > whole / 2:
            break
        if block.kind in ("code", "table"):
            kept.append(block)
            further = False
            continue
        if _FURTHER.fullmatch(block.text.strip()):
            further = True
            continue
        if further and _is_link(block):
            continue
        further = False
        lines = [line for line in block.text.split("\n") if not is_furniture(line)]
        if lines:
            kept.append(block if len(lines) == block.text.count("\n") + 1 else _with(block, "\n".join(lines)))
    return _without_bare_headings(kept)


def is_furniture(line: str) -> bool:
    """Is the whole line the page's and not the article's?"""
    bare = " ".join(line.lstrip("> ").split())
    if not bare or len(bare) > 4 * SHORT:
        return False
    if len(bare) <= SHORT and (_SHORT.fullmatch(bare) or _speaks_of_page(bare)):
        return True
    return all(_speaks_of_page(part) for part in re.split(r"[。！？!?]", bare) if part.strip())


def _speaks_of_page(sentence: str) -> bool:
    """Does it begin to, before it has said something else?"""
    found = _ANYWHERE.search(sentence)
    return found is not None and found.start() <= BEGIN


def _is_link(block: Block) -> bool:
    text = block.text.strip()
    return block.kind in ("item", "paragraph") and len(text) <= LINK and not text.endswith(("。", "！", ".", "；"))


def _with(block: Block, text: str) -> Block:
    return Block(block.kind, text, block.level, block.page, block.line, block.marker)


def _without_bare_headings(blocks: list[Block]) -> list[Block]:
    """Headings at the end that have lost what stood under them."""
    while len(blocks) > 1 and blocks[-1].kind == "heading":
        blocks = blocks[:-1]
    return blocks
