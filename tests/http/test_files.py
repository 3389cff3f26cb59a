"""Uploads by the official client: stored whole or not at all, checked line by line, listed in a total order."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from tests.jobs.served import chat_line, chat_lines, client_of, jsonl, openai_client, served

from tuneloop.store import Workspace, files


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return client_of(ws)


def upload(client: TestClient, data: bytes, name: str = "train.jsonl", **fields: str) -> Any:
    return client.post("/v1/files", data={"purpose": "fine-tune", **fields}, files={"file": (name, data)})


def parts_left(ws: Workspace) -> list[Path]:
    return list((ws.folder / "blobs").glob(".part-*"))


def test_the_official_client_does_all_it_can(ws: Workspace) -> None:
    with served(ws) as address, openai_client(address) as client:
        data = b"\xef\xbb\xbf" + jsonl(chat_lines(11))
        made = client.files.create(
            file=("训练.jsonl", data), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
        )
        assert (made.filename, made.bytes, made.status, made.purpose) == (
            "训练.jsonl",
            len(data),
            "processed",
            "fine-tune",
        )
        assert made.expires_at == made.created_at + 3600
        assert made.status_details is None
        found = made.model_extra["tuneloop"]["validation"]  # type: ignore[index]
        assert (found["format"], found["examples"], found["unusable"], found["valid"]) == ("chat", 11, 0, True)
        assert client.files.wait_for_processing(made.id).id == made.id
        assert client.files.content(made.id).read() == data
        assert [one.id for one in client.files.list()] == [made.id]
        assert client.files.delete(made.id).deleted
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {made.id}") as caught:
            client.files.retrieve(made.id)
        assert (caught.value.param, caught.value.request_id is not None) == ("id", True)
        assert not [file for file in (ws.folder / "blobs").rglob("*") if file.is_file()]


def test_pages_of_files_of_one_second_hold_each_once(ws: Workspace) -> None:
    with served(ws) as address, openai_client(address) as client:
        made = [client.files.create(file=("a.txt", b"x%d" % n), purpose="user_data").id for n in range(7)]
        assert [one.id for one in client.files.list(limit=2)] == made[::-1]
        assert [one.id for one in client.files.list(limit=3, order="asc")] == made
        assert [one.id for one in client.files.list(purpose="evals")] == []
        with pytest.raises(openai.BadRequestError) as caught:
            client.files.list(after="file-nobody")
        assert caught.value.param == "after"


def test_a_line_that_is_no_object_is_refused_in_the_service_s_words(client: TestClient, ws: Workspace) -> None:
    answer = upload(client, b'{"p\n' + jsonl(chat_lines(10)))
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "Expected file to have JSONL format, where every line is a JSON dictionary. "
        'Line 1 is not a dictionary (HINT: line starts with: "{"p...").',
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert not parts_left(ws)
    assert files.files(ws) == ([], False)


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ({"messages": [{"content": "a"}]}, "message_missing_key", "Example 11, message 1 Discriminator 'role' is miss"),
        ({"messages": []}, "missing_messages_list", 'Line 11, key "messages": At least one message is required.'),
        ({"text": "a"}, "missing_messages_list", "Unexpected file format, expected either prompt/completion pairs or"),
        (
            {"messages": [{"role": "system", "content": "a"}]},
            "example_missing_assistant_message",
            'Line 11, key "messages": At least one message must be from the assistant.',
        ),
        ({"messages": [{"role": "boss", "content": "a"}]}, "unrecognized_role", 'Found "boss", expected one of system'),
        (chat_line("a", ""), "missing_content", 'key "messages[1].content": Found "", expected a text.'),
        (
            {"messages": [{"role": "user", "content": "a", "weight": 1}]},
            "invalid_weight",
            "Only messages of the assistant have a weight.",
        ),
    ],
)
def test_unusable_lines_are_named_with_what_to_do(
    client: TestClient, line: dict[str, Any], code: str, text: str
) -> None:
    made = upload(client, jsonl([*chat_lines(10), line])).json()
    found = made["tuneloop"]["validation"]
    (problem,) = found["problems"]["supervised"]
    assert (problem["line"], problem["code"]) == (11, code)
    assert text in problem["message"]
    assert problem["fix"]["en"]
    assert problem["fix"]["zh"]
    assert (found["unusable"], found["errors"], found["valid"]) == (1, {code: 1}, False)
    assert text in made["status_details"]


def test_other_methods_and_formats(client: TestClient) -> None:
    pair = {
        "input": {"messages": [{"role": "user", "content": "a?"}]},
        "preferred_output": [{"role": "assistant", "content": "good"}],
        "non_preferred_output": [{"role": "assistant", "content": "bad"}],
    }
    asked = {"messages": [{"role": "user", "content": "1+1"}], "answer": "2"}
    cases = [
        (jsonl([pair] * 10), "a.jsonl", "preference", "dpo"),
        (jsonl([asked] * 10), "a.jsonl", "reinforcement", "reinforcement"),
        (jsonl([{"prompt": "a", "completion": " b"}] * 10), "a.jsonl", "completion", "supervised"),
        (("question,answer\n" + "was?,das\n" * 10).encode(), "a.csv", "chat", "supervised"),
    ]
    for data, name, form, method in cases:
        found = upload(client, data, name).json()["tuneloop"]["validation"]
        assert (found["format"], found["method"], found["usable"][method]) == (form, method, 10), found
    wrong = upload(client, jsonl([{**pair, "preferred_output": []}, *[pair] * 9]), "a.jsonl").json()
    assert 'key "preferred_output": At least one message is required.' in wrong["status_details"]


def test_the_distribution_of_tokens_has_true_percentiles(client: TestClient) -> None:
    rows = [chat_line("q", "word " * n) for n in range(1, 101)]
    found = upload(client, jsonl(rows)).json()["tuneloop"]["validation"]
    about = found["tokens"]
    assert about["min"] < about["p5"] < about["median"] < about["p95"] < about["max"]
    spread = about["max"] - about["min"]
    assert (about["p95"] - about["min"]) / spread == pytest.approx(0.95, abs=0.02)
    assert found["epochs"] == 3
    assert {"missing_system"} <= {one["code"] for one in found["warnings"]}


def test_wrong_forms_are_refused_with_the_field(client: TestClient, ws: Workspace) -> None:
    cases = [
        (upload(client, b"{}", purpose="assistants"), "purpose"),
        (upload(client, b""), "file"),
        (upload(client, b"{}", **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "5"}),
         "expires_after.seconds"),
        (upload(client, b"{}", **{"expires_after[seconds]": "5000"}), "expires_after"),
        (upload(client, b"{}", colour="red"), "colour"),
        (upload(client, b"{}", **{"tuneloop[on_bad_rows]": "no"}), "tuneloop.on_bad_rows"),
        (client.post("/v1/files", data={"purpose": "fine-tune"}), "file"),
        (client.post("/v1/files", files={"file": b"{}"}), "purpose"),
        (client.post("/v1/files", json={"purpose": "fine-tune"}), "file"),
    ]  # fmt: skip
    for answer, param in cases:
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert not parts_left(ws)


def test_an_unknown_field_is_told_with_the_nearest_known_one(client: TestClient) -> None:
    for field, param, near in (
        ("porpose", "porpose", "did you mean 'purpose'?"),
        ("tuneloop[on_bad_row]", "tuneloop.on_bad_row", "Did you mean 'on_bad_rows'?"),
    ):
        told = upload(client, b"{}", **{field: "refuse"}).json()["error"]
        assert (told["code"], told["param"]) == ("unknown_parameter", param)
        assert near in told["message"]


def test_a_body_that_is_cut_off_leaves_nothing(client: TestClient, ws: Workspace) -> None:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    answer = client.post("/v1/files", content=head, headers={"content-type": "multipart/form-data; boundary=X"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_multipart")
    assert not parts_left(ws)


def test_too_large_a_file_is_refused_while_it_streams(
    client: TestClient, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuneloop.jobs.uploads.MOST_BYTES", 1 << 20)
    answer = upload(client, b"x" * (3 << 20), purpose="user_data")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")
    assert not parts_left(ws)


def test_a_full_disk_is_507_and_keeps_nothing(
    client: TestClient, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open

    def open_full(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        return Full() if self.name.startswith(".part-") and mode == "wb" else real(self, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", open_full)
    answer = upload(client, b"x", purpose="user_data")
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage")
    monkeypatch.undo()
    assert not parts_left(ws)
    assert files.files(ws) == ([], False)


def test_the_same_content_twice_is_kept_once_until_both_are_gone(client: TestClient, ws: Workspace) -> None:
    first, second = (upload(client, b"same", purpose="user_data").json()["id"] for _ in range(2))
    address = files.file(ws, first).digest
    client.delete(f"/v1/files/{first}")
    assert client.get(f"/v1/files/{second}/content").content == b"same"
    client.delete(f"/v1/files/{second}")
    assert not ws.blobs.has(address)


def test_files_expire(client: TestClient, ws: Workspace) -> None:
    made = upload(client, b"x", purpose="user_data").json()["id"]
    kept = upload(client, b"y", purpose="user_data").json()["id"]
    from sqlalchemy import update

    from tuneloop.store.jobs_tables import files as table

    with ws.db.write() as connection:
        connection.execute(update(table).where(table.c.id == made).values(expires=1.0))
    assert client.get(f"/v1/files/{made}").status_code == 404
    assert files.delete_expired(ws) == [made]
    assert [one["id"] for one in client.get("/v1/files").json()["data"]] == [kept]


def test_a_name_from_outside_is_only_a_name(client: TestClient) -> None:
    made = upload(client, b"x", "..\\..\\etc/pass\x1bwd", purpose="user_data").json()
    assert made["filename"] == "passwd"
