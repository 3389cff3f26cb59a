"""`/v1/uploads`: a file that comes in parts, each of which may be sent again when its connection broke."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.openai.files import refused_file
from tuneloop.app.http.openai.multipart import plain_name, read_upload
from tuneloop.app.http.parameters import unknown
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.app.http.settings import MEGABYTE, Rules
from tuneloop.errors import ConflictError, InputError, NotFoundError, UsageError
from tuneloop.jobs import in_parts
from tuneloop.jobs import uploads as checks
from tuneloop.jobs.shaping import shaped_part, shaped_upload
from tuneloop.store import Workspace, files, uploads
from tuneloop.store.uploads import Upload

router = APIRouter(tags=["files"])


class ExpiresAfter(BaseModel):
    model_config = ConfigDict(extra="forbid")
    anchor: Literal["created_at"]
    seconds: int


class Ours(BaseModel):
    model_config = ConfigDict(extra="forbid")
    on_bad_rows: Literal["refuse", "set_aside"] | None = None


class Declared(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"filename": "t.jsonl", "bytes": 2048, "mime_type": "application/jsonl", "purpose": "fine-tune"}
            ]
        },
    )
    filename: str = Field(min_length=1, max_length=1000)
    bytes: int = Field(ge=1, le=2**53)
    mime_type: str = Field(max_length=255, description="Taken; what a file is is read from the file.")
    purpose: str = Field(max_length=32, description="As for `/v1/files`.")
    expires_after: ExpiresAfter | None = None
    tuneloop: Ours | None = None


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid")
    part_ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=uploads.MOST_PARTS)
    md5: str | None = Field(None, max_length=64, description="Of the whole file, in hex.")


@router.post("/uploads")
def create_upload(request: Request, body: Declared, caller: Caller = needs("files:write")) -> dict[str, Any]:
    """Declare a file that will come in parts, within an hour."""
    ws = service(request).ws
    options = body.tuneloop.model_dump(exclude_none=True) if body.tuneloop else {}
    try:
        one = in_parts.begin(
            ws,
            filename=plain_name(body.filename),
            purpose=body.purpose,
            size=body.bytes,
            expires_after=body.expires_after.seconds if body.expires_after else None,
            options=options,
            owner=caller.user,
            most=min(checks.MOST_BYTES, Rules.of(service(request)).settings.upload_megabytes * MEGABYTE),
        )
    except UsageError as error:
        field = error.where.field if error.where else None
        if field == "bytes" and body.bytes > 0:
            raise HttpError(413, str(error), param="bytes", code="file_too_large") from None
        raise HttpError(400, str(error), param=field, code="invalid_value") from None
    return shaped_upload(one, None)


@router.post("/uploads/{upload_id}/parts", openapi_extra={"requestBody": {"required": True, "content": {
    "multipart/form-data": {"schema": {
        "type": "object", "required": ["data"], "properties": {"data": {"type": "string", "format": "binary"}},
    }}}}})  # fmt: skip
async def add_part(request: Request, upload_id: str, caller: Caller = needs("files:write")) -> dict[str, Any]:
    """One part, of at most 64 MB: the form's `data`."""
    ws = service(request).ws
    one = await run_in_threadpool(_upload, ws, upload_id)  # what cannot be taken is refused before its bytes are read
    if one.status != "pending":
        raise HttpError(400, f"{one.id} is {one.status}.", param="upload_id", code=uploads.UploadEnded.code)
    form = await read_upload(request, ws, in_parts.MOST_PART, "data")
    try:
        if form.part is None:
            raise HttpError(400, "The part `data` is missing.", param="data", code="missing_required_parameter")
        if form.fields:
            raise unknown(next(iter(form.fields)), ["data"])
        try:
            return shaped_part(await run_in_threadpool(in_parts.add, ws, upload_id, form.part))
        except UsageError as error:
            raise _refused(error) from None
    finally:
        if form.part is not None:
            form.part.unlink(missing_ok=True)


@router.post("/uploads/{upload_id}/complete")
def complete_upload(
    request: Request, upload_id: str, body: Named, caller: Caller = needs("files:write")
) -> dict[str, Any]:
    """Put the parts together in this order: the file is then checked as one that came in one piece."""
    ws = service(request).ws
    _upload(ws, upload_id)
    try:
        one = in_parts.complete(ws, upload_id, body.part_ids, body.md5)
    except (in_parts.SizeMismatch, in_parts.ChecksumMismatch, uploads.UploadEnded) as error:
        raise _refused(error) from None
    except (UsageError, InputError, ConflictError) as error:
        where = error.where.field if error.where else None
        if where == "part_ids":
            raise HttpError(400, str(error), param=where, code="invalid_value") from None
        raise refused_file(error) from None
    return _shaped(ws, one)


@router.post("/uploads/{upload_id}/cancel")
def cancel_upload(request: Request, upload_id: str, caller: Caller = needs("files:write")) -> dict[str, Any]:
    """No part can be added any more, and those that came are removed."""
    ws = service(request).ws
    _upload(ws, upload_id)
    try:
        return _shaped(ws, uploads.cancel(ws, upload_id))
    except uploads.UploadEnded as error:
        raise _refused(error) from None


def _refused(error: UsageError) -> HttpError:
    code = "invalid_value" if type(error) is UsageError else error.code
    return HttpError(400, str(error), param=(error.where.field if error.where else None) or "upload_id", code=code)


def _shaped(ws: Workspace, one: Upload) -> dict[str, Any]:
    try:
        file = files.file(ws, one.file) if one.file else None
    except NotFoundError:
        file = None
    return shaped_upload(one, file)


def _upload(ws: Workspace, identity: str) -> Upload:
    try:
        return uploads.upload(ws, identity)
    except NotFoundError as error:
        raise HttpError(404, error.message, param="upload_id") from None
