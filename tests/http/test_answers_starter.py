"""The shipped starter behind the whole service: streamed equals whole, its speech in two languages, JSON, scoring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from tests.http.serving import Running, running

from tuneloop.app.http.service import Service
from tuneloop.store import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Workspace.find(tmp_path_factory.mktemp("w")) as ws, running(Service(ws)) as found:
        yield found


@pytest.mark.parametrize("text", ["What can you do?", "你能做什么？"])
def test_streams_equal_whole_answers_while_others_run(server: Running, text: str) -> None:
    client = server.client()
    asked: dict[str, Any] = {
        "model": "starter", "messages": [{"role": "user", "content": text}], "seed": 4, "n": 2, "max_tokens": 40,
        "logprobs": True, "top_logprobs": 2,
    }  # fmt: skip

    def streamed(_: int) -> list[str]:
        texts = ["", ""]
        for chunk in client.chat.completions.create(**asked, stream=True):
            for choice in chunk.choices:
                assert "\ufffd" not in (choice.delta.content or "")
                texts[choice.index] += choice.delta.content or ""
        return texts

    whole = client.chat.completions.create(**asked)
    with ThreadPoolExecutor(6) as many:
        for texts in many.map(streamed, range(6)):
            assert texts == [choice.message.content for choice in whole.choices]
    for choice in whole.choices:
        assert choice.logprobs
        assert choice.logprobs.content
        written = b"".join(bytes(one.bytes or []) for one in choice.logprobs.content)
        assert written.decode("utf-8", errors="ignore").startswith((choice.message.content or "")[:5])


def test_schema_scoring_and_vectors(server: Running) -> None:
    client = server.client()
    schema = {
        "type": "object", "properties": {"name": {"type": "string", "maxLength": 10}, "big": {"type": "boolean"}},
        "required": ["name", "big"], "additionalProperties": False,
    }  # fmt: skip
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    for seed in range(3):
        told = client.chat.completions.create(
            model="starter", messages=[{"role": "user", "content": "A pet?"}], response_format=form, seed=seed,
            max_tokens=100,
        )  # fmt: skip
        assert set(json.loads(told.choices[0].message.content or "")) == {"name", "big"}
    likely, unlikely = (
        client.completions.create(model="starter", prompt=text, echo=True, logprobs=1, max_tokens=0).choices[0]
        for text in ("The sky is blue.", "The sky is fork.")
    )
    assert likely.logprobs
    assert unlikely.logprobs
    sums = [sum(one or 0 for one in choice.token_logprobs or []) for choice in (likely.logprobs, unlikely.logprobs)]
    assert sums[0] > sums[1]
    near, same, far = (
        client.embeddings.create(model="starter", input=text).data[0].embedding
        for text in ("The cat sleeps on the sofa.", "A cat is sleeping on a sofa.", "股票市场今天下跌。")
    )
    assert sum(map(float.__mul__, near, same)) > sum(map(float.__mul__, near, far))
    with pytest.raises(openai.BadRequestError) as over:
        client.chat.completions.create(model="starter", messages=[{"role": "user", "content": "word " * 2000}])
    assert over.value.code == "context_length_exceeded"
