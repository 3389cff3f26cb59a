from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.errors import ModelError
from tuneloop.serve.asking import Ask, Failed, Ready, Told
from tuneloop.serve.backends.endpoint import EndpointBackend
from tuneloop.wording import Words

RUNTIME = "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve BASE --enable-lora --max-lora-rank 64"


class VllmBackend(EndpointBackend):
    """A vLLM server that holds the base and takes adapters at run time (started with
    `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True` and `--enable-lora`; it must see the workspace's folders).

    An adapter's name there is that of one version and is never used for another: vLLM refuses a second load under a
    name, and in place it may answer from the prefix cache of the first (its issue 42125).  A server that was started
    again has forgotten its adapters: the request that finds out has its adapter loaded once more.
    """

    title: ClassVar[Words] = Words("vLLM server", "vLLM 服务器")
    help: ClassVar[Words] = Words(
        "Passes requests on to a vLLM server, which loads adapters itself.",
        "把请求转发给 vLLM 服务器，适配器由其自行加载。",
    )

    _held: set[str] = PrivateAttr(default_factory=set)
    _loading: asyncio.Lock = PrivateAttr(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """See that the server answers, takes our key and serves the base."""
        import httpx2

        begun = time.monotonic()
        await super().start()
        try:
            response = await self._client.get("models")
        except (httpx2.HTTPError, OSError) as error:
            raise ModelError(
                f"vLLM at {self.url} does not answer ({type(error).__name__})", do=f"Start it: {RUNTIME}"
            ) from None
        if response.status_code >= 400:
            raise ModelError(self._refused(response.status_code, response.content).message)
        cards = {one["id"]: one for one in response.json()["data"]}
        if self.model and self.model not in cards:
            raise ModelError(
                f"vLLM at {self.url} serves {', '.join(cards)}", expected=self.model,
                do="Give its --served-model-name as `model`",
            )  # fmt: skip
        context = cards.get(self.model, {}).get("max_model_len") or 0
        self._ready = Ready(context, "unknown", "vLLM", time.monotonic() - begun)

    async def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        first, again = True, False
        telling = super().ask(ask)
        try:
            async for told in telling:
                if first and isinstance(told, Failed) and told.status == 404 and ask.adapter is not None:
                    again = True
                    break
                first = False
                yield told
        finally:
            await telling.aclose()
        if again and ask.adapter is not None:
            self._held.discard(ask.adapter.name)
            async for told in super().ask(ask):
                yield told

    async def drop(self, adapter: str) -> None:
        """A server that is away has forgotten it, or will be asked for it no more."""
        import httpx2

        if adapter in self._held:
            self._held.discard(adapter)
            try:
                await self._client.post("unload_lora_adapter", json={"lora_name": adapter})
            except (httpx2.HTTPError, OSError):
                return

    async def _name(self, ask: Ask) -> str:
        if ask.adapter is None:
            return self.model or ask.model
        async with self._loading:
            if ask.adapter.name not in self._held:
                await self._load(ask.adapter.name, ask.adapter.folder)
                self._held.add(ask.adapter.name)
        return ask.adapter.name

    async def _load(self, name: str, folder: str) -> None:
        response = await self._client.post("load_lora_adapter", json={"lora_name": name, "lora_path": folder})
        if response.status_code < 400:
            return
        failed: Any = self._refused(response.status_code, response.content)
        if response.status_code == 400 and "already been loaded" in failed.message:
            return
        if response.status_code == 404 and "adapter" not in failed.message:  # the route itself is not there
            raise ModelError(f"vLLM at {self.url} takes no adapters at run time", do=f"Start it: {RUNTIME}")
        raise ModelError(f"vLLM at {self.url} did not load {name}: {failed.message[:300]}")
