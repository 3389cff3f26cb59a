"""`/v1/files`: uploads, checked as a whole when they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from tuneloop.access import audit
from tuneloop.app.http.calling import quick
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.openai.multipart import read_upload
from tuneloop.app.http.parameters import unknown
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import ConflictError, InputError, NotFoundError, UnknownKeyError, UsageError
from tuneloop.jobs import uploads
from tuneloop.jobs.shaping import shaped_file
from tuneloop.prepare.checking import NotDictionary
from tuneloop.store import files
from tuneloop.store.files import File

router = APIRouter(tags=["files"])
CHUNK = 1 << 16
FORM = ("file", "purpose", "expires_after[anchor]", "expires_after[seconds]", "tuneloop[on_bad_rows]")


@router.post("/files", openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {
    "type": "object", "required": ["file", "purpose"], "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {"type": "string", "enum": list(uploads.PURPOSES)},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": uploads.SOONEST, "maximum": uploads.LATEST},
        "tuneloop[on_bad_rows]": {"type": "string", "enum": list(uploads.BAD_ROWS)},
    }}}}}})  # fmt: skip
async def create_file(request: Request, caller: Caller = needs("files:write")) -> dict[str, Any]:
    """Upload a file: the part `file`, and `purpose`."""
    ws = service(request).ws
    upload = await read_upload(request, ws, uploads.MOST_BYTES)
    try:
        if upload.part is None:
            raise HttpError(400, "The part `file` is missing.", param="file", code="missing_required_parameter")
        if "purpose" not in upload.fields:
            raise HttpError(400, "The part `purpose` is missing.", param="purpose", code="missing_required_parameter")
        expires_after, options = _asked(dict(upload.fields))
        return shaped_file(
            await run_in_threadpool(
                _keep,
                request,
                upload.part,
                filename=upload.filename,
                purpose=upload.fields["purpose"],
                expires_after=expires_after,
                options=options,
                owner=caller.user,
            )
        )
    finally:
        if upload.part is not None:
            upload.part.unlink(missing_ok=True)


def _keep(request: Request, part: Any, **asked: Any) -> File:
    try:
        return uploads.keep(service(request).ws, part, **asked)
    except (UsageError, InputError, ConflictError) as error:
        raise refused_file(error) from None


def refused_file(error: UsageError | InputError | ConflictError) -> HttpError:
    """The answer to a file that cannot be kept."""
    if isinstance(error, NotDictionary):
        return HttpError(400, str(error))
    if isinstance(error, ConflictError):  # its bytes were deleted in the same moment: sending it again helps
        return HttpError(503, str(error), code="try_again", headers={"retry-after": "1"})
    field = error.where.field if error.where and error.where.field else "file"
    code = error.code if isinstance(error, UnknownKeyError) else "invalid_file"
    return HttpError(400, str(error), param=field, code=code)


def _asked(fields: dict[str, str]) -> tuple[int | None, dict[str, str]]:
    """`expires_after[seconds]` and `tuneloop[…]` of the form; every other field is refused by name."""
    fields.pop("purpose")
    anchor = fields.pop("expires_after[anchor]", None)
    seconds = fields.pop("expires_after[seconds]", None)
    if anchor not in (None, "created_at"):
        raise HttpError(
            400, f"Found {anchor!r}; expected created_at.", param="expires_after.anchor", code="invalid_value"
        )
    if (anchor is None) != (seconds is None):
        raise HttpError(400, "Send both `anchor` and `seconds`.", param="expires_after", code="invalid_value")
    if seconds is not None and not (seconds.isdecimal() and len(seconds) < 12):
        raise HttpError(
            400, f"Found {seconds!r}; expected whole seconds.", param="expires_after.seconds", code="invalid_value"
        )
    options = {}
    for key in list(fields):
        if key.startswith("tuneloop[") and key.endswith("]"):
            options[key[len("tuneloop[") : -1]] = fields.pop(key)
    if fields:
        name = next(iter(fields))
        raise unknown(name, FORM)
    return (None if seconds is None else int(seconds)), options


@router.get("/files")
def list_files(
    request: Request,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    purpose: files.Purpose | None = None,
    caller: Caller = needs("files:read"),
) -> dict[str, Any]:
    """A page of files, newest first unless `order` says asc."""
    found, more = files.files(service(request).ws, purpose=purpose, after=after, order=order, limit=limit)
    return {
        "object": "list",
        "data": [shaped_file(one) for one in found],
        "first_id": found[0].id if found else None,
        "last_id": found[-1].id if found else None,
        "has_more": more,
    }


@router.get("/files/{file_id}")
@quick
def retrieve_file(request: Request, file_id: str, caller: Caller = needs("files:read")) -> dict[str, Any]:
    return shaped_file(_file(request, file_id))


@router.get("/files/{file_id}/content", response_class=StreamingResponse)
def file_content(request: Request, file_id: str, caller: Caller = needs("files:read")) -> StreamingResponse:
    """The bytes as they were sent."""
    one = _file(request, file_id)
    # Opened here and not in the stream: a file that is deleted meanwhile is still read to its end.
    opened = files.content(service(request).ws, one).open("rb")

    def chunks() -> Iterator[bytes]:
        with opened:
            while chunk := opened.read(CHUNK):
                yield chunk

    return StreamingResponse(
        chunks(), media_type="application/octet-stream", headers={"content-length": str(one.bytes)}
    )


@router.delete("/files/{file_id}")
def delete_file(request: Request, file_id: str, caller: Caller = needs("files:write")) -> dict[str, Any]:
    """Refused with 409 while a live job reads the file."""

    def noted(connection: Connection) -> None:
        audit.note(connection, audit.acting(), "file.remove", file_id)

    try:
        files.delete_file(service(request).ws, file_id, noted)
    except NotFoundError as error:
        raise _unknown(error) from None
    except ConflictError as error:
        raise HttpError(409, str(error), param="file_id", code="file_in_use") from None
    return {"id": file_id, "object": "file", "deleted": True}


def _file(request: Request, file_id: str) -> File:
    try:
        return files.file(service(request).ws, file_id)
    except NotFoundError as error:
        raise _unknown(error) from None


def _unknown(error: NotFoundError) -> HttpError:
    return HttpError(404, error.message, param="id")
