"""Questions of a test set are taken out of what is trained on."""

import json

import pytest

from tuneloop.errors import InputError, NotFoundError
from tuneloop.prepare import PrepareRecipe, prepare, versions

LONG = (
    "某公司在三月购入一台设备，原价十二万元，预计使用五年，残值率百分之五，按年限平均法计提，问第二年的折旧额是多少元？"
)
SEEN = "小明买了三支铅笔和两本练习册，一共花了十九元，每本练习册比每支铅笔贵两元，问铅笔多少钱一支？"


def row(question: str, answer: str = "这是一个回答。") -> dict[str, str]:
    return {"question": question, "answer": answer}


def lines(rows) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows)


def reasons(ws, path, against, **settings) -> dict[int, str]:
    step = {"name": "contamination", "against": against, **settings}
    version = prepare(path, workspace=ws, recipe=PrepareRecipe(steps=(step,), split="train_only"))
    return {fate.item: fate.reason for fate in versions.fates(ws, version) if fate.outcome == "dropped"}


def plain(number: int) -> dict[str, str]:
    return row(
        f"第{number}个完全不同的问题：{chr(0x4E00 + number * 37) * 3}怎么样，{chr(0x5000 + number * 53) * 4}呢？"
    )


def test_near_questions_and_long_pieces_go(ws, write):
    tests = write("bench.jsonl", lines([row(LONG, "两万两千八百元"), row(SEEN, "三元")]))
    given = [
        row(LONG.replace("三月", "四月"), "不同的答案"),
        row("请先读题。" * 8 + LONG[:36] + "（后略）" + "再想一想别的事情，比如天气和晚饭。" * 3),
        row("铅笔多少钱一支？"),
        *(plain(number) for number in range(8)),
    ]
    assert reasons(ws, write("data.jsonl", lines(given)), [str(tests)]) == {0: "in_test", 1: "overlaps_test"}
    marked = reasons(ws, write("data.jsonl", lines(given)), [str(tests)], action="flag")
    assert marked == {}


def test_the_test_records_of_versions_count_and_their_training_records_do_not(ws, write):
    old = prepare(write("old.jsonl", lines([plain(number) for number in range(40)])), workspace=ws)
    assert old.splits["test"]
    tested = {record.messages[0].text for record, _, _ in versions.records(ws, old, "test")}
    given = write("again.jsonl", lines([plain(number) for number in range(40)]))
    for against in ([old.name], []):
        found = reasons(ws, given, against)
        assert {plain(number)["question"] for number in found} == tested


def test_what_all_records_share_is_a_template(ws, write):
    head = "请根据下面这段用户评论判断其情感倾向是正面还是负面，只回答一个词，不要解释理由：" * 2
    tests = write("bench.jsonl", lines([row(head + "外卖凉了，等了两个小时。", "负面")]))
    given = [row(head + plain(number)["question"], "正面") for number in range(60)]
    assert reasons(ws, write("data.jsonl", lines(given)), [str(tests)], similarity=1.0) == {}


def test_a_test_set_that_is_not_there_or_damaged_is_said(ws, write):
    data = write("data.jsonl", lines([plain(1)]))
    with pytest.raises(NotFoundError, match="no such file"):
        reasons(ws, data, ["nowhere.jsonl"])
    with pytest.raises(InputError, match="bench"):
        reasons(ws, data, [str(write("bench.jsonl", '{"question": "a", "answer": "b"}\n{"question": \n'))])
    with pytest.raises(NotFoundError, match="data-9"):
        reasons(ws, data, ["data-9"])


def test_a_file_may_be_called_much_like_a_version(ws, write, monkeypatch):
    tests = write("data-set.jsonl", lines([row(LONG, "两万两千八百元")]))
    monkeypatch.chdir(tests.parent)
    given = write("data.jsonl", lines([row(LONG, "不同的答案"), plain(1)]))
    assert reasons(ws, given, ["data-set.jsonl"]) == {0: "in_test"}
