"""`POST /v1/embeddings`: texts as vectors, by any base that can be loaded."""

from __future__ import annotations

import base64
import struct
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from tuneloop.app.http.answers import answer_to, refused, unless_gone
from tuneloop.app.http.errors import HttpError, unsupported
from tuneloop.app.http.openai.completions import MOST_CHOICES, Ids
from tuneloop.app.http.security import Caller, needs
from tuneloop.serve.asking import Ask, Failed, Vectors

router = APIRouter(tags=["embeddings"])

NUMBER = 4
"""Bytes of a float32."""


class EmbeddingRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"model": "starter", "input": ["a cat", "一只猫"]}]}
    )
    model: str = Field(min_length=1, max_length=500)
    input: str | Ids | Annotated[list[str | Ids], Field(min_length=1, max_length=MOST_CHOICES)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: StrictInt | None = None
    user: str | None = Field(None, max_length=512)


@router.post("/embeddings", response_model=None)
async def embeddings(
    request: Request, body: EmbeddingRequest, caller: Caller = needs("models:use")
) -> Response | dict[str, Any]:
    """The mean of each text's last hidden rows, of length 1; float32 numbers, or their bytes in base64.

    The log of exchanges keeps the texts that were asked about, not the vectors.
    """
    if body.dimensions is not None:
        raise unsupported("dimensions", "Vectors have the size of the model.")
    inputs: list[Any] = [body.input] if isinstance(body.input, str) else list(body.input)
    if isinstance(inputs[0], int):
        inputs = [inputs]
    if any(one == "" for one in inputs):
        raise HttpError(400, "`input` holds an empty text.", code="invalid_value", param="input")
    said = body.model_dump(exclude_none=True)
    answer, telling = await answer_to(request, caller, Ask("embed", prompts=inputs), said, "embd")

    async def vectors() -> Vectors | None:
        found = None
        async with aclosing(telling):
            async for told in telling:
                if isinstance(told, Failed):
                    await answer.note("failed")
                    raise refused(told)
                found = told if isinstance(told, Vectors) else found
        await answer.note("answered")
        return found

    found = await unless_gone(request, vectors())
    if found is None:
        await answer.note("cancelled")
        return Response(status_code=499)
    size = found.size * NUMBER
    rows = [found.data[start : start + size] for start in range(0, len(found.data), size)]
    shown: list[Any] = (
        [base64.b64encode(row).decode("ascii") for row in rows]
        if body.encoding_format == "base64"
        else [list(struct.unpack(f"<{found.size}f", row)) for row in rows]
    )
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(shown)]
    counts = {"prompt_tokens": answer.prompt_tokens, "total_tokens": answer.prompt_tokens}
    return {"object": "list", "data": data, "model": answer.model, "usage": counts}
