"""Input of nothing but rows without answers: no failure, no version, and what it can serve as, in every door."""

from __future__ import annotations

import copy
import json
import shlex
from pathlib import Path

import pytest

from tuneloop.app.cli.main import main
from tuneloop.app.wiring import work
from tuneloop.errors import InputError, UsageError
from tuneloop.prepare import prepare, versions
from tuneloop.prepare.answerless import NoAnswersError
from tuneloop.runs import queue
from tuneloop.store import datasets, sources
from tuneloop.store.files import add_file

FACTS = "fact\n" + "".join(f"我们的第{n}家店在早上{n}点开门。\n" for n in range(6))
SYSTEM = "".join(
    json.dumps({"messages": [{"role": "system", "content": f"你是第{n}号客服。"}]}, ensure_ascii=False) + "\n"
    for n in range(5)
)
ANSWERED = "".join(
    json.dumps({"question": f"What is in drawer {n}?", "answer": f"In drawer {n} lie {n} spoons."}) + "\n"
    for n in range(30)
)


@pytest.mark.parametrize("dry_run", [False, True])
def test_it_is_an_error_of_its_own_that_carries_the_report(ws, write, dry_run):
    with pytest.raises(NoAnswersError, match="none of 6 items") as raised:
        prepare(write("facts.csv", FACTS), workspace=ws, dry_run=dry_run)
    error = copy.copy(raised.value)  # as when it crosses to another process
    assert isinstance(error, InputError)
    assert str(error) == str(raised.value)
    assert (error.found.name, error.found.records) == ("", 0)
    assert error.found.report["counts"]["rejected"] == error.found.report["items"] == 6
    assert [one["topic"] for one in error.found.report["advice"]] == ["serves"]
    (serves,) = error.serves
    assert serves["kind"] == {"en": "facts", "zh": "事实或知识"}
    assert serves["settings"] == {"shape": "plain_text", "mapping": {"text": "fact"}}
    assert datasets.versions(ws) == []
    assert sources.sources(ws) == []
    assert [(one.state, one.result) for one in queue.list(ws)] == ([] if dry_run else [("succeeded", error.result)])


def test_what_else_cannot_be_read_is_an_error_still(ws, write):
    with pytest.raises(InputError, match="none of 7 items") as raised:
        prepare(write("system.jsonl", SYSTEM + "{\nnull\n"), workspace=ws)
    assert not isinstance(raised.value, NoAnswersError)


def test_beside_examples_they_are_not_called_unreadable(ws, write, tmp_path):
    write("d/facts.csv", FACTS)
    write("d/faq.jsonl", ANSWERED)
    version = prepare(tmp_path / "d", workspace=ws)
    assert [one["topic"] for one in version.report["advice"] if one["topic"] in ("serves", "rejected")] == ["serves"]
    (fate, *_) = versions.fates(ws, version, reason="without_answer")
    with pytest.raises(UsageError, match="has no answer"):
        versions.restore(ws, version, fate.source, fate.item, person="mei")
    write("d/broken.jsonl", "oops\n" * 12)
    both = prepare(tmp_path / "d", workspace=ws)
    (told,) = [one["text"]["en"] for one in both.report["advice"] if one["topic"] == "rejected"]
    assert "(12)" in told


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_the_command_ends_well_and_says_the_command_that_uses_it(write, tmp_path, monkeypatch, capsys, more):
    monkeypatch.chdir(tmp_path)
    write("in/my facts.csv", FACTS)
    assert main(["prepare", "in", "-w", "w", *more]) == 0
    out = capsys.readouterr().out
    assert "None of 6 items holds an answer" in out
    (line,) = [line for line in out.splitlines() if "tuneloop prepare" in line]
    command = shlex.split(line.partition(": tuneloop ")[2])
    assert command[:2] == ["prepare", str(Path("in/my facts.csv"))]
    assert main([*command, "-w", "w", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["kinds"]) == ("data-1", {"text": 6})
    monkeypatch.setenv("TUNELOOP_LANG", "zh")
    assert main(["prepare", "in", "-w", "w", *more]) == 0
    assert "6 个条目都没有回答" in capsys.readouterr().out
    assert main(["prepare", "in", "-w", "w", "--json", *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["report"]["inputs"][0]["serves"][0]["column"]) == ("", "fact")


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_run_succeeds_and_says_the_same(ws, dry_run):
    content = SYSTEM.encode()
    file = add_file(ws, ws.blobs.put(content), filename="sys.jsonl", purpose="user_data", size=len(content))
    spec = {"files": [file.id], "prepare": {}, "scenario": "main", "dry_run": dry_run}
    with ws.db.write(durable=True) as connection:
        run = queue.add(connection, "prepare", spec, {}, "main")
    with queue.claim(ws, run) as lease:
        work(ws, lease)
    ended = queue.show(ws, run)
    assert (ended.state, ended.result["data"], ended.result["items"]) == ("succeeded", None, 5)
    (serves,) = ended.result["serves"]
    assert (serves["file"], serves["column"]) == ("sys.jsonl", "messages")
    assert serves["text"]["zh"].startswith("sys.jsonl 只有系统消息，没有回答。这不算错误")
