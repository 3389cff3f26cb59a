"""Models, chat, completions and embeddings over HTTP by the official client, answered by a backend that pretends."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types import completion_create_params as text_params
from openai.types import embedding_create_params as embedding_params
from openai.types.chat import completion_create_params as chat_params
from openai.types.fine_tuning import job_create_params as job_params
from tests.http.serving import Running, running

from tuneloop.app.http import stream
from tuneloop.app.http.answers import Answers
from tuneloop.app.http.openai.chat import ChatRequest
from tuneloop.app.http.openai.completions import CompletionRequest
from tuneloop.app.http.openai.embeddings import EmbeddingRequest
from tuneloop.app.http.service import Service
from tuneloop.jobs.request import JobRequest
from tuneloop.serve.backends.fake import FakeBackend
from tuneloop.serve.exchanges import ExchangeLog, exchange, exchanges
from tuneloop.store import Workspace

Q: list[Any] = [{"role": "user", "content": "héllo 猫"}]


class Kept:
    """Makes fakes and keeps them, so that a test can look at what they were asked."""

    def __init__(self, **settings: Any) -> None:
        self.settings, self.made = settings, list[FakeBackend]()

    def __call__(self) -> FakeBackend:
        self.made.append(FakeBackend(**self.settings))
        return self.made[-1]


fake, slow = Kept(context=100), Kept(delay=0.02, context=100_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Workspace.find(tmp_path_factory.mktemp("w")) as ws:
        service = Service(ws)
        service.parts["answers"] = Answers(ws, elsewhere={"fake": fake, "Some/slow": slow})
        service.parts["exchanges"] = ExchangeLog(ws)
        with running(service) as found:
            yield found


@pytest.fixture
def client(server: Running) -> openai.OpenAI:
    return server.client()


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert [one.id for one in client.models.list()] == ["starter", "fake", "Some/slow"]
    found = client.models.retrieve("Some/slow")
    assert (found.id, found.object, found.owned_by) == ("Some/slow", "model", "tuneloop")
    with pytest.raises(openai.NotFoundError) as told:
        client.models.retrieve("gpt-9")
    assert (told.value.code, told.value.param) == ("model_not_found", "model")
    assert "Available: starter, fake, Some/slow" in str(told.value)
    assert told.value.request_id
    with pytest.raises(openai.BadRequestError, match="begin with `ft:`"):
        client.models.delete("fake")


def test_a_slash_may_come_raw(server: Running) -> None:
    assert httpx2.get(f"{server.url}/models/Some/slow").json()["id"] == "Some/slow"


def test_chat_whole(server: Running, client: openai.OpenAI) -> None:
    told = client.chat.completions.create(model="fake", messages=Q)
    assert told.id.startswith("chatcmpl-")
    assert (told.object, told.model) == ("chat.completion", "fake")
    choice = told.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", "HÉLLO 猫")
    assert (choice.finish_reason, choice.logprobs, choice.message.refusal) == ("stop", None, None)
    assert told.usage
    assert (told.usage.prompt_tokens, told.usage.completion_tokens, told.usage.total_tokens) == (7, 7, 14)
    assert told.system_fingerprint


def test_chat_streams_as_the_protocol_says(server: Running) -> None:
    body = {"model": "fake", "messages": Q, "stream": True, "stream_options": {"include_usage": True}}
    with httpx2.stream("POST", f"{server.url}/chat/completions", json=body) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        blocks = response.read().decode().split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]
    assert len({(one["id"], one["created"], one["model"], one["object"]) for one in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(one["choices"][0]["delta"]["content"] for one in chunks[1:-2]) == "HÉLLO 猫"
    assert (chunks[-2]["choices"][0]["delta"], chunks[-2]["choices"][0]["finish_reason"]) == ({}, "stop")
    assert all(one["usage"] is None for one in chunks[:-1])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 7, "completion_tokens": 7, "total_tokens": 14}


def test_streamed_and_whole_are_equal(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "model": "fake",
        "messages": Q,
        "n": 3,
        "logprobs": True,
        "top_logprobs": 1,
        "max_tokens": 4,
    }
    whole = client.chat.completions.create(**asked)
    texts, tokens, reasons = ["", "", ""], [[], [], []], [None] * 3  # type: ignore[var-annotated]
    for chunk in client.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            tokens[choice.index] += (choice.logprobs.content or []) if choice.logprobs else []
            reasons[choice.index] = reasons[choice.index] or choice.finish_reason
    assert [choice.message.content for choice in whole.choices] == texts == ["HÉLL"] * 3
    assert [choice.finish_reason for choice in whole.choices] == reasons == ["length"] * 3
    assert [[one.model_dump() for one in row] for row in tokens] == [
        [one.model_dump() for one in choice.logprobs.content] for choice in whole.choices if choice.logprobs
    ]
    assert tokens[0][1].bytes == list("É".encode())


def test_the_helper_for_streams_works(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="fake", messages=Q) as events:
        for _ in events:
            pass
        assert events.get_final_completion().choices[0].message.content == "HÉLLO 猫"


def test_what_is_asked_arrives(client: openai.OpenAI) -> None:
    client.chat.completions.create(
        model="fake",
        messages=[{"role": "developer", "content": [{"type": "text", "text": one} for one in ("be", " brief")]}],
        temperature=0.5, top_p=0.9, seed=7, stop=["X", "Y"], presence_penalty=1, frequency_penalty=-1,
        logit_bias={"12": 3}, max_completion_tokens=5, top_logprobs=2, logprobs=True, user="u1", metadata={"a": "b"},
        store=True, service_tier="auto", prompt_cache_key="k", safety_identifier="s",
        response_format={"type": "json_object"},
        extra_body={
            "top_k": 4, "min_tokens": 2,
            "chat_template_kwargs": {"enable_thinking": False, "add_generation_prompt": True},
        },
    )  # fmt: skip
    ask = fake.made[0].asked[-1]
    assert ask.messages == [{"role": "developer", "content": "be brief"}]
    assert (ask.temperature, ask.top_p, ask.seed, ask.stop, ask.top_k) == (0.5, 0.9, 7, ["X", "Y"], 4)
    assert (ask.presence_penalty, ask.frequency_penalty, ask.logit_bias) == (1, -1, {12: 3})
    assert (ask.max_tokens, ask.min_tokens, ask.logprobs, ask.form) == (5, 2, 2, {"type": "json_object"})
    assert ask.variables == {"enable_thinking": False}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"audio": {"voice": "a", "format": "wav"}}, "audio", "unsupported_parameter"),
    ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
    ({"reasoning_effort": "low"}, "reasoning_effort", "unsupported_parameter"),
    ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
    ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
    ({"verbosity": "low"}, "verbosity", "unsupported_parameter"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
     "messages.0.content", "unsupported_parameter"),
    ({"messages": [{"role": "assistant", "content": "a", "function_call": {"name": "f"}}]},
     "messages.0.function_call", "unsupported_parameter"),
    ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ({"temperature": 3}, "temperature", "invalid_value"),
    ({"top_p": 0}, "top_p", "invalid_value"),
    ({"n": 0}, "n", "invalid_value"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "invalid_value"),
    ({"stop": [""]}, "stop", "invalid_value"),
    ({"logit_bias": {"cat": 1}}, "logit_bias", "invalid_value"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": [{"role": "robot", "content": "a"}]}, "messages.0.role", "invalid_value"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_value"),
    ({"response_format": {"type": "json_object"}, "tools": [{"type": "function", "function": {"name": "f"}}]},
     "response_format", "unsupported_parameter"),
    ({"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
     "tools.0.function.strict", "unsupported_parameter"),
    ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools", "unsupported_parameter"),
    ({"chat_template_kwargs": {"add_generation_prompt": False}}, "chat_template_kwargs.add_generation_prompt",
     "unsupported_parameter"),
    ({"chat_template_kwargs": {"tools": [1]}}, "chat_template_kwargs.tools", "unsupported_parameter"),
    ({"chat_template_kwargs": {"messages": []}}, "chat_template_kwargs.messages", "unsupported_parameter"),
    ({"n": True}, "n", "invalid_value"),
    ({"max_tokens": True}, "max_tokens", "invalid_value"),
    ({"seed": "7"}, "seed", "invalid_value"),
    ({"temperature": True}, "temperature", "invalid_value"),
    ({"logit_bias": {"12": True}}, "logit_bias", "invalid_value"),
    ({"stream": 1}, "stream", "invalid_value"),
    ({"colour": "red"}, "colour", "unknown_parameter"),
    ({"max_token": 5}, "max_token", "unknown_parameter"),
    ({"stream_options": {"usage": True}}, "stream_options.usage", "unknown_parameter"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameter": {}}}]},
     "tools.0.function.parameter", "unknown_parameter"),
    ({"messages": [{"role": "user", "content": "a", "colour": 1}]}, "messages.0.colour", "unknown_parameter"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "param", "code"), REFUSED, ids=[param for _, param, _ in REFUSED])
def test_what_cannot_be_done_is_refused_by_name(server: Running, more: dict[str, Any], param: str, code: str) -> None:
    answer = httpx2.post(f"{server.url}/chat/completions", json={"model": "fake", "messages": Q, **more})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert str(error["param"]).startswith(param)
    assert error["code"] == code


@pytest.mark.parametrize(
    ("path", "body", "param", "near"),
    [
        ("chat/completions", {"messages": Q, "max_token": 5}, "max_token", "max_tokens"),
        ("chat/completions", {"messages": Q, "response_format": {"type": "text", "json_scheme": {}}},
         "response_format.json_scheme", "json_schema"),
        ("chat/completions", {"messages": [{"role": "user", "contents": "a"}]}, "messages.0.contents", "content"),
        ("chat/completions", {"messages": Q, "tools": [{"type": "function", "function": {"name": "f", "strikt": 1}}]},
         "tools.0.function.strikt", "strict"),
        ("completions", {"prompt": "a", "best_off": 2}, "best_off", "best_of"),
        ("embeddings", {"input": "a", "encoding": "float"}, "encoding", "encoding_format"),
    ],
)  # fmt: skip
def test_an_unknown_field_is_told_with_the_nearest_known_one(
    server: Running, path: str, body: dict[str, Any], param: str, near: str
) -> None:
    answer = httpx2.post(f"{server.url}/{path}", json={"model": "fake", **body})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unknown_parameter", param)
    assert f"did you mean {near!r}?" in error["message"]


@pytest.mark.parametrize(
    ("params", "ours"),
    [
        (chat_params.CompletionCreateParamsBase, ChatRequest),
        (text_params.CompletionCreateParamsBase, CompletionRequest),
        (embedding_params.EmbeddingCreateParams, EmbeddingRequest),
        (job_params.JobCreateParams, JobRequest),
    ],
)
def test_every_parameter_of_the_official_client_is_known(params: Any, ours: Any) -> None:
    """Known is not taken: what would change the output is refused as `unsupported_parameter`, and not as unknown."""
    assert set(params.__annotations__) <= set(ours.model_fields)


def test_a_prompt_over_the_context_is_refused_before_anything_is_sent(client: openai.OpenAI) -> None:
    for streams in (False, True):
        with pytest.raises(openai.BadRequestError) as told:
            client.chat.completions.create(
                model="fake", messages=[{"role": "user", "content": "a" * 200}], stream=streams
            )
        assert (told.value.code, told.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(openai.BadRequestError) as told:
        client.completions.create(model="fake", prompt="a" * 200)
    assert (told.value.code, told.value.param) == ("context_length_exceeded", "prompt")


def test_completions(client: openai.OpenAI) -> None:
    told = client.completions.create(model="fake", prompt=["ab", "cd"], n=2)
    assert told.id.startswith("cmpl-")
    assert told.object == "text_completion"
    assert [(one.index, one.text, one.finish_reason) for one in told.choices] == [
        (0, "AB", "stop"), (1, "AB", "stop"), (2, "CD", "stop"), (3, "CD", "stop"),
    ]  # fmt: skip
    streamed = [""] * 4
    for chunk in client.completions.create(model="fake", prompt=["ab", "cd"], n=2, stream=True):
        assert chunk.object == "text_completion"
        for one in chunk.choices:
            streamed[one.index] += one.text
    assert streamed == [one.text for one in told.choices]


def test_scoring_as_lm_eval_asks_for_it(client: openai.OpenAI) -> None:
    told = client.completions.create(
        model="fake", prompt=[[97, 98, 99], [100]], echo=True, logprobs=1, max_tokens=1, temperature=0, seed=1
    )
    first, second = told.choices
    assert (first.text, second.text) == ("abcA", "dD")
    logs = first.logprobs
    assert logs
    assert (logs.tokens, logs.text_offset) == (["a", "b", "c", "A"], [0, 1, 2, 3])
    assert (logs.token_logprobs, logs.top_logprobs) == (
        [None, -0.5, -0.5, -0.5],
        [None, {"b": -0.5}, {"c": -0.5}, {"A": -0.5}],
    )
    only = client.completions.create(model="fake", prompt="abc", echo=True, logprobs=1, max_tokens=0)
    assert only.choices[0].text == "abc"


def test_completions_refuse_by_name(client: openai.OpenAI) -> None:
    for more, param in [({"best_of": 3}, "best_of"), ({"suffix": "end"}, "suffix")]:
        with pytest.raises(openai.BadRequestError) as told:
            client.completions.create(model="fake", prompt="a", **more)  # type: ignore[call-overload]
        assert (told.value.code, told.value.param) == ("unsupported_parameter", param)
    assert client.completions.create(model="fake", prompt="a", best_of=2, n=2).choices[1].text == "A"
    wrong: Any
    for field, wrong in [("logprobs", 6), ("logprobs", True), ("prompt", [True]), ("echo", 1)]:
        with pytest.raises(openai.BadRequestError) as told:
            client.completions.create(**{"model": "fake", "prompt": "a", **{field: wrong}})
        assert str(told.value.param).startswith(field)
    scored = client.completions.create(model="fake", prompt="a", logprobs=5).choices[0]
    assert scored.logprobs


def test_embeddings_in_both_encodings(client: openai.OpenAI) -> None:
    packed = client.embeddings.create(model="fake", input=["a", "b"])  # the client asks for base64
    plain = client.embeddings.create(model="fake", input=["a", "b"], encoding_format="float")
    assert [one.index for one in packed.data] == [0, 1]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
    assert packed.usage.prompt_tokens == 2
    ids = client.embeddings.create(model="fake", input=[97])
    assert ids.data[0].embedding == packed.data[0].embedding
    for more, param in [({"dimensions": 2}, "dimensions"), ({"input": [""]}, "input")]:
        with pytest.raises(openai.BadRequestError) as told:
            client.embeddings.create(**{"model": "fake", "input": "a", **more})
        assert told.value.param == param


def test_exchanges_are_kept_before_the_end_is_told(server: Running, client: openai.OpenAI) -> None:
    ws = server.service.ws
    whole = client.chat.completions.create(
        model="fake", messages=Q, user="u-1", metadata={"page": "help"}, extra_body={"tuneloop": {"tags": {"x": "y"}}}
    )
    kept = exchange(ws, whole.id)
    assert (kept.asked, kept.model, kept.outcome, kept.caller) == ("fake", "fake", "answered", "user-1")
    assert (kept.prompt_tokens, kept.completion_tokens) == (7, 7)
    assert kept.replies[0]["content"] == "HÉLLO 猫"
    assert dict(kept.tags) == {"page": "help", "x": "y"}
    for chunk in client.chat.completions.create(model="fake", messages=Q, stream=True):
        if chunk.choices[0].finish_reason:
            assert exchange(ws, chunk.id).outcome == "answered"


def test_a_client_that_leaves_stops_the_work(server: Running, client: openai.OpenAI) -> None:
    text = "a" * 5000
    asked: dict[str, Any] = {"model": "Some/slow", "messages": [{"role": "user", "content": text}]}
    left = slow.made[0].left if slow.made else 0
    with client.chat.completions.create(**asked, stream=True) as events:
        for number, chunk in enumerate(events):
            if number == 5:
                name = chunk.id
                break
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(**asked)
    until = time.monotonic() + 10
    while slow.made[0].left < left + 2 and time.monotonic() < until:
        time.sleep(0.02)
    assert slow.made[0].left == left + 2
    time.sleep(0.2)
    kept = exchange(server.service.ws, name)
    assert kept.outcome == "cancelled"
    assert kept.completion_tokens == len(kept.replies[0]["content"]) > 4
    assert [host.users for host in server.answers.hosts.loaded] == [0] * len(server.answers.hosts.loaded)


def test_a_reader_that_takes_nothing_stops_nobody_and_is_left(
    server: Running, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALLED", 0.5)
    left = fake.made[0].left
    kept = len(exchanges(server.service.ws))
    stalled = Kept(context=10**6)
    server.answers.elsewhere["stalled"] = stalled
    server.answers.router.stated.append("stalled")
    body = json.dumps({"model": "stalled", "messages": [{"role": "user", "content": "a" * 100_000}], "stream": True})
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", server.port))
        head = ["POST /v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        reader.sendall("\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode())
        assert client.chat.completions.create(model="fake", messages=Q).choices[0].message.content == "HÉLLO 猫"
        until = time.monotonic() + 20
        while not (stalled.made and stalled.made[0].left) and time.monotonic() < until:
            time.sleep(0.05)
    assert stalled.made[0].left == 1
    assert fake.made[0].left == left
    assert len(exchanges(server.service.ws)) > kept
