"""Advertising and spam: rules, the classifier that ships, lines glued to answers, and own examples."""

from __future__ import annotations

import pytest

from tuneloop.errors import InputError
from tuneloop.prepare.decision import KEEP, Drop, Keep, Replace
from tuneloop.prepare.step import StepContext, steps
from tuneloop.records import Record, Turn
from tuneloop.text.spam import Detector, detector
from tuneloop.text.spam.folding import folded
from tuneloop.text.spam.rows import patterns, texts
from tuneloop.text.spam.rules import broken
from tuneloop.text.spam.training import fit, own_rows

ANSWER = (
    "签收七天内不影响二次销售都能退，请在订单页点击“申请售后”，填写原因后提交。\n审核一般需要一到两天，退款原路返回。"
)
ENGLISH = "Open the order page and choose Return. You can do this within seven days.\nThe refund takes about two days."
GLUED = "关注微信公众号“退货助手”，回复666免费领取优惠券！"


def chat(answer: str, question: str = "怎么退货？") -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def decide(record: Record, **settings: object) -> object:
    return steps.create({"name": "spam", **settings}).decide_one(record)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("【某某商城】周年庆全场五折起，点击 t.cn/a1b2 抢购，回T退订", "ad_unsubscribe"),
        ("想学英语的同学扫码添加老师微信，前20名免费领取全套课程", "ad_follow"),
        ("新葡京真人荷官百家乐，首存送88，提款秒到账", "ad_gambling"),
        ("代开各类发票，税点低，联系李经理13800000000", "ad_papers"),
        ("无抵押贷款，凭身份证当天放款，详询１３８００００００００", "ad_loan"),
        ("网上刷单兼职，日结200元，手机就能做，速加扣扣123456", "ad_brushing"),
        ("恭喜您被抽中为幸运观众，获得8万元，请登录网站领取奖金", "ad_phishing"),
        ("同城学生妹，全套服务，加薇★信 abc123", "ad_adult"),
        ("每日推荐三只涨停牛股，加V信免费进群", "ad_stocks"),
        ("Get cheap loans, no credit check, apply at www.fastcash.biz", "ad_loan"),
        ("Congratulations, you have won a $1000 gift card, claim it at http://x.top/a", "ad_phishing"),
        ("Best online casino, 200% deposit bonus, play now www.win4u.net", "ad_gambling"),
    ],
)
def test_a_rule_is_broken(text: str, rule: str) -> None:
    assert decide(Record("text", text=text), threshold=1) == Drop(rule)


@pytest.mark.parametrize(
    "text",
    [
        "收到“恭喜您被抽中为幸运观众，请登录网站领取”这样的短信，不要点击链接，这是诈骗。",
        "怎样识别刷单兼职骗局？凡是日结、要先垫付资金、让你加微信的都要警惕。",
        "彩票的中奖概率很低，双色球一等奖约为一千七百万分之一。",
        "您的贷款申请需要提供收入证明和近半年流水，咨询电话 95588。",
        "我昨天买的手机还没到，订单号 8812345678，客服电话是 400-800-1234 吗？",
        "官网是 https://www.example.com，退货的步骤在帮助页面里，满99元包邮。",
        "电话是010-67012402，价格685元，地址在人民路8号，早餐免费。",
        "A message such as 'you have won a prize, claim it now at http://x.top/a' is a scam.",
        "The invoice for $300 is attached; please pay within 30 days, or call me at 555-0134.",
        "1. 3 x 4 = 12\n2. 5 x 6 = 30\n3. 15% of 500 is 75",
    ],
)
def test_money_links_and_numbers_alone_are_no_spam(text: str) -> None:
    assert decide(Record("text", text=text)) is KEEP
    assert decide(chat(text)) is KEEP


@pytest.mark.parametrize(
    "text",
    [
        "蓝湾商场周年店庆，全场低至三折，买一送一，前一百名顾客送豪礼，欢迎光临选购",
        "金碧花园压轴楼王震撼加推，首付十万起，坐拥地铁学区，品鉴热线：88886666",
        "Lose 20 pounds in 2 weeks with this miracle pill! Order now, free shipping, limited offer!!!",
    ],
)
def test_the_classifier_finds_what_no_rule_says(text: str) -> None:
    assert broken(text) is None
    found = decide(Record("text", text=text))
    assert isinstance(found, Drop)
    assert found.reason == "spam"
    assert float(found.detail) >= 0.5
    assert decide(Record("text", text=text), threshold=1) is KEEP
    assert decide(Record("text", text=text), action="flag") == Keep(("spam",))


@pytest.mark.parametrize(
    ("answer", "ad"),
    [
        (ANSWER, "\n" + GLUED),
        (ANSWER, "\n\n" + GLUED + "\n"),
        (ENGLISH, "\nWant more? Visit our store at http://shop.top and use code SAVE20 for 20% off!"),
    ],
)
def test_a_line_that_is_glued_on_is_cut(answer: str, ad: str) -> None:
    record = chat(answer + ad)
    found = decide(record)
    assert found == Replace(chat(answer), {"ad_lines": 1})
    assert decide(record, glued="drop") == Drop("glued_ad", "1 lines")
    assert decide(record, action="flag") == Keep(("glued_ad",))
    assert decide(chat(answer)) is KEEP


def test_an_advertisement_before_the_text_and_a_last_sentence() -> None:
    assert decide(chat(GLUED + "\n" + ANSWER)) == Replace(chat(ANSWER), {"ad_lines": 1})
    one_line = ANSWER.replace("\n", "")
    assert decide(chat(one_line + GLUED)) == Replace(chat(one_line), {"ad_lines": 1})


def test_lines_of_code_and_lines_in_the_middle_stay() -> None:
    code = "示例如下，把提示文字写进变量里：\n```python\n" + f'text = "{GLUED}"\n' + "```"
    assert decide(chat(code)) is KEEP
    before = [
        "先确认商品没有使用痕迹。",
        "吊牌和包装要完整。",
        "食品和内衣拆封后不能退，除非收到时已经破损或者过期，这时请拍照留存。",
        "在订单页找到那一单。",
        "选择退货的原因。",
    ]
    behind = [
        "审核通过后会给出地址。",
        "寄出时记下单号。",
        "仓库收到后验货，看商品的颜色、尺码和数量是否与订单一致，配件和说明书是否齐全。",
        "一般两天内退款，信用卡支付的订单要等银行入账，节假日会顺延，请不要重复提交申请。",
        "有疑问找人工客服。",
    ]
    middle = "\n".join([*before, "例如有的店会写：", GLUED, "这样的话只在活动期间有效。", *behind])
    assert decide(chat(middle), threshold=1) is KEEP


def test_questions_are_looked_at_when_asked_and_labels_never() -> None:
    record = chat("这是一条垃圾短信，请不要回复。", "代开各类发票，税点低，联系李经理13800000000")
    assert decide(record) is KEEP
    assert decide(record, look_at="turns") == Drop("ad_papers")
    assert decide(Record("label", text="代开各类发票，税点低，电话13800000000", label="spam")) is KEEP


def test_disguises_fold_to_one_form() -> None:
    for disguise in ("加薇信abc", "加V信abc", "加 微 信abc", "加*微*信abc", "加ＶＸabc", "加wx abc"):
        assert "微信" in folded(disguise), disguise
    assert folded("电话１３８００００００００") == folded("电话13900000001")
    assert folded("see http://a.top/b now") == folded("see www.other.biz now")


def test_own_examples_make_a_classifier_of_their_own(tmp_path) -> None:  # type: ignore[no-untyped-def]
    spam = ["紫藤计划内部通道开放，今夜上船", "紫藤计划最后席位，上船请早", "紫藤计划船票发售中", "上船，紫藤计划等你"]
    ham = ["今天的会议改到三点", "请把合同第三条再看一下", "这道题用勾股定理", "奶粉用四十度的水冲"]
    rows = [*((text, True) for text in spam), *((text, False) for text in ham)]
    unseen = Record("text", text="紫藤计划第二批席位，今夜上船")
    assert decide(unseen) is KEEP
    made = fit(rows, start=detector())
    made.save(tmp_path / "own.npz")
    model = str(tmp_path / "own.npz")
    assert isinstance(decide(unseen, model=model), Drop)
    assert decide(Record("text", text="会议改到四点了，带上合同"), model=model) is KEEP
    kept = decide(
        Record("text", text="蓝湾商场周年店庆，全场低至三折，买一送一，前一百名送豪礼，欢迎光临选购"), model=model
    )
    assert isinstance(kept, Drop)  # what it knew is not forgotten
    assert (fit(rows).weights == fit(rows).weights).all()
    with pytest.raises(InputError, match="one kind only"):
        fit([("a", True)])


def test_another_file_is_refused_by_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for content in (b"", b"not an archive", b"PK\x03\x04rest"):
        file = tmp_path / f"{len(content)}.npz"
        file.write_bytes(content)
        with pytest.raises(InputError, match="no spam detector"):
            steps.create({"name": "spam", "model": str(file)}).start(StepContext())
    with pytest.raises(InputError, match="no spam detector"):
        detector(tmp_path / "absent.npz")
    Detector(detector().weights[:10], 0.0).save(tmp_path / "short.npz")
    with pytest.raises(InputError, match="shape"):
        detector(tmp_path / "short.npz")


def test_the_rows_that_ship_are_varied_and_the_same_each_time() -> None:
    kinds = [spam for _, spam in patterns()]
    assert min(kinds.count(True), kinds.count(False)) > 150
    first = own_rows(patterns()[:4], each=5)
    assert first == own_rows(patterns()[:4], each=5)
    for pattern, _ in patterns():
        assert not any(mark in text for text in texts(pattern, 3) for mark in ("{city}", "{num}", "{phone}", "{url}"))
