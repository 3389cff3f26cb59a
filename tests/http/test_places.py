"""Addresses over HTTP: what the server's settings name is read, and nothing else of the server or its network."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fastapi.testclient import TestClient
from tests.http.serving import As

from tuneloop.app.cli.main import main
from tuneloop.app.http.addresses import CHOOSING, ServedPlaces, served
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.app.http.settings import Rules, ServeSettings
from tuneloop.app.wiring import work
from tuneloop.config import read
from tuneloop.errors import InputError, SettingError, UsageError
from tuneloop.prepare.place import places
from tuneloop.runs import queue
from tuneloop.store import Workspace, files


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def crm(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE faq (id INTEGER PRIMARY KEY, question TEXT, answer TEXT)")
        connection.execute("CREATE TABLE staff (id INTEGER PRIMARY KEY, question TEXT, answer TEXT)")
        rows = [(f"第{n}个问题是什么？", f"这是第{n}个答案。") for n in range(20)]
        connection.executemany("INSERT INTO faq (question, answer) VALUES (?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path / 'crm.db'}"


def client_of(ws: Workspace, role: str = "trainer", **given: Any) -> TestClient:
    rules = Rules(read(ServeSettings, {"places": given}))
    return TestClient(As(make_app(Service(ws, {"rules": rules})), role), base_url="http://127.0.0.1")  # type: ignore[arg-type]


def begin(client: TestClient, *addresses: str, **recipe: Any) -> Any:
    body = {"stage": "prepare", "addresses": list(addresses), "recipe": {"steps": [], **recipe}}
    return client.post("/api/runs", json=body)


def done(ws: Workspace, run: str) -> None:
    lease = queue.claim(ws, run)
    assert lease is not None
    with lease:
        work(ws, lease)


def test_a_database_that_the_settings_name(ws: Workspace, crm: str) -> None:
    client = client_of(ws, databases={"crm": {"address": crm}})
    run = begin(client, "database:crm#faq", places={"sql": {"key": "id"}}).json()
    done(ws, run["id"])
    ended = client.get(f"/api/runs/{run['id']}").json()
    assert ended["state"] == "succeeded"
    version = client.get(f"/api/versions/{ended['result']['data']}").json()
    assert sum(version["splits"].values()) == 20
    assert client.get("/api/sources").json()["data"][0]["details"]["table"] == "faq"


def test_a_store_that_the_settings_name(ws: Workspace) -> None:
    there = fsspec.filesystem("memory")
    there.pipe("/bucket/team/a.jsonl", b'{"question": "q", "answer": "a"}\n')
    try:
        client = client_of(ws, stores={"lake": "memory://bucket/team"})
        done(ws, begin(client, "store:lake/*.jsonl").json()["id"])
        assert client.get("/api/sources").json()["data"][0]["name"] == "memory://bucket/team/*.jsonl"
    finally:
        there.store.clear()
        there.pseudo_dirs[:] = [""]


def test_an_uploaded_list_of_pages_leads_not_inside(ws: Workspace) -> None:
    text = b"http://127.0.0.1:1/a\nhttp://169.254.169.254/latest/meta-data/\n"
    one = files.add_file(ws, ws.blobs.put(text), filename="list.txt", purpose="user_data", size=len(text))
    client = client_of(ws)
    run = begin(client, f"web:{one.id}").json()["id"]
    with pytest.raises(InputError, match="inside the network"):
        done(ws, run)
    assert "inside the network" in client.get(f"/api/runs/{run}").json()["error"]["message"]


REFUSED = [
    "/etc/passwd", "../secret.jsonl", "secret.jsonl", "file:///etc/passwd", "sqlite:////srv/other.db",
    "sqlite:///crm.db", "postgresql://reader@db/crm", "s3://bucket/a", "memory://bucket", "local:/etc", "~/x", "",
    "web:/etc/hosts", "web:list.txt", "web:file-../../x", "database:other", "database:", "store:lake/../other",
    "store:lake/a::memory://b", "store:other/a", "store:", "ftp://1.1.1.1/a", "hf+file:///x", " /etc/passwd",
    "dir:///etc", "jdbc:x",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_what_the_settings_do_not_name_is_not_read(ws: Workspace, crm: str, address: str) -> None:
    client = client_of(ws, databases={"crm": {"address": crm}}, stores={"lake": "s3://bucket/team"})
    answer = begin(client, address)
    assert answer.status_code in (400, 404), answer.json()
    assert queue.list(ws) == []


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("web", {"hosts": ["127.0.0.1"]}), ("web", {"max_megabytes": 10**6}), ("web", {"delay": 0}),
        ("sql", {"password_from": "AWS_SECRET_ACCESS_KEY"}), ("huggingface", {"token": True}),
        ("modelscope", {"token": True}), ("huggingface", {"spool_gigabytes": 10**6}),
        ("object_store", {"options": {"endpoint_url": "http://10.0.0.1"}}), ("local", {"x": 1}), ("other", {"x": 1}),
    ],
)  # fmt: skip
def test_settings_that_are_the_server_s_are_refused(ws: Workspace, place: str, values: dict[str, Any]) -> None:
    answer = begin(client_of(ws), "https://a.example/", places={place: values})
    assert answer.status_code == 400
    assert "over HTTP only" in answer.json()["error"]["message"]
    assert queue.list(ws) == []


def test_what_a_caller_may_set_are_settings() -> None:
    for name, keys in CHOOSING.items():
        assert keys <= set(places.load(name).model_fields)


@pytest.mark.parametrize("odd", [[], [1], "x", 3, None, {"sql": []}, {"sql": "x"}, {"web": None}])
def test_odd_places_are_refused(ws: Workspace, odd: Any) -> None:
    assert begin(client_of(ws), "https://a.example/", places=odd).status_code == 400
    assert queue.list(ws) == []


def test_tables_and_switches(ws: Workspace, crm: str) -> None:
    named = {"crm": {"address": crm, "tables": ["faq"]}}
    client = client_of(ws, databases=named, web=False, hubs=False)
    assert begin(client, "database:crm#faq").status_code == 201
    assert begin(client, "database:crm", places={"sql": {"table": "faq"}}).status_code == 201
    for answer in (
        begin(client, "database:crm#staff"),
        begin(client, "database:crm"),
        begin(client, "database:crm", places={"sql": {"query": "SELECT * FROM staff"}}),
        begin(client, "database:crm#faq", places={"sql": {"query": "SELECT * FROM staff"}}),
        begin(client, "https://a.example/"),
        begin(client, "hf:owner/name"),
        begin(client, "modelscope:owner/name"),
    ):
        assert answer.status_code == 400, answer.json()
    assert begin(client_of(ws, "viewer"), "https://a.example/").status_code == 403  # type: ignore[arg-type]


def test_tokens_of_the_server_are_not_lent() -> None:
    _, recipe = served(["hf:owner/name"], {}, ServedPlaces())
    assert recipe["places"]["huggingface"] == {"token": False}
    _, recipe = served(["modelscope:owner/name"], {}, ServedPlaces(hub_token=True))
    assert recipe["places"]["modelscope"] == {"token": True}


def test_passwords_are_in_no_settings_and_no_runs(ws: Workspace, tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(SettingError) as caught:
        read(ServeSettings, {"places": {"databases": {"crm": {"address": "postgresql://u:s3cretword@db/crm"}}}})
    assert "s3cretword" not in str(caught.value)
    file = tmp_path / "server.yaml"
    file.write_text("places: {databases: {crm: {address: 'postgresql://u:s3cretword@db/crm'}}}", encoding="utf-8")
    assert main(["serve", "--settings", str(file), "-w", str(ws.folder)]) == 2
    assert "s3cretword" not in "".join(capsys.readouterr())

    named = {"crm": {"address": "postgresql+psycopg://u@127.0.0.1:1/crm", "password_from": "CRM_PASSWORD"}}
    run = begin(client_of(ws, databases=named), "database:crm#faq").json()["id"]
    spec = queue.show(ws, run).spec
    assert spec["prepare"]["places"]["sql"] == {"password_from": "CRM_PASSWORD"}
    assert "s3cretword" not in json.dumps(spec)


def test_two_databases_in_one_run_are_refused() -> None:
    named = {name: {"address": f"sqlite:///{name}.db"} for name in ("a", "b")}
    with pytest.raises(UsageError, match="one a run"):
        served(["database:a#x", "database:b#x"], {}, read(ServedPlaces, {"databases": named}))


def test_the_command_takes_addresses(ws: Workspace, crm: str, capsys: Any) -> None:
    words = ["prepare", crm, "-w", str(ws.folder), "--json"]
    assert main([*words, "--set", "places.sql.query=SELECT question, answer FROM faq WHERE id < 11"]) == 0
    assert json.loads(capsys.readouterr().out)["report"]["counts"]["kept"] == 10
    assert main([f"{one}#faq" if one == crm else one for one in words]) == 0
    assert main([*words, "--set", "places.sqll.query=SELECT 1"]) == 2
    assert "Did you mean 'sql'" in capsys.readouterr().err
