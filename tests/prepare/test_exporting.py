"""A version as a file: every layout and format reads back as the same records, or is refused and leaves nothing."""

import csv
import json

import pytest
from tests.jobs.served import client_of

from tuneloop.app.cli.main import main
from tuneloop.errors import InputError, UsageError
from tuneloop.prepare import PrepareRecipe, exporting, prepare, versions
from tuneloop.prepare.layout import layouts
from tuneloop.prepare.writer import writers

CALL = {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": '{"city": "北京"}'}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
QUESTION = {"role": "user", "content": "=退款多久到账？"}
ANSWER = {"role": "assistant", "content": "三到五个工作日，\n原路返回。"}
SETS = {
    "chat": [
        {"messages": [{"role": "system", "content": "你是客服。"}, QUESTION, ANSWER]},
        {
            "messages": [
                {"role": "user", "content": "How long does it take?"},
                {"role": "assistant", "content": "A day."},
            ]
        },
    ],
    "long": [
        {
            "messages": [
                QUESTION,
                ANSWER,
                {"role": "user", "content": "谢谢"},
                {"role": "assistant", "content": "不客气"},
            ]
        }
    ],
    "tools": [
        {
            "messages": [
                {"role": "user", "content": "北京天气？"},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "content": "晴", "tool_call_id": "call_0"},
                {"role": "assistant", "content": "北京今天晴。"},
            ],
            "tools": [TOOL],
        }
    ],
    "thoughts": [
        {"messages": [QUESTION, {**ANSWER, "reasoning_content": "先看规则。"}]},
        {"messages": [{"role": "user", "content": "再问一次"}, {**ANSWER, "weight": 0}, QUESTION, ANSWER]},
    ],
    "preference": [{"prompt": "怎么退款？", "chosen": "在订单页点申请退款。", "rejected": "不知道。"}],
    "rating": [
        {"messages": [QUESTION, ANSWER], "label": True},
        {"messages": [QUESTION, {"role": "assistant", "content": "不知道"}], "label": False},
    ],
    "label": [{"text": "物流太慢了，等了一个星期", "label": "差评"}, {"text": "味道很好，还会再来", "label": "好评"}],
    "text": [{"text": "小米粥要先泡半小时。水开后下锅，转小火慢慢熬。"}],
}
SAYS = {
    "openai": tuple(SETS),
    "sharegpt": ("chat", "long", "tools", "preference", "rating"),
    "alpaca": ("chat", "long", "preference", "rating"),
    "columns": ("chat", "preference", "rating", "label", "text"),
}


def made(ws, write, kind: str):
    rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in SETS[kind])
    return prepare(write(f"{kind}.jsonl", rows), workspace=ws, recipe=PrepareRecipe(steps=(), split="train_only"))


def ids(ws, version) -> set[str]:
    return {record.id for record, _, _ in versions.records(ws, version)}


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("layout", list(layouts))
def test_what_a_layout_says_is_read_back_and_the_rest_is_refused(ws, write, tmp_path, layout, kind):
    version = made(ws, write, kind)
    file = tmp_path / "out.jsonl"
    if kind not in SAYS[layout]:
        with pytest.raises(InputError, match=r"r1:[0-9a-f]+… has .*layout 'alpaca|sharegpt|columns'"):
            exporting.export(ws, version, file, layout=layout)
        assert not list(tmp_path.glob("out*"))
        return
    assert exporting.export(ws, version, file, layout=layout).records == len(SETS[kind])
    again = prepare(file, workspace=ws, recipe=PrepareRecipe(steps=(), split="train_only"))
    assert ids(ws, again) == ids(ws, version)


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_formats_hold_the_same_rows(ws, write, tmp_path, form, kind):
    version = made(ws, write, kind)
    file = tmp_path / f"out.{form}"
    told = exporting.export(ws, version, file)
    assert (told.format, told.records) == (form, len(SETS[kind]))
    again = prepare(file, workspace=ws, recipe=PrepareRecipe(steps=(), split="train_only"))
    assert ids(ws, again) == ids(ws, version)


def test_a_table_runs_no_formula_and_reads_back_unless_told_otherwise(ws, write, tmp_path):
    version = made(ws, write, "chat")
    file = tmp_path / "out.csv"
    exporting.export(ws, version, file, layout="columns")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        cells = [cell for row in csv.reader(lines) for cell in row]
    assert "'=退款多久到账？" in cells
    assert not [cell for cell in cells if cell.startswith("=")]
    again = prepare(file, workspace=ws, recipe=PrepareRecipe(steps=(), split="train_only"))
    assert ids(ws, again) == ids(ws, version)
    exporting.export(ws, version, file, layout="columns", format={"name": "csv", "formulas": True}, replace=True)
    again = prepare(file, workspace=ws, recipe=PrepareRecipe(steps=(), split="train_only"))
    assert ids(ws, again) == ids(ws, version)


def test_one_split_with_what_stands_beside(ws, write, tmp_path):
    rows = "".join(
        json.dumps({"question": f"第{n}个问题是什么意思？", "answer": f"答案{n * n}", "topic": "t"}) + "\n"
        for n in range(30)
    )
    version = prepare(write("rows.jsonl", rows), workspace=ws, recipe=PrepareRecipe(tags="topic"))
    file = tmp_path / "test.jsonl"
    told = exporting.export(ws, version, file, layout="columns", split="test", beside=["id", "split", "tags"])
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(found) == told.records == version.splits["test"] > 0
    assert {row["split"] for row in found} == {"test"}
    assert [row["id"] for row in found] == sorted(row["id"] for row in found)
    assert all(row["tags"] == ["t"] for row in found)


def test_nothing_is_replaced_or_guessed(ws, write, tmp_path):
    version = made(ws, write, "text")
    file = tmp_path / "out.jsonl"
    file.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        exporting.export(ws, version, file)
    assert file.read_text() == "mine"
    with pytest.raises(UsageError, match=r"ends in one of \.csv"):
        exporting.export(ws, version, tmp_path / "out.docx")
    with pytest.raises(UsageError, match="Did you mean 'tags'"):
        exporting.export(ws, version, tmp_path / "new.jsonl", beside=["tag"])
    with pytest.raises(UsageError, match="there is no folder"):
        exporting.export(ws, version, tmp_path / "nowhere" / "new.jsonl")
    assert sorted(writers) == ["csv", "json", "jsonl", "parquet"]


def test_over_http(ws, write):
    version = made(ws, write, "chat")
    http = client_of(ws)
    answer = http.get(f"/api/versions/{version.name}/file", params={"layout": "columns", "beside": ["id", "split"]})
    assert answer.headers["content-disposition"] == f'attachment; filename="{version.name}.jsonl"'
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert {row["id"] for row in rows} == ids(ws, version)
    assert {row["answer"] for row in rows} == {"三到五个工作日，\n原路返回。", "A day."}
    refused = http.get(f"/api/versions/{made(ws, write, 'tools').name}/file", params={"layout": "alpaca"})
    assert refused.status_code == 400
    assert "has tools" in refused.json()["error"]["message"]
    assert http.get(f"/api/versions/{version.name}/file", params={"form": "xls"}).status_code == 400
    assert list(ws.path("temporary").iterdir()) == []


def test_on_the_command_line(ws, write, tmp_path, capsys):
    version = made(ws, write, "chat")
    file = tmp_path / "taken.csv"
    words = ["data", "export", version.name, "--to", str(file), "--layout", "columns", "--beside", "id,split"]
    assert main([*words, "--json", "-w", str(ws.folder)]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 2
    with file.open(encoding="utf-8-sig", newline="") as lines:
        assert {row["id"] for row in csv.DictReader(lines)} == ids(ws, version)
    assert main([*words, "-w", str(ws.folder)]) == 2
    assert "there already" in capsys.readouterr().err
    assert main(["data", "export", "-w", str(ws.folder)]) == 2
    assert main([*words, "--replace", "--split", "tset", "-w", str(ws.folder)]) == 2
    assert "Did you mean 'test'" in capsys.readouterr().err
