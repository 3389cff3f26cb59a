"""Texts worded alike: one denies what the other says, or names another number; other differences are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneloop.text.opposites import marks, opposed


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("这款手机支持五G网络，可以放心购买使用。", "这款手机不支持五G网络，可以放心购买使用。"),
        (
            "您好，已经拆封的商品在七天之内可以申请无理由退货，请联系客服。",
            "您好，已经拆封的商品在七天之内不可以申请无理由退货，请联系客服。",
        ),
        ("已经拆封的商品可以申请退货", "已经拆封的商品不能申请退货"),
        ("已经拆封的商品能申请退货", "已经拆封的商品无法申请退货"),
        ("店里有发票", "店里没有发票"),
        ("需要提供发票", "无需提供发票"),
        ("本店已经开通了配送服务", "本店未开通配送服务"),
        ("收货时请拆封", "收货时请勿拆封"),
        ("可以退。", "亲，不可以退。"),
        ("不锈钢水壶可以加热，不会变形。", "不锈钢水壶可以加热，会变形。"),
        ("没关系，这个能退。", "没关系，这个不能退。"),
        (
            "Goods that were opened can be returned within seven days of delivery.",
            "Goods that were opened cannot be returned within seven days of delivery.",
        ),
        ("The phone supports 5G.", "The phone does not support 5G."),
        ("You can return it.", "You can’t return it."),
        ("It comes with a charger in the box", "It comes without a charger in the box"),
        ("You will always get it", "You will never get it"),
    ],
)
def test_one_denies_what_the_other_says(one: str, two: str) -> None:
    assert opposed(one, two)
    assert opposed(two, one)
    assert not opposed(one, two, negations=False)
    assert marks(one) != marks(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("早上八点开门", "早上十点开门"),
        ("运费一共三十元", "运费一共五十元"),
        ("运费一共三十元", "运费一共50元"),
        ("需要一个月", "需要三个月"),
        ("编号一百零十零", "编号三百四十五"),
        ("大约两三天", "大约三五天"),
        ("签收后7天内", "签收后15天内"),
        ("门店93号", "门店94号"),
        ("门店9号", "门店19号"),
        ("Open at 12:30", "Open at 13:30"),
    ],
)
def test_other_numbers(one: str, two: str) -> None:
    assert opposed(one, two)
    assert opposed(two, one)
    assert not opposed(one, two, values=False)
    assert marks(one) != marks(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("不锈钢水壶很好用", "不锈钢水壶真好用"),
        ("可以退货", "不仅可以退货"),
        ("没关系，可以退货", "可以退货"),
        ("能不能退货", "能退货吗"),
        ("有没有发票", "有发票吗"),
        ("相同的人", "不同的人"),
        ("这款很好", "这款非常好"),
        ("可以退货", "可以退货，不用担心运费"),
        ("我不知道这件事", "我店知道这件事"),
        ("不得不退货", "得退货"),
        ("七天之内", "7天之内"),
        ("万一坏了", "千万坏了"),
        ("３天", "3天"),
        ("一共1,280元", "一共１２８０元"),
        ("共三十元", "共30元"),
        ("共一百零五元", "共一百〇五元"),
        ("共二十元", "共贰拾元"),
        ("十分好", "非常好"),
        ("卖出93件，还有货", "卖出9止件，还有货"),
        ("We ship it", "Not only that, we ship it"),
        ("不", "不"),
        ("", ""),
    ],
)
def test_no_difference(one: str, two: str) -> None:
    assert not opposed(one, two)
    assert not opposed(two, one)


@given(
    st.text("不可以能支持有没八三十百5天元的not can", max_size=40), st.sampled_from(["请", "，谢谢", "  ", "ｏｋ。"])
)
def test_an_addition_without_negation_or_number_is_none(text: str, more: str) -> None:
    assert not opposed(text, f"{text}{more}")
    assert not opposed(f"{more}{text}", text)
