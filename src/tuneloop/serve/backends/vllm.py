from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import PrivateAttr

from tuneloop.errors import ModelError
from tuneloop.serve.asking import Ask
from tuneloop.serve.backends.endpoint import EndpointBackend
from tuneloop.wording import Words


class VllmBackend(EndpointBackend):
    """A vLLM server that holds the base and takes adapters at run time (started with
    `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True` and `--enable-lora`; it must see the workspace's folders).

    An adapter's name there is that of one version and is never used for another: vLLM goes on answering with the
    weights that it first read under a name.
    """

    title: ClassVar[Words] = Words("vLLM server", "vLLM 服务器")
    help: ClassVar[Words] = Words(
        "Passes requests on to a vLLM server, which loads adapters itself.",
        "把请求转发给 vLLM 服务器，适配器由其自行加载。",
    )

    _held: set[str] = PrivateAttr(default_factory=set)
    _loading: asyncio.Lock = PrivateAttr(default_factory=asyncio.Lock)

    async def drop(self, adapter: str) -> None:
        if adapter in self._held:
            self._held.discard(adapter)
            root = self.url.rstrip("/")
            await self._client.post(f"{root}/unload_lora_adapter", json={"lora_name": adapter})

    async def _name(self, ask: Ask) -> str:
        if ask.adapter is None:
            return self.model or ask.model
        async with self._loading:
            if ask.adapter.name not in self._held:
                body = {"lora_name": ask.adapter.name, "lora_path": ask.adapter.folder}
                response = await self._client.post("load_lora_adapter", json=body)
                if response.status_code >= 400 and "already" not in response.text:
                    raise ModelError(f"vLLM at {self.url} did not load {ask.adapter.name}: {response.text[:300]}")
                self._held.add(ask.adapter.name)
        return ask.adapter.name
