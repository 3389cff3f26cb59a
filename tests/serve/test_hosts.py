"""Loaded bases: one loading for all who wait, room made by the least used, limits of time, names of what answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import PrivateAttr

from tuneloop.errors import ModelError
from tuneloop.serve.asking import Ask, AskingError, Began, Ended, Failed, Log, Piece, Ready, Told
from tuneloop.serve.backend import Backend
from tuneloop.serve.hosts import HostError, Hosts, HostSettings, weights_size
from tuneloop.serve.mailbox import Mailbox
from tuneloop.serve.router import Router
from tuneloop.store import Workspace
from tuneloop.store.models import add_model
from tuneloop.wording import Words

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Pretended(Backend):
    """A local backend that takes a while to load, and answers when it is told to."""

    title: ClassVar[Words] = Words("test", "测试")
    help: ClassVar[Words] = Words("test", "测试")
    local: ClassVar[bool] = True
    seconds: float = 0.0
    fails: bool = False

    _go: Any = PrivateAttr(default_factory=asyncio.Event)
    _over: bool = PrivateAttr(default=False)

    @property
    def over(self) -> bool:
        return self._over

    async def start(self) -> None:
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise ModelError("its files are torn")
        self._ready = Ready(10, "float32", "test", self.seconds)

    async def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        yield Began([1])
        await self._go.wait()
        yield Ended(0, "stop", 0)

    def go(self) -> None:
        self._go.set()

    async def stop(self) -> None:
        self._over = True


class Makes:
    def __init__(self, **settings: Any) -> None:
        self.settings, self.made = settings, dict[str, list[Pretended]]()

    def __call__(self, key: str) -> tuple[Backend, int]:
        self.made.setdefault(key, []).append(Pretended(**self.settings))
        return self.made[key][-1], 10**9


async def answered(hosts: Hosts, key: str) -> list[Told]:
    async with aclosing(hosts.ask(key, Ask("chat"))) as telling:
        return [told async for told in telling]


async def test_who_comes_meanwhile_waits_for_the_same_loading() -> None:
    makes = Makes(seconds=0.05)
    hosts = Hosts(makes, HostSettings(memory_gb=5))
    asked = [asyncio.create_task(answered(hosts, "a")) for _ in range(5)]
    await asyncio.sleep(0.1)
    makes.made["a"][0].go()
    for told in await asyncio.gather(*asked):
        assert [type(one) for one in told] == [Began, Ended]
    assert len(makes.made["a"]) == 1


async def test_the_least_used_leaves_and_the_busy_stay() -> None:
    makes = Makes()
    hosts = Hosts(makes, HostSettings(memory_gb=2.5))
    for key in ("a", "b"):
        await hosts.load(key)
    await hosts.load("a")
    await hosts.load("c")
    assert [host.key for host in hosts.loaded] == ["a", "c"]
    assert makes.made["b"][0].over
    busy = asyncio.create_task(answered(hosts, "a"))
    await asyncio.sleep(0)
    await hosts.load("b")
    assert {host.key for host in hosts.loaded} == {"a", "b"}
    makes.made["a"][0].go()
    await busy


async def test_where_all_are_busy_a_request_waits_for_one() -> None:
    makes = Makes()
    hosts = Hosts(makes, HostSettings(memory_gb=1.5))
    first = asyncio.create_task(answered(hosts, "a"))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(hosts.load("b"))
    await asyncio.sleep(0.15)
    assert not second.done()
    makes.made["a"][0].go()
    await first
    assert (await second).key == "b"
    assert [host.key for host in hosts.loaded] == ["b"]


async def test_a_base_that_can_never_fit_is_refused_with_sizes() -> None:
    hosts = Hosts(Makes(), HostSettings(memory_gb=0.4))
    told = await answered(hosts, "a")
    assert isinstance(told[0], Failed)
    assert (told[0].status, told[0].code) == (503, "not_enough_memory")
    assert "1.0 GB" in told[0].message
    assert "600 MB more" in told[0].message


async def test_loading_that_takes_too_long_or_fails_is_told_and_tried_again() -> None:
    makes = Makes(seconds=5)
    hosts = Hosts(makes, HostSettings(memory_gb=5, load_seconds=0.05))
    with pytest.raises(HostError) as slow:
        await hosts.load("a")
    assert slow.value.failed.code == "model_loading"
    makes.settings = {"fails": True}
    with pytest.raises(HostError, match="its files are torn"):
        await hosts.load("a")
    makes.settings = {}
    await hosts.load("a")
    assert [backend.over for backend in makes.made["a"]] == [True, True, False]


async def test_an_ended_backend_is_replaced_and_an_idle_one_leaves() -> None:
    makes = Makes()
    hosts = Hosts(makes, HostSettings(memory_gb=5, idle_seconds=0.05))
    await hosts.load("a")
    await makes.made["a"][0].stop()
    assert hosts.loaded == []
    await hosts.load("a")
    assert len(makes.made["a"]) == 2
    await hosts.tidy()
    assert len(hosts.loaded) == 1
    await asyncio.sleep(0.06)
    await hosts.tidy()
    assert hosts.loaded == []
    assert not await hosts.unload("a")


async def test_idle_bases_leave_by_themselves_and_asked_ones_stay() -> None:
    makes = Makes()
    hosts = Hosts(makes, HostSettings(memory_gb=5, idle_seconds=0.2))
    await hosts.load("a")
    await hosts.load("b")
    for _ in range(8):
        await asyncio.sleep(0.06)
        await hosts.load("b")
    assert [host.key for host in hosts.loaded] == ["b"]
    await asyncio.sleep(0.5)
    assert hosts.loaded == []
    await hosts.load("a")
    await asyncio.sleep(0.5)
    assert hosts.loaded == []


async def test_what_nobody_takes_is_joined() -> None:
    box = Mailbox(choices=2)
    box.put(Began([3]))
    for number in range(100):
        box.put(Piece(0, "a", [Log("a", b"a", -1.0)]))
        box.put(Piece(1, "b"))
        if number == 49:
            told = [await box.take() for _ in range(3)]
    box.put(Ended(0, "stop", 100))
    box.put(Piece(1, "c"))
    box.put(Ended(1, "stop", 101))
    told += [await box.take() for _ in range(5)]
    pieces = [one for one in told if isinstance(one, Piece)]
    assert [(one.choice, one.text, one.tokens, len(one.logs)) for one in pieces] == [
        (0, "a" * 50, 50, 50), (1, "b" * 50, 50, 0), (0, "a" * 50, 50, 50), (1, "b" * 50, 50, 0), (1, "c", 1, 0),
    ]  # fmt: skip
    assert [box.last(one) for one in told] == [False] * 7 + [True]


def test_names(tmp_path: Path) -> None:
    with Workspace.find(tmp_path) as ws:
        made = {}
        for form, objective, base in [
            ("adapter", "sft", "Qwen/Qwen3-0.6B"), ("full", "sft", "starter"), ("adapter", "classify", "starter"),
            ("remote", "sft", "gpt"), ("adapter", "sft", "model-2"),
        ]:  # fmt: skip
            folder = ws.path("models", f"{len(made)}")
            (folder / "file").write_text(f"{len(made)}")
            version = add_model(ws, base=base, form=form, folder=folder, objective=objective, tuner="lora", recipe={})  # type: ignore[arg-type]
            made[version.name] = version
        router = Router(ws, [lambda ws, name, user: {"support": "model-1", f"for-{user}": "model-2"}.get(name)])
        tuned = router.resolve("model-1")
        assert (tuned.name, tuned.base) == ("model-1", "Qwen/Qwen3-0.6B")
        assert tuned.adapter
        assert tuned.adapter.folder == str(ws.folder / made["model-1"].folder)
        assert made["model-1"].id.partition(":")[2][:12] in tuned.adapter.name
        assert router.resolve("support") == tuned
        assert router.resolve("for-li", "li").base == "model-2"
        assert (router.resolve("model-5").base, router.resolve("model-2").adapter) == ("model-2", None)
        assert router.bases() == ["starter", "Qwen/Qwen3-0.6B", "gpt"]
        assert [one.name for one in router.versions()] == ["model-1", "model-2", "model-5"]
        for name, words in [("model-3", "tells classes"), ("model-4", "held by the provider")]:
            with pytest.raises(AskingError, match=words):
                router.resolve(name)
        with pytest.raises(AskingError, match="The model `model-9` does not exist") as unknown:
            router.resolve("model-9")
        assert "Available: starter, Qwen/Qwen3-0.6B" in str(unknown.value)
        assert (unknown.value.failed.status, unknown.value.failed.code) == (404, "model_not_found")
        with pytest.raises(AskingError):
            router.resolve("/etc")


def test_the_size_of_weights(tiny_base: Path) -> None:
    file = (tiny_base / "model.safetensors").stat().st_size
    assert weights_size(tiny_base, 2) - weights_size(tiny_base, 4) == -file // 2
