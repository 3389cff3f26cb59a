"""What can be taken back, and what is refused with the reason: what would leak, what was forgotten."""

from __future__ import annotations

import pytest
from tests.prepare.test_frozen import made, row

from tuneloop.app.cli.main import main
from tuneloop.errors import UsageError
from tuneloop.prepare import forgetting, versions
from tuneloop.store.restores import restores


def test_what_the_shared_test_set_keeps_out_is_shown_and_not_given_back(ws, write, capsys):
    first = made(ws, write, "first.jsonl", [row(n, f"customer-{n}") for n in range(60)])
    tested = next(record for record, _, _ in versions.records(ws, first, "test"))
    question, answer = tested.messages[0].text, tested.messages[1].text
    near = {"question": question, "answer": answer + "好的，电话13812345678"}
    second = made(ws, write, "second.jsonl", [near, *(row(n) for n in range(200, 240))], test_of="data-1")
    (fate,) = versions.fates(ws, second, reason="held_out")
    assert fate.excerpt.startswith(question)
    assert answer in fate.excerpt
    assert "13812345678" not in fate.excerpt
    (example,) = second.report["examples"]["dropped"]
    assert example["excerpt"] == fate.excerpt
    (change,) = versions.changes(ws, second, "split")
    assert change.before is not None
    assert change.before.id == fate.record
    with pytest.raises(UsageError, match=r"too close to a held-out record.*without test_of"):
        versions.restore(ws, second, fate.source, fate.item, person="mei")
    assert main(["restore", second.name, "--reason", "held_out", "--all", "-w", str(ws.folder)]) == 2
    assert "without test_of" in capsys.readouterr().err
    assert restores(ws) == []


def test_a_bridge_is_shown_and_not_given_back(ws, write):
    rows = [row(number) | {"conversation_id": number} for number in range(60)]
    first = made(ws, write, "first.jsonl", rows)
    of = {split: next(record for record, _, _ in versions.records(ws, first, split)) for split in ("train", "test")}
    conversations = {one["question"]: one["conversation_id"] for one in rows}
    near = {
        "question": of["train"].messages[0].text,
        "answer": of["train"].messages[1].text + "好的",
        "conversation_id": conversations[of["test"].messages[0].text],
    }
    second = made(ws, write, "second.jsonl", [near], extend=first.name)
    (fate,) = versions.fates(ws, second, reason="bridge")
    assert fate.excerpt.startswith(near["question"])
    with pytest.raises(UsageError, match=r"two splits.*prepare all files together"):
        versions.restore(ws, second, fate.source, fate.item, person="mei")


def test_what_was_forgotten_is_not_given_back(ws, write):
    first = made(ws, write, "first.jsonl", [row(number, f"customer-{number}") for number in range(20)])
    found = forgetting.touched(ws, subject="customer-3")
    newest = forgetting.forget(ws, found, person="mei", rebuild=False).versions[first.name]
    (fate,) = versions.fates(ws, newest, reason="forgotten")
    with pytest.raises(UsageError, match=r"was forgotten.*prepare a file that holds it"):
        versions.restore(ws, newest, fate.source, fate.item, person="mei")
    assert restores(ws) == []
