"""A stand-in for a vLLM server, as its documentation and source (commit 00153c8) say: routes, statuses, bodies.

Adapters are loaded and unloaded at run time where `updating` is on; else those routes are not there.  A name is loaded
once: again is 400.  Errors carry `{"error": {message, type, param, code}}` with the status as a number for `code`;
`flat` gives the older shape.  `restart` forgets what was loaded.  It answers with the name that was asked for.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

BASE, CONTEXT = "some/base", 64


class StandIn:
    def __init__(self, *, updating: bool = True, key: str | None = None, flat: bool = False) -> None:
        self.updating, self.key, self.flat = updating, key, flat
        self.adapters: dict[str, str] = {}
        self.calls: list[str] = []
        self.left = 0
        """Streams that their reader left before the end: vLLM stops writing them."""
        self.abort = False
        """Break answers off after the first piece, as an engine does that is stopped."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def restart(self) -> None:
        self.adapters.clear()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def keyed(request: Request, call_next: Any) -> Response:
            self.calls.append(request.url.path)
            sent = request.headers.get("authorization")
            if self.key and request.url.path.startswith("/v1") and sent != f"Bearer {self.key}":
                return JSONResponse({"error": "Unauthorized"}, 401)
            found: Response = await call_next(request)
            return found

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            base = {"id": BASE, "object": "model", "root": BASE, "parent": None, "max_model_len": CONTEXT}
            held = [{"id": name, "object": "model", "root": path, "parent": BASE, "max_model_len": None}
                    for name, path in self.adapters.items()]  # fmt: skip
            return {"object": "list", "data": [base, *held]}

        if self.updating:
            app.post("/v1/load_lora_adapter")(self.load)
            app.post("/v1/unload_lora_adapter")(self.unload)
        app.post("/v1/chat/completions")(self.answer)
        app.post("/v1/completions")(self.answer)
        return app

    async def load(self, request: Request) -> Response:
        body = await request.json()
        name, path = body.get("lora_name"), body.get("lora_path")
        if not name or not path:
            return self.error(400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided.")
        if name in self.adapters and not body.get("load_inplace"):
            told = (
                f"The lora adapter '{name}' has already been loaded. If you want to load the adapter in place, set "
                "'load_inplace' to True."
            )
            return self.error(400, "InvalidUserInput", told)
        if not (Path(path) / "adapter_config.json").is_file():
            return self.error(404, "NotFoundError", f"Loading lora {name} failed: No adapter found for {path}")
        await asyncio.sleep(0.05)
        self.adapters[name] = path
        return Response(f"Success: LoRA adapter '{name}' added successfully.")

    async def unload(self, request: Request) -> Response:
        name = (await request.json()).get("lora_name")
        if not name:
            return self.error(400, "InvalidUserInput", "'lora_name' needs to be provided to unload a LoRA adapter.")
        if name not in self.adapters:
            return self.error(404, "NotFoundError", f"The lora adapter '{name}' cannot be found.")
        del self.adapters[name]
        return Response(f"Success: LoRA adapter '{name}' removed successfully.")

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        name = body["model"]
        if name != BASE and name not in self.adapters:
            return self.error(404, "NotFoundError", f"The model `{name}` does not exist.", "model")
        text = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        if len(text) > CONTEXT:
            told = (
                f"This model's maximum context length is {CONTEXT} tokens. However, you requested 1 output tokens and "
                f"your prompt contains at least {len(text)} input tokens, for a total of at least {len(text) + 1}."
            )
            return self.error(400, "BadRequestError", told, "input_tokens")
        return StreamingResponse(self.chunks(body, name), media_type="text/event-stream")

    async def chunks(self, body: dict[str, Any], name: str) -> AsyncIterator[str]:
        chat = "messages" in body
        pieces = [name] if body.get("max_tokens") != 60 else ["on "] * 60
        left = True
        try:
            for piece in pieces:
                what = {"delta": {"content": piece}} if chat else {"text": piece}
                yield _data({"choices": [{"index": 0, **what, "logprobs": None, "finish_reason": None}]})
                if self.abort or len(pieces) > 1:
                    await asyncio.sleep(0.05)
                if self.abort:
                    break
            what = {"delta": {}} if chat else {"text": ""}
            reason = "abort" if self.abort else "stop"
            yield _data({"choices": [{"index": 0, **what, "logprobs": None, "finish_reason": reason}]})
            yield _data({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": len(pieces)}})
            yield "data: [DONE]\n\n"
            left = False
        finally:
            self.left += left

    def error(self, status: int, kind: str, message: str, param: str | None = None) -> JSONResponse:
        told: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": status}
        return JSONResponse({"object": "error", **told} if self.flat else {"error": told}, status)


def _data(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"


@contextmanager
def standing_in(stand_in: StandIn) -> Iterator[StandIn]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        stand_in.port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(stand_in.app(), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        try:
            yield stand_in
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
