"""A base that another server answers for: our own server with a backend that pretends stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.http.serving import running

from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.serve.backends.endpoint import EndpointBackend
from tuneloop.serve.backends.fake import FakeBackend
from tuneloop.store import Workspace

Q: list[Any] = [{"role": "user", "content": "héllo 猫"}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    def service(name: str, **elsewhere: Any) -> Service:
        found = Service(Workspace.find(tmp_path_factory.mktemp(name)))
        found.parts["answers"] = Answers(found.ws, elsewhere=elsewhere)
        return found

    with running(service("far", fake=lambda: FakeBackend(context=100))) as far:
        front = service(
            "front",
            far=lambda: EndpointBackend(url=far.url, model="fake"),
            gone=lambda: EndpointBackend(url="http://127.0.0.1:1/v1"),
        )
        with running(front) as near:
            yield near.client()


def test_answers_pass_through(client: openai.OpenAI) -> None:
    told = client.chat.completions.create(model="far", messages=Q, n=2, logprobs=True, top_logprobs=1, max_tokens=4)
    assert [choice.message.content for choice in told.choices] == ["HÉLL"] * 2
    assert (told.model, told.choices[1].finish_reason) == ("far", "length")
    assert told.usage
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (7, 8)
    logs = told.choices[0].logprobs
    assert logs
    assert [bytes(one.bytes or []).decode() for one in logs.content or []] == list("HÉLL")
    streamed = client.chat.completions.create(model="far", messages=Q, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == "HÉLLO 猫"
    text = client.completions.create(model="far", prompt="ab", echo=True, logprobs=1, max_tokens=1).choices[0]
    assert text.text == "abA"
    assert text.logprobs
    assert text.logprobs.token_logprobs == [None, -0.5, -0.5]
    vectors = client.embeddings.create(model="far", input=["a", "b"])
    assert [len(one.embedding) for one in vectors.data] == [4, 4]
    assert vectors.usage.prompt_tokens == 2


def test_refusals_pass_through_and_silence_is_told(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as over:
        client.chat.completions.create(model="far", messages=[{"role": "user", "content": "a" * 200}])
    assert (over.value.code, over.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(openai.InternalServerError) as gone:
        client.chat.completions.create(model="gone", messages=Q)
    assert (gone.value.status_code, gone.value.code) == (503, "endpoint_unreachable")


def test_a_missing_key_is_told_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    service = Service(Workspace.find(tmp_path))
    service.parts["answers"] = Answers(service.ws, elsewhere={"far": lambda: EndpointBackend(key_variable="FAR_KEY")})
    with running(service) as near, pytest.raises(openai.InternalServerError, match="FAR_KEY"):
        near.client().chat.completions.create(model="far", messages=Q)
