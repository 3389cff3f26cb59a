"""The log of exchanges over HTTP, and which version of an alias answers whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterator

import openai
import pytest
from tests.http.serving import Running, running

from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.serve import aliases, approvals
from tuneloop.serve.aliases import Target
from tuneloop.serve.asking import Ask, Failed, Told
from tuneloop.serve.backends.fake import FakeBackend
from tuneloop.serve.exchanges import ExchangeLog, exchanges
from tuneloop.store import Workspace, models

MAIL = "bob@example.com"


class Breaking(FakeBackend):
    """Ends in the middle of its answer."""

    async def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        number = 0
        async for told in super().ask(ask):
            if number == 4:  # after the beginning and three characters
                yield Failed(503, "engine_stopped", "The engine has ended.")
                return
            yield told
            number += 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Workspace.find(tmp_path_factory.mktemp("w")) as ws:
        service = Service(ws)
        service.parts["answers"] = Answers(ws, elsewhere={"fake": FakeBackend, "breaking": Breaking})
        service.parts["exchanges"] = ExchangeLog(ws)
        with running(service) as found:
            yield found


@pytest.fixture
def client(server: Running) -> openai.OpenAI:
    return server.client()


def test_without_a_user_each_request_is_drawn_and_a_user_keeps_a_version(
    server: Running, client: openai.OpenAI
) -> None:
    ws = server.service.ws
    for number in range(2):
        folder = ws.path("models", f"m{number}")
        (folder / "weights").write_text(str(number))
        made = models.add_model(
            ws, base="fake", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}
        )
        approvals.decide(ws, made.name, "approved", person="Li Na")
    aliases.point(ws, "support", [Target("model-1", 0.5), Target("model-2", 0.5)], person="Li Na")

    def answered(**more: str) -> Counter[str]:
        asked = (
            client.chat.completions.create(model="support", messages=[{"role": "user", "content": "a"}], **more)  # type: ignore[call-overload]
            for _ in range(30)
        )
        return Counter(one.model for one in asked)

    assert set(answered()) == {"model-1", "model-2"}  # by chance one alone: once in 500 million
    of_users = [answered(user=f"user {number}") for number in range(3)]
    assert [len(one) for one in of_users] == [1, 1, 1]


def test_tags_are_stored_without_personal_data(server: Running, client: openai.OpenAI) -> None:
    client.chat.completions.create(
        model="fake", messages=[{"role": "user", "content": MAIL}], metadata={"customer": f"{MAIL} 13812345678"},
        extra_body={"tuneloop": {"tags": {MAIL: MAIL}}},
    )  # fmt: skip
    kept = exchanges(server.service.ws, limit=1)[0]
    assert dict(kept.tags) == {"customer": "[EMAIL] [MOBILE]", "[EMAIL]": "[EMAIL]"}
    assert "example" not in repr(kept)


def test_embeddings_are_kept_without_personal_data(server: Running, client: openai.OpenAI) -> None:
    client.embeddings.create(model="fake", input=[f"I am {MAIL}"], user="u-1")
    kept = exchanges(server.service.ws, limit=1)[0]
    assert kept.id.startswith("embd-")
    assert (kept.outcome, kept.prompt_tokens, kept.completion_tokens, kept.replies) == ("answered", 20, 0, [])
    assert kept.request["input"] == ["I am [EMAIL]"]
    assert kept.request["user"].startswith("user-")


@pytest.mark.parametrize("streams", [True, False])
def test_a_failed_exchange_counts_what_was_written(server: Running, client: openai.OpenAI, streams: bool) -> None:
    with pytest.raises(openai.APIError, match="The engine has ended"):
        for _ in client.chat.completions.create(
            model="breaking", messages=[{"role": "user", "content": "abcdefgh"}], stream=streams
        ):
            pass
    kept = exchanges(server.service.ws, limit=1)[0]
    assert (kept.outcome, kept.replies[0]["content"], kept.completion_tokens) == ("failed", "ABC", 3)


def test_the_tokens_of_an_echoed_prompt_are_not_counted(server: Running, client: openai.OpenAI) -> None:
    told = client.completions.create(model="fake", prompt="abcd", echo=True, max_tokens=2, n=2)
    assert told.usage
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (4, 4)
    kept = exchanges(server.service.ws, limit=1)[0]
    assert kept.completion_tokens == 4
