"""Files that come in parts, by the official client: put together, checked, given up; kills, full disks, rights."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from tests.http.team import make_team
from tests.jobs.served import chat_lines, client_of, jsonl, openai_client, served

from tuneloop.app.http.settings import Rules, ServeSettings
from tuneloop.jobs import keeping
from tuneloop.store import Workspace, files, uploads
from tuneloop.store.jobs_tables import uploads as table

DATA = jsonl(chat_lines(14))


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return client_of(ws)


@pytest.fixture
def official(ws: Workspace) -> Iterator[openai.OpenAI]:
    with served(ws) as address, openai_client(address) as client:
        yield client


def begin(client: TestClient, **more: Any) -> Any:
    body = {"filename": "t.jsonl", "bytes": len(DATA), "mime_type": "text/jsonl", "purpose": "fine-tune", **more}
    return client.post("/v1/uploads", json=body)


def part(client: TestClient, upload: str, data: bytes) -> Any:
    return client.post(f"/v1/uploads/{upload}/parts", files={"data": ("upload", data)})


def complete(client: TestClient, upload: str, parts: list[str], **more: Any) -> Any:
    return client.post(f"/v1/uploads/{upload}/complete", json={"part_ids": parts, **more})


def left(ws: Workspace) -> list[Path]:
    """Everything on the disk that belongs to no finished file."""
    folder = ws.folder / uploads.FOLDER
    parts = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return parts + list((ws.folder / "blobs").glob(".part-*"))


def test_the_official_client_sends_a_file_in_parts(official: openai.OpenAI, ws: Workspace, tmp_path: Path) -> None:
    upload = official.uploads.create(
        bytes=len(DATA), filename="t.jsonl", mime_type="text/jsonl", purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 4000}, extra_body={"tuneloop": {"on_bad_rows": "set_aside"}},
    )  # fmt: skip
    assert (upload.object, upload.status, upload.bytes, upload.file) == ("upload", "pending", len(DATA), None)
    assert upload.expires_at == upload.created_at + 3600
    pieces = [DATA[:100], DATA[100:700], DATA[700:]]
    sent = [official.uploads.parts.create(upload.id, data=piece) for piece in reversed(pieces)]
    assert {one.upload_id for one in sent} == {upload.id}
    assert sent[0].object == "upload.part"
    done = official.uploads.complete(
        upload.id, part_ids=[one.id for one in reversed(sent)], md5=hashlib.md5(DATA).hexdigest()
    )
    assert done.status == "completed"
    assert done.file is not None
    assert official.files.content(done.file.id).read() == DATA
    assert (done.file.bytes, done.file.filename, done.file.purpose) == (len(DATA), "t.jsonl", "fine-tune")
    assert done.file.expires_at == done.file.created_at + 4000
    assert done.file.tuneloop["validation"]["examples"] == 14  # type: ignore[attr-defined]
    assert files.file(ws, done.file.id).options == {"on_bad_rows": "set_aside"}
    assert not left(ws)
    path = tmp_path / "chunked.jsonl"
    path.write_bytes(DATA)
    whole = official.uploads.upload_file_chunked(
        file=path, mime_type="text/jsonl", purpose="fine-tune", part_size=300, md5=hashlib.md5(DATA).hexdigest()
    )
    assert whole.file is not None
    assert official.files.content(whole.file.id).read() == DATA
    job = official.fine_tuning.jobs.create(model="starter", training_file=whole.file.id)
    assert job.training_file == whole.file.id


def test_a_cancelled_upload_takes_nothing_more(official: openai.OpenAI, ws: Workspace) -> None:
    upload = official.uploads.create(bytes=10, filename="a.txt", mime_type="text/plain", purpose="user_data")
    first = official.uploads.parts.create(upload.id, data=b"12345")
    assert official.uploads.cancel(upload.id).status == "cancelled"
    assert official.uploads.cancel(upload.id).status == "cancelled"
    assert not left(ws)
    for ask in (
        lambda: official.uploads.parts.create(upload.id, data=b"67890"),
        lambda: official.uploads.complete(upload.id, part_ids=[first.id]),
    ):
        with pytest.raises(openai.BadRequestError) as told:
            ask()
        assert told.value.code == "upload_not_pending"
    with pytest.raises(openai.NotFoundError, match="No such Upload object: upload_none"):
        official.uploads.cancel("upload_none")


def test_an_upload_is_over_after_an_hour(client: TestClient, ws: Workspace) -> None:
    upload = begin(client).json()["id"]
    first = part(client, upload, DATA).json()["id"]
    with ws.db.write() as connection:
        connection.execute(update(table).values(expires=1.0))
    answer = complete(client, upload, [first])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "upload_not_pending")
    assert "expired" in answer.json()["error"]["message"]
    assert part(client, upload, b"x").status_code == 400
    assert left(ws)
    keeping.remove_expired(ws)
    assert not left(ws)
    assert complete(client, upload, [first]).status_code == 404  # an hour and a day later it is forgotten


def test_what_does_not_fit_what_was_declared_is_refused(client: TestClient, ws: Workspace) -> None:
    upload = begin(client).json()["id"]
    one, two = (part(client, upload, data).json()["id"] for data in (DATA[:50], DATA[50:]))
    for named, more, code, param in (
        ([one], {}, "size_mismatch", "part_ids"),
        ([one, one], {}, "invalid_value", "part_ids"),
        ([one, "part_none"], {}, "invalid_value", "part_ids"),
        ([], {}, "invalid_value", "part_ids"),
        ([one, two], {"md5": "0" * 32}, "checksum_mismatch", "md5"),
        ([one, two], {"md6": "0"}, "unknown_parameter", "md6"),
    ):
        answer = complete(client, upload, named, **more)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    wrong_order = complete(client, upload, [two, one])
    assert wrong_order.status_code == 400
    assert "Expected file to have JSONL format" in wrong_order.json()["error"]["message"]
    too_much = part(client, upload, DATA + b"\n")
    assert (too_much.status_code, too_much.json()["error"]["param"]) == (400, "data")
    assert part(client, upload, b"").status_code == 400
    assert complete(client, upload, [one, two], md5=hashlib.md5(DATA).hexdigest().upper()).json()["file"]["id"]
    assert not left(ws)


@pytest.mark.parametrize(
    ("more", "status", "param"),
    [
        ({"bytes": 0}, 400, "bytes"),
        ({"bytes": 513 * 2**20}, 413, "bytes"),
        ({"purpose": "assistants"}, 400, "purpose"),
        ({"filename": ""}, 400, "filename"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, 400, "expires_after.seconds"),
        ({"mime": "a"}, 400, "mime"),
    ],
)
def test_what_cannot_become_a_file_is_refused_at_once(
    client: TestClient, more: dict[str, Any], status: int, param: str
) -> None:
    answer = begin(client, **more)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_the_limit_of_files_holds_for_parts(tmp_path: Path) -> None:
    team = make_team(tmp_path / "w", Rules(ServeSettings(upload_megabytes=1)))
    client = team.client("trainer")
    assert begin(client, bytes=2**20 + 1).status_code == 413
    upload = begin(client, bytes=2**20).json()["id"]
    large = part(client, upload, b"x" * (2**20 + 2**17))
    assert (large.status_code, large.json()["error"]["param"]) == (413, "data")
    for role in ("viewer", "labeller"):
        assert begin(team.client(role)).status_code == 403
        assert part(team.client(role), upload, b"x").status_code == 403
        assert complete(team.client(role), upload, ["part_a"]).status_code == 403
    assert begin(team.client()).status_code == 401
    team.ws.close()


def test_a_part_that_is_cut_off_leaves_nothing(client: TestClient, ws: Workspace) -> None:
    upload = begin(client).json()["id"]
    body = b'--b\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\nhalf of it'
    answer = client.post(
        f"/v1/uploads/{upload}/parts", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_multipart")
    assert not left(ws)


def test_a_full_disk_is_507_and_the_upload_goes_on(
    client: TestClient, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(client).json()["id"]
    first = part(client, upload, DATA[:50]).json()["id"]

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = part(client, upload, DATA[50:])
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage")
    assert len(left(ws)) == 1
    second = part(client, upload, DATA[50:]).json()["id"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert complete(client, upload, [first, second]).status_code == 507
    assert len(left(ws)) == 2
    assert files.files(ws)[0] == []
    assert complete(client, upload, [first, second]).json()["status"] == "completed"


def test_completing_twice_makes_one_file(client: TestClient, ws: Workspace) -> None:
    upload = begin(client).json()["id"]
    one = part(client, upload, DATA).json()["id"]
    first, again = (complete(client, upload, [one]).json() for _ in range(2))
    assert first == again
    assert len(files.files(ws)[0]) == 1
    client.delete(f"/v1/files/{first['file']['id']}")
    assert complete(client, upload, [one]).json()["file"] is None


KILLED = """
import os, sys
from tuneloop.jobs import in_parts
from tuneloop.store import Workspace, files, uploads
where, folder, upload, *parts = sys.argv[1:]
die = lambda *_, **__: os._exit(9)
with Workspace.find(folder) as ws:
    if where == "joined":
        in_parts.keep = die
    elif where == "noted":
        uploads.completed = die
    elif where == "visible":
        uploads.forget_parts = die
    in_parts.complete(ws, upload, parts)
"""


@pytest.mark.parametrize(("where", "made"), [("joined", 0), ("noted", 0), ("visible", 1)])
def test_a_kill_in_the_middle_loses_no_part_and_doubles_no_file(
    client: TestClient, ws: Workspace, where: str, made: int
) -> None:
    upload = begin(client).json()["id"]
    parts = [part(client, upload, data).json()["id"] for data in (DATA[:50], DATA[50:])]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, where, str(ws.folder), upload, *parts], env={**os.environ}, timeout=120
    )
    assert killed.returncode == 9
    assert len(files.files(ws)[0]) == made
    done = complete(client, upload, parts).json()
    assert done["status"] == "completed"
    assert client.get(f"/v1/files/{done['file']['id']}/content").content == DATA
    assert len(files.files(ws)[0]) == 1
    keeping.remove_expired(ws)
    assert not (ws.folder / uploads.FOLDER / upload).exists()
