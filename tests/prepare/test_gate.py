"""The gate for rows from production: redacted before anything is kept, compared with all there is, one end for each."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest

from tuneloop.errors import ConflictError, NotFoundError, UsageError
from tuneloop.prepare import PrepareRecipe, forgetting, prepare, versions
from tuneloop.prepare import gate as module
from tuneloop.prepare.gate import gate, gate_file, pseudonym
from tuneloop.prepare.importer import Rejection
from tuneloop.store import sources, triage
from tuneloop.store.triage import Chosen

MOBILE, MAIL = "13812345678", "wang.min@example.com"


def text(number: int, length: int = 30) -> str:
    drawn = random.Random(number)
    return "".join(chr(drawn.randrange(0x4E00, 0x9F00)) for _ in range(length))


def chat(number: int, **beside) -> dict:
    turns = [{"role": "user", "content": text(number)}, {"role": "assistant", "content": text(-number - 1, 40)}]
    return {"messages": turns, **beside}


def everything(folder) -> bytes:
    """All bytes that the workspace holds."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def states(ws) -> list[str]:
    return [row.state for row in triage.every(ws, Chosen())]


OPENAI = {
    "request": {"messages": [{"role": "user", "content": "我的手机号是 13812345678，怎么退货？"}], "user": "wang"},
    "response": {"choices": [{"message": {"role": "assistant", "content": "请在订单页申请退货，三天内处理。"}}]},
    "tags": ["退货"],
}
LANGFUSE = {
    "id": "t1",
    "input": json.dumps([{"role": "user", "content": "How do I change my delivery address?"}]),
    "output": json.dumps({"role": "assistant", "content": "Open the order, choose Edit, and enter the new one."}),
    "userId": "u7",
    "sessionId": "s1",
    "tags": '["address"]',
    "scores": '[{"name": "user-feedback", "value": 0}]',
}


def test_the_three_formats_are_read(ws):
    plain = {"question": text(1), "answer": text(2), "feedback": "赞", "conversation_id": 12}
    batch = gate(ws, [OPENAI, LANGFUSE, plain, chat(9)], key="one", person="mei", name="log")
    assert batch.counts == {"waiting": 4, "taken": 0, "refused": 0, "duplicate": 0, "rejected": 0}
    first, second, third, _ = triage.every(ws, Chosen())
    assert (first.tags, first.language, first.thumb) == (("退货",), "zh", None)
    assert first.subject == pseudonym(ws, "wang")
    assert (second.tags, second.language, second.thumb) == (("address",), "en", "down")
    assert second.payload["messages"][0]["content"] == "How do I change my delivery address?"
    assert third.thumb == "up"
    assert third.group.startswith("group-")


def test_nothing_personal_is_written_anywhere(ws):
    rows = [
        OPENAI,
        {"messages": f"{MOBILE} is no list"},
        {
            **chat(1),
            "messages": [{"role": "user", "content": f"写信到 {MAIL}", "name": "王敏"}, chat(1)["messages"][1]],
        },
        {MAIL: 1, "x": MOBILE},
        {**chat(2, user=MAIL, session_id=MOBILE), "tags": [MOBILE]},
        Rejection("bad_json", f"found {MAIL} at the end", "line 3", f"… {MOBILE}"),
    ]
    batch = gate(ws, rows, key="one", person="mei", name=f"{MOBILE}.jsonl")
    assert batch.counts["waiting"] == 3
    assert batch.counts["rejected"] == 3
    held = everything(ws.folder)
    for personal in (MOBILE, MAIL, "王敏"):
        assert personal.encode() not in held
        assert json.dumps(personal)[1:-1].encode() not in held
    assert "[" in next(iter(triage.every(ws, Chosen()))).payload["messages"][0]["content"]


def test_a_name_said_in_one_turn_is_hidden_in_all(ws):
    turns = ["我叫李雷，我的包裹没到。", "李雷您好，李雷的订单在途。", "谢谢", "李先生请稍等。"]
    tool = {"type": "function", "function": {"name": "find", "description": "查李雷的订单"}}
    messages = [{"role": ("user", "assistant")[place % 2], "content": said} for place, said in enumerate(turns)]
    gate(ws, [{"messages": messages, "tools": [tool]}], key="one", person="mei")
    [row] = triage.every(ws, Chosen())
    told = ["我叫[姓名]，我的包裹没到。", "[姓名]您好，[姓名]的订单在途。", "谢谢", "[姓名]先生请稍等。"]
    assert [turn["content"] for turn in row.payload["messages"]] == told
    held = everything(ws.folder)
    assert "李雷".encode() not in held
    assert json.dumps("李雷")[1:-1].encode() not in held


def test_equal_and_nearly_equal_rows_are_duplicates(ws, write):
    old = prepare(
        write("old.jsonl", "".join(json.dumps(chat(number)) + "\n" for number in range(20))),
        workspace=ws,
        recipe=PrepareRecipe(),
    )
    assert old.records == 20
    near = chat(3)
    near["messages"][1]["content"] += "呢"
    twin = chat(50)
    twin["messages"][0]["content"] = "嗯" + twin["messages"][0]["content"]
    batch = gate(ws, [chat(1), near, chat(50), chat(50), twin, chat(51)], key="one", person="mei")
    rows = list(triage.every(ws, Chosen()))
    assert [row.state for row in rows] == ["duplicate", "duplicate", "waiting", "duplicate", "duplicate", "waiting"]
    assert ["version" in row.reason for row in rows] == [True, True, False, False, False, False]
    assert all(row.payload is None for row in rows if row.state == "duplicate")
    assert rows[4].same_as == rows[2].record
    assert sum(batch.counts.values()) == 6
    triage.decide(ws, Chosen(numbers=[rows[2].number]), "refused", person="mei", reason="nonsense")
    again = gate(ws, [chat(50), twin, chat(52)], key="two", person="mei")
    assert again.counts["duplicate"] == 2


@pytest.mark.parametrize(
    ("known", "pushed"),
    [
        ("您好，已经拆封的商品在七天之内可以申请无理由退货。", "您好，已经拆封的商品在七天之内不可以申请无理由退货。"),
        ("我们周末的营业时间是早上九点到晚上八点。", "我们周末的营业时间是早上九点到晚上十点。"),
        (
            "Goods that were opened can be returned within a week.",
            "Goods that were opened cannot be returned within a week.",
        ),
    ],
)
def test_a_row_that_says_the_opposite_of_what_is_known_is_no_repeat(ws, write, known, pushed):
    def asked(answer):
        turns = [
            {"role": "user", "content": "请问拆封了还能退吗？周末几点关门？"},
            {"role": "assistant", "content": answer},
        ]
        return {"messages": turns}

    prepare(write("old.jsonl", json.dumps(asked(known)) + "\n"), workspace=ws, recipe=PrepareRecipe(split="train_only"))
    gate(ws, [asked(pushed), asked(known + "呢")], key="one", person="mei")
    assert [row.state for row in triage.every(ws, Chosen())] == ["waiting", "duplicate"]


def test_a_key_is_taken_once(ws):
    first = gate(ws, [chat(1), chat(2)], key="k", person="mei")
    second = gate(ws, [chat(1), chat(2)], key="k", person="mei")
    assert (second.number, second.counts, second.again) == (first.number, first.counts, True)
    assert len(states(ws)) == 2
    with pytest.raises(ConflictError, match="other rows"):
        gate(ws, [chat(3)], key="k", person="mei")
    with pytest.raises(UsageError):
        gate(ws, [chat(3)], key=" ", person="mei")


def test_people_decide_and_a_version_is_made_of_what_they_took(ws):
    gate(
        ws,
        [chat(number, tags=["甲" if number % 2 else "乙"], user=f"u{number}") for number in range(40)],
        key="k",
        person="p",
    )
    assert triage.decide(ws, Chosen(state="waiting", tag="甲"), "taken", person="mei") == 20
    with pytest.raises(UsageError, match="no reason"):
        triage.decide(ws, Chosen(state="waiting"), "refused", person="mei")
    assert triage.decide(ws, Chosen(numbers=[1, 3]), "refused", person="mei", reason="rude") == 2
    with pytest.raises(NotFoundError, match="no row 99"):
        triage.decide(ws, Chosen(numbers=[5, 99]), "taken", person="mei")
    assert triage.counts(ws) == {"waiting": 18, "taken": 20, "refused": 2, "duplicate": 0, "rejected": 0}
    row = triage.rows(ws, Chosen(state="refused"))[0]
    assert (row.person, row.reason, bool(row.decided)) == ("mei", "rude", True)
    made = prepare("triage:", workspace=ws, recipe=PrepareRecipe(tags="tags"))
    assert made.records == 20
    assert sources.sources(ws)[-1].kind == "production"
    record = next(versions.records(ws, made))[0]
    (origin,) = versions.origins_of(ws, made, record.id)
    assert origin.tags == ("甲",)
    assert origin.subject.startswith("user-")
    assert prepare("triage:甲", workspace=ws, recipe=PrepareRecipe(tags="tags")).records == 20
    with pytest.raises(NotFoundError, match="taken"):
        prepare("triage:丙", workspace=ws)
    found = forgetting.touched(ws, subject=origin.subject)
    forgetting.forget(ws, found, person="mei", rebuild=False)
    assert sum(triage.counts(ws).values()) == 39


def test_a_file_goes_through_in_parts_and_goes_on(ws, write, monkeypatch):
    monkeypatch.setattr(module, "PART", 10)
    lines = [json.dumps(chat(number)) for number in range(25)]
    lines[7] = "{broken"
    path = write("log.jsonl", "\n".join(lines))
    first = gate_file(ws, path, person="mei")
    assert (first.items, first.counts["waiting"], first.counts["rejected"], first.again) == (25, 24, 1, 0)
    again = gate_file(ws, path, person="mei")
    assert (again.items, again.again) == (25, 25)
    assert len(states(ws)) == 25
    path = write("traces.csv", 'input,output,tags\n"' + text(90) + '","' + text(91) + '","a,b"\n')
    assert gate_file(ws, path, person="mei").counts["waiting"] == 1
    assert next(iter(triage.every(ws, Chosen(tag="b")))).tags == ("a", "b")


KILLED = """
import json, os, signal, sys
from pathlib import Path
from tests.prepare.test_gate import chat
from tuneloop.prepare import gate as module
from tuneloop.store import Workspace, triage
real, count = triage.add_batch, 0
def add(ws, **values):
    global count
    count += 1
    if count == 3:
        from tuneloop.store import triage_tables
        numbers = triage.next_number
        def dying(connection, kind):
            if kind == "triage_row":
                dying.left -= 1
                if dying.left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return numbers(connection, kind)
        dying.left = 5
        triage.next_number = dying
    return real(ws, **values)
triage.add_batch = add
module.PART = 10
module.gate_file(Workspace.find(sys.argv[1]), Path(sys.argv[2]), person="mei")
"""


def test_a_killed_push_leaves_whole_batches_and_goes_on(ws, write, monkeypatch):
    path = write("log.jsonl", "".join(json.dumps(chat(number)) + "\n" for number in range(45)))
    assert ws.db
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(ws.folder), str(path)], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert len(states(ws)) == 20
    monkeypatch.setattr(module, "PART", 10)
    found = gate_file(ws, path, person="mei")
    assert (found.items, found.again) == (45, 20)
    rows = list(triage.every(ws, Chosen()))
    assert [row.number for row in rows] == list(range(1, 46))
    assert len({row.record for row in rows}) == 45
