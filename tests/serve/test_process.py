"""The engine in its own process: adapters mixed in a batch, JSON by a schema, tools, adapters that come and go; and a
process that is killed while it answers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import byte_tokenizer

from tuneloop.errors import ModelError
from tuneloop.models import load
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.serve.asking import Ask, Began, Ended, Failed, Held, Piece, Told, Vectors
from tuneloop.serve.backends.process import ProcessBackend
from tuneloop.serve.hosts import Hosts, HostSettings
from tuneloop.store import Workspace

pytestmark = pytest.mark.anyio

TOOLS_TEMPLATE = (
    "{% if tools %}{{ tools[0].function.name }}<tool_call>{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SCHEMA = {
    "type": "object", "properties": {"sort": {"enum": ["cat", "dog"]}, "old": {"type": "boolean"}},
    "required": ["sort", "old"], "additionalProperties": False,
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """The tiny base with a template that knows tools."""
    folder = load(tiny_base, "float32").save(tmp_path_factory.mktemp("base"))
    byte_tokenizer(TOOLS_TEMPLATE).save(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory, base: Path) -> list[Held]:
    held = []
    lm = load(base, "float32")
    for seed in range(3):
        adapter = LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=seed)
        torch.manual_seed(seed)
        for site in adapter.sites.values():
            torch.nn.init.normal_(site.up, std=0.3)
        folder = tmp_path_factory.mktemp(f"a{seed}")
        adapter.save(folder)
        held.append(Held(f"a{seed}", str(folder)))
    return held


def made(tmp_path: Path, base: Path, **settings: Any) -> ProcessBackend:
    with Workspace.find(tmp_path) as ws:
        return ProcessBackend(workspace=str(ws.folder), base=str(base), load={"dtype": "float32"}, **settings)


async def told(backend: ProcessBackend | Hosts, ask: Ask) -> list[Told]:
    telling = backend.ask(ask) if isinstance(backend, ProcessBackend) else backend.ask("base", ask)
    async with aclosing(telling):
        return [one async for one in telling]


def texts(events: list[Told], choices: int = 1) -> list[str]:
    return ["".join(one.text for one in events if isinstance(one, Piece) and one.choice == n) for n in range(choices)]


def chat(text: str, **more: Any) -> Ask:
    return Ask("chat", messages=[{"role": "user", "content": text}], max_tokens=more.pop("max_tokens", 24), **more)


async def test_an_engine_process(tmp_path: Path, base: Path, adapters: list[Held]) -> None:
    """One process for all of it: loading takes longer than the rest."""
    backend = made(tmp_path, base, adapters=2)
    await backend.start()
    try:
        await mixed_adapters_equal_each_alone(backend, adapters)
        await seeds_repeat_whatever_else_runs(backend)
        await forms_are_kept(backend)
        await calls_are_made_when_they_must_be(backend)
        await mistakes_are_told(backend)
        await scores_and_vectors_come(backend)
        await leaving_stops_the_work(backend)
        assert backend.ready
        assert (backend.ready.dtype, backend.ready.context) == ("float32", 160)
        assert backend.memory > 10**7
    finally:
        await backend.stop()
    assert backend.over
    assert backend.memory == 0


async def mixed_adapters_equal_each_alone(backend: ProcessBackend, adapters: list[Held]) -> None:
    """Three adapters where two may be held: the third waits until one is free."""
    wanted = [None, adapters[0], adapters[1], adapters[2], adapters[0]]
    asked = [{"temperature": 1.0, "seed": 3, "min_tokens": 24, "adapter": one} for one in wanted]
    alone = [texts(await told(backend, chat("hello", **one)))[0] for one in asked]
    assert len(set(alone)) == 4, alone
    together = await asyncio.gather(*(told(backend, chat("hello", **one)) for one in asked))
    assert [texts(one)[0] for one in together] == alone
    await backend.drop("a0")


async def seeds_repeat_whatever_else_runs(backend: ProcessBackend) -> None:
    ask = {"temperature": 40.0, "seed": 5, "n": 3}
    first = texts(await told(backend, chat("hello", **ask)), 3)
    assert len(set(first)) == 3
    others = [asyncio.create_task(told(backend, chat(f"x{n}", temperature=1.0))) for n in range(5)]
    assert texts(await told(backend, chat("hello", **ask)), 3) == first
    await asyncio.gather(*others)


async def forms_are_kept(backend: ProcessBackend) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "pet", "schema": SCHEMA, "strict": True}}
    for seed in range(5):
        events = await told(backend, chat("a pet", form=form, temperature=1.0, seed=seed, max_tokens=100))
        assert set(json.loads(texts(events)[0])) == {"sort", "old"}
        assert isinstance(events[-1], Ended)
        assert events[-1].reason == "stop"


async def calls_are_made_when_they_must_be(backend: ProcessBackend) -> None:
    tools = [{"type": "function", "function": {"name": "pet", "parameters": SCHEMA}}]
    ask = chat("call", tools=tools, tool_choice="required", parallel_calls=False, temperature=1.0, max_tokens=140)
    ask.messages = [{"role": "user", "content": ""}]
    ask.tools[0]["function"]["parameters"] = {"type": "object", "properties": {}, "additionalProperties": False}
    events = await told(backend, ask)
    assert texts(events) == [""]
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert (ended.reason, [(call.name, call.arguments) for call in ended.calls]) == ("tool_calls", [("pet", "{}")])


async def mistakes_are_told(backend: ProcessBackend) -> None:
    bad = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "strin"}}}
    for ask, code, param in [
        (chat("a" * 200), "context_length_exceeded", "messages"),
        (chat("a", form=bad), "invalid_value", "response_format"),
        (Ask("text", prompts=[[5000]]), "invalid_value", "prompt"),
        (chat("half a character: \ud800"), "invalid_value", None),
        (chat("a", logit_bias={10**30: 1.0}), "invalid_value", None),
        (chat("a", adapter=Held("gone", "/nowhere")), "model", None),
    ]:
        events = await told(backend, ask)
        failed = events[-1]
        assert isinstance(failed, Failed), code
        assert (failed.code, failed.param) == (code, param)
        assert failed.status in (400, 404)
    assert isinstance((await told(backend, chat("still there")))[-1], Ended)


async def scores_and_vectors_come(backend: ProcessBackend) -> None:
    prompts: list[str | list[int]] = [[5, 9, 40, 41], [7, 8]]
    ask = Ask("text", prompts=prompts, echo=True, logprobs=1, max_tokens=1, temperature=0)
    events = await told(backend, ask)
    logs = [log for one in events if isinstance(one, Piece) and one.choice == 0 for log in one.logs]
    assert len(logs) == 5
    assert logs[0].logprob is None
    assert all(log.logprob is not None for log in logs[1:])
    assert isinstance(events[0], Began)
    assert events[0].prompt_tokens == [4, 2]
    vectors = (await told(backend, Ask("embed", prompts=["cat", "dog", [7, 8]])))[-1]
    assert isinstance(vectors, Vectors)
    assert (vectors.size, len(vectors.data)) == (64, 3 * 64 * 4)


async def leaving_stops_the_work(backend: ProcessBackend) -> None:
    async with aclosing(backend.ask(chat("long", max_tokens=100, min_tokens=100))) as telling:
        async for one in telling:
            if isinstance(one, Piece):
                break
    assert backend._boxes == {}
    assert texts(await told(backend, chat("hello", temperature=0, max_tokens=4)))


async def test_a_killed_engine_fails_what_it_was_doing_and_is_loaded_again(tmp_path: Path, base: Path) -> None:
    backends: list[ProcessBackend] = []

    def make(key: str) -> tuple[ProcessBackend, int]:
        backends.append(made(tmp_path, base))
        return backends[-1], 0

    hosts = Hosts(make, HostSettings(memory_gb=5))
    await hosts.load("base")
    for _ in range(2):
        running = [asyncio.create_task(told(hosts, chat(f"{n}", min_tokens=120, max_tokens=120))) for n in range(40)]
        while not backends[-1]._boxes:
            await asyncio.sleep(0.005)
        assert backends[-1].pid
        os.kill(backends[-1].pid, signal.SIGKILL)
        for events in await asyncio.gather(*running):
            last = events[-1]
            assert isinstance(last, Ended | Failed)
            if isinstance(last, Failed):
                assert (last.status, last.code) == (503, "engine_stopped")
        events = await told(hosts, chat("hello", temperature=0))
        assert isinstance(events[-1], Ended)
    assert len(backends) == 3
    await hosts.stop()


async def test_a_base_that_cannot_be_loaded_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    with pytest.raises(ModelError, match="has no config"):
        await made(tmp_path, tmp_path / "base").start()
