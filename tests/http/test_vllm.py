"""A base behind a vLLM server: adapters loaded there once under a name of their own, and what it refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.http.serving import Running, running
from tests.http.vllm_stand_in import BASE, StandIn, standing_in

from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.serve.backends.vllm import VllmBackend
from tuneloop.store import Workspace, models

Q: list[Any] = [{"role": "user", "content": "hello"}]


class Both:
    """A stand-in for vLLM, and our server before it, with two adapters on its base."""

    def __init__(self, folder: Path, stack: ExitStack, stand_in: StandIn, **settings: Any) -> None:
        self.ws = stack.enter_context(Workspace.find(folder))
        self.vllm = stack.enter_context(standing_in(stand_in))
        service = Service(self.ws)
        made = {BASE: lambda: VllmBackend(**({"url": self.vllm.url, "model": BASE} | settings))}
        service.parts["answers"] = Answers(self.ws, elsewhere=made)
        for number in range(2):
            kept = self.ws.folder / f"models/m{number}"
            kept.mkdir(parents=True)
            (kept / "adapter_config.json").write_text(f'{{"r": {number}}}')
            models.add_model(
                self.ws, base=BASE, form="adapter", folder=kept, objective="supervised", tuner="lora", recipe={}
            )
        self.near: Running = stack.enter_context(running(service))
        self.client = self.near.client()

    def say(self, model: str = "model-1") -> str | None:
        return self.client.chat.completions.create(model=model, messages=Q).choices[0].message.content

    def loads(self) -> int:
        return self.vllm.calls.count("/v1/load_lora_adapter")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def test_each_version_has_a_name_of_its_own_and_is_loaded_once(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    said: list[str | None] = []
    many = [threading.Thread(target=lambda: said.append(both.say())) for _ in range(5)]
    for one in many:
        one.start()
    for one in many:
        one.join()
    assert len(set(said)) == 1
    assert str(said[0]).startswith("model-1-")
    assert both.loads() == 1
    assert str(both.say("model-2")).startswith("model-2-")
    assert both.say(BASE) == BASE
    assert set(both.vllm.adapters) == {said[0], both.say("model-2")}
    streamed = both.client.chat.completions.create(
        model="model-1", messages=Q, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(streamed)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == said[0]
    assert chunks[-1].usage
    assert chunks[-1].usage.prompt_tokens == 3
    assert both.client.completions.create(model="model-1", prompt="hello").choices[0].text == said[0]


def test_a_server_that_was_started_again_gets_its_adapters_again(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    before = both.say()
    both.vllm.restart()
    assert both.say() == before
    assert both.loads() == 2


def test_an_adapter_that_another_server_of_ours_has_loaded_is_taken(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    target = both.near.answers.router.resolve("model-1")
    assert target.adapter
    both.vllm.adapters[target.adapter.name] = target.adapter.folder
    assert both.say() == target.adapter.name


def test_what_is_removed_is_unloaded_also_where_the_server_has_forgotten_it(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    name = both.say()
    both.near.on_loop(both.near.answers.hosts.drop(name))
    assert both.vllm.adapters == {}
    assert both.say() == name
    both.vllm.restart()
    both.near.on_loop(both.near.answers.hosts.drop(name))
    assert both.vllm.calls.count("/v1/unload_lora_adapter") == 2


@pytest.mark.parametrize("flat", [False, True])
def test_refusals_have_the_protocols_words(tmp_path: Path, stack: ExitStack, flat: bool) -> None:
    both = Both(tmp_path, stack, StandIn(flat=flat))
    with pytest.raises(openai.BadRequestError, match="maximum context length is 64") as over:
        both.client.chat.completions.create(model="model-1", messages=[{"role": "user", "content": "a" * 100}])
    assert over.value.code == "context_length_exceeded"


def test_a_folder_that_it_cannot_see_is_told(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    (both.ws.folder / "models/m0/adapter_config.json").unlink()
    with pytest.raises(openai.InternalServerError, match="No adapter found") as told:
        both.say()
    assert (told.value.status_code, told.value.code) == (503, "endpoint_failed")


def test_a_server_without_adapters_at_run_time_is_told_with_what_to_do(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn(updating=False))
    assert both.say(BASE) == BASE
    with pytest.raises(openai.InternalServerError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=True") as told:
        both.say()
    assert told.value.status_code == 503


def test_the_key_is_ours_and_not_the_askers(tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_KEY", "right")
    both = Both(tmp_path / "a", stack, StandIn(key="right"), key_variable="VLLM_KEY")
    assert str(both.say()).startswith("model-1-")
    monkeypatch.setenv("VLLM_KEY", "wrong")
    wrong = Both(tmp_path / "b", stack, StandIn(key="right"), key_variable="VLLM_KEY")
    with pytest.raises(openai.InternalServerError, match="VLLM_KEY") as told:
        wrong.say()
    assert "wrong" not in str(told.value)


def test_another_base_and_silence_are_told_when_it_is_loaded(tmp_path: Path, stack: ExitStack) -> None:
    other = Both(tmp_path / "a", stack, StandIn(), model="some/other")
    with pytest.raises(openai.InternalServerError, match="serves some/base; expected some/other"):
        other.say()
    gone = Both(tmp_path / "b", stack, StandIn(), url="http://127.0.0.1:1/v1")
    with pytest.raises(openai.InternalServerError, match="does not answer"):
        gone.say()


def test_an_answer_that_it_breaks_off_is_no_answer(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    both.vllm.abort = True
    with pytest.raises(openai.APIError, match="broke the answer off"):
        both.say()


def test_who_leaves_stops_the_work_there(tmp_path: Path, stack: ExitStack) -> None:
    both = Both(tmp_path, stack, StandIn())
    asked = both.client.chat.completions.create(model="model-1", messages=Q, max_tokens=60, stream=True)
    with asked as events:
        for number, _ in enumerate(events):
            if number == 3:
                break
    until = time.monotonic() + 10
    while not both.vllm.left and time.monotonic() < until:
        time.sleep(0.02)
    assert both.vllm.left == 1
