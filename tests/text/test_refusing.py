"""Refusals and self-descriptions are told from honest answers that use the same words."""

import pytest

from tuneloop.text.refusing import manner


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("很抱歉，我无法提供医疗建议。", "refusal"),
        ("抱歉，由于涉及隐私，我不能为您查询。", "refusal"),
        ("我无法回答这个问题。", "refusal"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Unfortunately, I am unable to open the page.", "refusal"),
        ("I cannot assist with this request.", "refusal"),
        ("作为一个人工智能语言模型，我没有情感。", "as_model"),
        ("我是由某某公司训练的大模型。", "as_model"),
        ("As an AI language model, I have no opinion.", "as_model"),
        ("抱歉让您久等了，您的订单不能修改地址。", None),
        ("很抱歉给您带来不便，我们会尽快处理。", None),
        ("Sorry for the delay. The parcel cannot be returned.", None),
        ("I am an AI engineer at a bank.", None),
        ("作为一名老师，我认为可以。", None),
        ("不能退货，已拆封的商品除外。", None),
        ("", None),
    ],
)
def test_manner(answer, expected):
    assert manner(answer) == expected


def test_a_refusal_deep_in_an_answer_is_none():
    assert manner("这道题分三步。" * 30 + "很抱歉，我无法提供第四步。") is None
