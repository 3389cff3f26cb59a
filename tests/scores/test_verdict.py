"""A judge's yes or no: how it is read, asked over HTTP and here, remembered, and what becomes of failures."""

from __future__ import annotations

import json
import pickle
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import ModelError
from tuneloop.scores import verdict
from tuneloop.scores.asking import Asked, Question
from tuneloop.scores.verdict import JudgeSettings, Judging, Verdict, read


class Endpoint(ThreadingHTTPServer):
    """Speaks the protocol: answers by what the question holds, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.under_way = self.most_at_once = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][0]["content"]
        with self.server.lock:
            self.server.asked.append(question)
            self.server.under_way += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.under_way)
            again = self.server.asked.count(question)
        time.sleep(0.02)
        status, text = 200, "YES: fine"
        if "wrong" in question:
            text = "否：答非所问，提到了 13812345678"
        elif "garbage" in question:
            text = "Well, it depends."
        elif "broken" in question:
            status = 500
        elif "slow" in question:
            time.sleep(1.5)
        elif "flaky" in question and again == 1:
            status = 429
        if self.headers.get("Authorization") == "Bearer bad":
            status = 401
        told = {"choices": [{"message": {"content": text}}]} if "empty" not in question else {"choices": []}
        content = json.dumps(told).encode()
        with self.server.lock:
            self.server.under_way -= 1
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # the one who asked has gone

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(verdict, "_PAUSE", 0.01)
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("YES: it answers.", (True, "it answers.")),
        ("**NO** - another topic", (False, "another topic")),
        ("No, it is about cats.", (False, "it is about cats.")),
        ("是：回答了所问的内容。", (True, "回答了所问的内容。")),
        ("否：说的是另一件事", (False, "说的是另一件事")),
        ("不是。语言不对", (False, "语言不对")),
        ("不能：数字不同", (False, "数字不同")),
        ("<think>yes or no?</think>NO: cut off", (False, "cut off")),
        ('{"answer": "no", "why": "wrong language"}', (False, "wrong language")),
        ('```json\n{"answer": true, "why": "ok"}\n```', (True, "ok")),
    ],
)
def test_a_verdict_is_read(reply: str, expected: tuple[bool, str]) -> None:
    assert read(reply) == expected


@pytest.mark.parametrize(
    "reply", ["", "是否切合很难说", "Maybe.", "Nothing to say", "yesterday", "<think>yes", '{"answer": 3}']
)
def test_what_is_no_verdict(reply: str) -> None:
    found = read(reply)
    assert found.yes is None
    assert "the judge wrote" in found.why


def test_answers_failures_and_what_is_remembered(endpoint: Endpoint, tmp_path: Path) -> None:
    settings = JudgeSettings(model="m", url=endpoint.url, timeout=0.5, tries=2, concurrency=3)
    questions = ["good", "wrong", "garbage", "broken", "slow", "flaky", "empty", "good"]
    judging = Judging(settings, tmp_path)
    found = judging.verdicts(questions)
    assert [one.yes for one in found] == [True, False, None, None, None, True, None, True]
    assert found[1].why.startswith("答非所问")
    assert "13812345678" not in found[1].why
    assert "status 500" in found[3].why
    assert "no answer within 0.5 s" in found[4].why
    assert judging.taken() == {"asked": 7, "failed": 4}
    assert judging.taken() == {}
    assert endpoint.asked.count("broken") == 2
    assert endpoint.asked.count("good") == 1
    assert 1 < endpoint.most_at_once <= 3
    endpoint.asked.clear()
    again = Judging(settings, tmp_path)
    assert again.verdicts(["good", "wrong", "flaky", "garbage"]) == [found[0], found[1], found[5], found[2]]
    assert endpoint.asked == ["garbage"]
    assert again.taken() == {"asked": 1, "remembered": 3, "failed": 1}


def test_a_file_whose_last_line_was_cut_is_read(endpoint: Endpoint, tmp_path: Path) -> None:
    settings = JudgeSettings(model="m", url=endpoint.url)
    Judging(settings, tmp_path).verdicts(["one", "two"])
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    judging = Judging(settings, tmp_path)
    assert [one.yes for one in judging.verdicts(["one", "two"])] == [True, True]
    assert judging.taken()["asked"] == 1
    assert Judging(settings, tmp_path).verdicts(["two"])[0].yes


def test_no_more_is_asked_than_allowed_nor_of_one_that_is_gone(endpoint: Endpoint) -> None:
    few = Judging(JudgeSettings(model="m", url=endpoint.url, most=2))
    assert [one.yes for one in few.verdicts(["a", "b", "c"])] == [True, True, None]
    assert few.verdicts(["d", "a"]) == [Verdict(None, "more than 2 questions"), Verdict(True, "fine")]
    gone = Judging(JudgeSettings(model="m", url=endpoint.url, tries=1, concurrency=1))
    endpoint.asked.clear()
    found = gone.verdicts([f"broken {number}" for number in range(20)])
    assert len(endpoint.asked) == verdict.GONE_AFTER
    assert all(one.yes is None for one in found)
    nobody = Judging(JudgeSettings(model="m", url="http://127.0.0.1:9/v1", tries=1)).verdicts(["a"])
    assert "no connection" in nobody[0].why


def test_mistakes_in_the_settings_are_told(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = JudgeSettings(model="m", url=endpoint.url, key_variable="JUDGE_KEY_OF_A_TEST")
    with pytest.raises(ModelError, match="JUDGE_KEY_OF_A_TEST"):
        Judging(settings).verdicts(["a"])
    monkeypatch.setenv("JUDGE_KEY_OF_A_TEST", "bad")
    with pytest.raises(ModelError, match="does not take the key"):
        Judging(settings).verdicts(["a"])


def test_a_model_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(self: Asked, questions: list[Question]) -> list[str]:
        return ["NO: off topic" if "wrong" in one.messages[0]["content"] else "YES: ok" for one in questions]

    monkeypatch.setattr(Asked, "answers", answers)
    judging = pickle.loads(pickle.dumps(Judging(JudgeSettings(model="model-1"))))  # noqa: S301  (our own bytes)
    assert judging.verdicts(["right", "wrong"]) == [Verdict(True, "ok"), Verdict(False, "off topic")]


def test_the_starter_is_asked_and_what_it_cannot_read_is_told() -> None:
    judging = Judging(JudgeSettings(model="starter", max_tokens=8))
    found = judging.verdicts(["Is water wet? YES or NO", "x " * 5000])
    assert found[0].why
    assert found[1].yes is None
    assert "tokens" in found[1].why
