"""The routes of ours: what a page needs, paged, with one error shape, and each under its permission."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tuneloop import loop
from tuneloop.access.permissions import permissions_of
from tuneloop.app.http.application import make_app
from tuneloop.app.http.security import Caller
from tuneloop.app.http.service import Service
from tuneloop.app.wiring import work
from tuneloop.runs import queue
from tuneloop.serve.exchanges import Exchange, ExchangeLog
from tuneloop.store import Workspace, files, models

LINES = "\n".join(
    f'{{"question": "What is in drawer {n}?", "answer": "In drawer {n} lie {n} spoons and a cork."}}' for n in range(12)
)


class As:
    """Lets every request come from one caller."""

    def __init__(self, app: Any, role: Any) -> None:
        self.app, self.caller = app, Caller("person-1", "Li Na", role, permissions_of(role))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["caller"] = self.caller
        await self.app(scope, receive, send)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return TestClient(As(make_app(Service(ws)), "admin"), base_url="http://127.0.0.1")


@pytest.fixture
def data(ws: Workspace, tmp_path: Path) -> str:
    file = tmp_path / "drawers.jsonl"
    file.write_text(LINES + '\n{"question": "", "answer": ""}\n', encoding="utf-8")
    return loop.prepare(file, workspace=ws).name


@pytest.fixture
def model(ws: Workspace, data: str) -> str:
    folder = ws.path("models", "m1")
    (folder / "weights").write_text("w")
    return models.add_model(
        ws,
        base="starter",
        form="adapter",
        folder=folder,
        objective="sft",
        tuner="lora",
        recipe={},
        dataset=data,
    ).name


def test_versions_and_their_records_come_in_pages(client: TestClient, data: str) -> None:
    (version,) = client.get("/api/versions").json()["data"]
    assert version["name"] == data
    seen, after = [], None
    while True:
        got = client.get(f"/api/versions/{data}/records", params={"limit": 5, **({"after": after} if after else {})})
        seen += [row["id"] for row in got.json()["data"]]
        after = got.json()["next"]
        if not got.json()["has_more"]:
            break
    assert len(seen) == len(set(seen)) == sum(version["splits"].values())
    assert seen == sorted(seen)
    found = client.get(f"/api/versions/{data}/records", params={"contains": "DRAWER 7"}).json()["data"]
    assert len(found) == 1
    assert "7 spoons" in str(found[0]["payload"])
    split = client.get(f"/api/versions/{data}/records", params={"split": "test"}).json()["data"]
    assert len(split) == version["splits"].get("test", 0)


def test_a_record_is_traced_back_and_forward(client: TestClient, data: str, model: str) -> None:
    row = client.get(f"/api/versions/{data}/records", params={"limit": 1}).json()["data"][0]
    traced = client.get(f"/api/records/{row['id']}").json()
    assert traced["payload"] == row["payload"]
    assert traced["versions"] == [data]
    assert traced["models"] == [model]
    assert traced["origins"][0]["file"].endswith("drawers.jsonl")
    assert client.get("/api/records/r1:00").status_code == 404


def test_what_was_left_out_can_be_seen_and_restored(client: TestClient, data: str) -> None:
    every = client.get(f"/api/versions/{data}/outcomes", params={"limit": 1000}).json()["data"]
    assert len(every) == 13
    out = [one for one in every if one["outcome"] != "kept"]
    assert len(out) == 1
    again = client.get(f"/api/versions/{data}/outcomes", params={"reason": out[0]["reason"]}).json()["data"]
    assert again == out
    pages = client.get(f"/api/versions/{data}/outcomes", params={"limit": 12}).json()
    last = client.get(f"/api/versions/{data}/outcomes", params={"after": pages["next"]}).json()
    assert pages["data"] + last["data"] == every
    kept = next(one for one in every if one["outcome"] == "kept")
    refused = client.post(f"/api/versions/{data}/restores", json={"items": [[kept["source"], kept["item"]]]})
    assert refused.status_code == 400
    assert "is in the version already" in refused.json()["error"]["message"]


def test_a_model_is_approved_pointed_to_and_cannot_be_retired(client: TestClient, model: str) -> None:
    shown = client.get(f"/api/models/{model}").json()
    assert (shown["state"], shown["deployed"]) == ("candidate", False)
    refused = client.put("/api/aliases/support", json={"targets": [{"model": model}]})
    assert refused.status_code == 409
    assert refused.headers["x-should-retry"] == "false"
    assert client.post(f"/api/models/{model}/approvals", json={"state": "approved"}).json()["person"] == "Li Na"
    assert client.put("/api/aliases/support", json={"targets": [{"model": model}]}).status_code == 200
    assert client.get("/api/models", params={"state": "approved"}).json()["data"][0]["aliases"] == ["support"]
    assert client.post(f"/api/models/{model}/approvals", json={"state": "retired"}).status_code == 409
    assert client.delete("/api/aliases/support").status_code == 200
    assert client.get("/api/aliases").json()["data"] == []
    assert len(client.get("/api/aliases/support/history").json()["data"]) == 2


def test_lineage(client: TestClient, model: str, data: str) -> None:
    told = client.get(f"/api/models/{model}/lineage").json()
    assert told["data"]["name"] == data
    assert told["sources"] == ["source-1"]
    assert client.get("/api/sources/source-1").json()["name"].endswith("drawers.jsonl")


def test_exchanges_and_feedback(client: TestClient, ws: Workspace) -> None:
    for number in range(3):
        ExchangeLog(ws).note(
            Exchange(
                id=f"chatcmpl-{number}",
                asked="support",
                model="model-1",
                caller="user-1",
                outcome="answered",
                latency=0.1,
                prompt_tokens=3,
                completion_tokens=2,
                request={"messages": [{"role": "user", "content": "Hello?"}]},
                replies=[{"role": "assistant", "content": "Yes?"}],
            )
        )
    first = client.get("/api/exchanges", params={"limit": 2}).json()
    second = client.get("/api/exchanges", params={"limit": 2, "after": first["next"]}).json()
    assert [one["id"] for one in first["data"] + second["data"]] == ["chatcmpl-2", "chatcmpl-1", "chatcmpl-0"]
    given = client.post("/api/exchanges/chatcmpl-1/feedback", json={"kind": "thumb", "value": "up"})
    assert given.status_code == 201
    shown = client.get("/api/exchanges/chatcmpl-1").json()
    assert [one["value"] for one in shown["feedback"]] == ["up"]
    assert client.get("/api/feedback").json()["data"][0]["person"] == "Li Na"
    wrong = client.post("/api/exchanges/chatcmpl-1/feedback", json={"kind": "thumb", "value": "maybe"})
    assert wrong.status_code == 400
    assert client.put("/api/settings/exchanges", json={"log": "off"}).json()["log"] == "off"


def test_runs_are_queued_watched_and_cancelled(client: TestClient, ws: Workspace, data: str) -> None:
    begun = client.post("/api/runs", json={"stage": "train", "data": data, "recipe": {"max_steps": 5}})
    assert begun.status_code == 201, begun.text
    run = begun.json()["id"]
    assert begun.json()["state"] == "queued"
    assert run in [one["id"] for one in client.get("/api/runs", params={"state": "queued"}).json()["data"]]
    with queue.claim(ws, run) as lease:  # type: ignore[union-attr]
        lease.event("advice", text={"en": "x"})
        lease.metrics({1: {"loss": 2.5, "odd": float("nan")}})
        told = client.get(f"/api/runs/{run}/events").json()["data"]
        assert [one["kind"] for one in told][-1] == "advice"
        later = client.get(f"/api/runs/{run}/events", params={"after": told[-1]["number"]}).json()
        assert later == {"data": [], "has_more": False, "next": None}
        curves = client.get(f"/api/runs/{run}/metrics").json()
        assert {one["name"]: one["value"] for one in curves["data"]} == {"loss": 2.5, "odd": None}
        assert client.post(f"/api/runs/{run}/cancel").json()["state"] == "cancelling"
        lease.finish({})
    assert client.get("/api/runs/run-99").status_code == 404


def test_what_cannot_be_is_refused_before_it_is_queued(client: TestClient, data: str) -> None:
    wrong = client.post("/api/runs", json={"stage": "train", "data": data, "recipe": {"epoch": 2}})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "recipe.epoch"
    assert "epochs" in wrong.json()["error"]["message"]
    unfit = client.post("/api/runs", json={"stage": "train", "data": data, "recipe": {"objective": "dpo"}})
    assert unfit.status_code == 400
    assert client.post("/api/runs", json={"stage": "prepare"}).json()["error"]["code"] == "usage"
    assert client.post("/api/runs", json={"stage": "cook"}).json()["error"]["param"] == "stage"
    assert client.get("/api/runs", params={"state": "queued"}).json()["data"] == []


def test_an_uploaded_file_is_prepared_as_a_run(client: TestClient, ws: Workspace) -> None:
    from tuneloop.app.wiring import work

    address = ws.blobs.put(LINES.encode())
    one = files.add_file(ws, address, filename="drawers.jsonl", purpose="user_data", size=len(LINES))
    run = client.post("/api/runs", json={"stage": "prepare", "files": [one.id]}).json()["id"]
    lease = queue.claim(ws, run)
    assert lease is not None
    with lease:
        work(ws, lease)
    ended = client.get(f"/api/runs/{run}").json()
    assert (ended["state"], ended["progress"]["title"]) == ("succeeded", {"en": "commit", "zh": "写入"})
    version = client.get(f"/api/versions/{ended['result']['data']}").json()
    assert sum(version["splits"].values()) == 12


def test_recipes_and_members_tell_what_can_be_set(client: TestClient) -> None:
    shown = client.get("/api/recipes/train").json()
    assert shown["settings"]["epochs"]["zh"]
    assert "epochs" in shown["json_schema"]["properties"]
    folders = client.get("/api/members").json()
    assert "lora" in folders["train.tuners"]
    members = {one["name"]: one for one in client.get("/api/members/train.tuners").json()}
    assert members["lora"]["title"]["zh"]
    assert client.post("/api/recipes/train/check", json={"tuner": "lora"}).json()["recipe"]["tuner"] == "lora"
    wrong = client.post("/api/recipes/train/check", json={"tunner": "lora"}).json()["error"]
    assert (wrong["param"], wrong["code"]) == ("train.tunner", "unknown_parameter")
    assert client.get("/api/members/train.tunners").status_code == 404


def test_choose_says_why(client: TestClient, data: str) -> None:
    told = client.post("/api/choose", json={"data": data}).json()
    assert told["data"] == data
    assert all(one["text"]["zh"] for one in told["advice"])


def test_cursors_that_no_list_gave(client: TestClient, data: str) -> None:
    for path in ("/api/exchanges", f"/api/versions/{data}/outcomes"):
        assert client.get(path, params={"after": "x'; --"}).json()["error"]["param"] == "after"


def test_roles_are_kept_apart(ws: Workspace, model: str) -> None:
    viewer = TestClient(As(make_app(Service(ws)), "viewer"), base_url="http://127.0.0.1")
    assert viewer.get("/api/models").status_code == 200
    for answer in (
        viewer.post(f"/api/models/{model}/approvals", json={"state": "approved"}),
        viewer.get("/api/exchanges"),
        viewer.post("/api/runs", json={"stage": "train"}),
    ):
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "insufficient_permissions"
    nobody = TestClient(make_app(Service(ws)), base_url="http://127.0.0.1")
    assert nobody.get("/api/models").json()["error"]["code"] == "invalid_api_key"


def test_versions_are_compared_merged_and_forgotten(client: TestClient, ws: Workspace, data: str, tmp_path: Path):
    file = tmp_path / "more.jsonl"
    other = '{"question": "Who has key 7?", "answer": "Mr Li has it.", "customer_id": "li"}'
    rows = [*LINES.split("\n")[2:], other]
    file.write_text("\n".join(rows), encoding="utf-8")
    more = loop.prepare(file, workspace=ws).name
    first = client.get(f"/api/versions/{data}/differences/{more}", params={"limit": 2}).json()
    second = client.get(f"/api/versions/{data}/differences/{more}", params={"after": first["next"]}).json()
    kinds = sorted(one["kind"] for one in [*first["data"], *second["data"]])
    assert kinds == ["added", "removed", "removed"]
    assert client.get(f"/api/versions/{data}/differences/{more}", params={"kind": "odd"}).status_code == 400

    figures = client.get(f"/api/versions/{more}/statistics").json()
    assert (figures["records"], figures["kinds"]) == (11, {"chat": 11})
    for folder in ("/etc", "../models", "~/base"):
        assert client.get(f"/api/versions/{more}/statistics", params={"base": folder}).status_code == 400
    page = client.get(f"/api/versions/{more}/statistics.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "数据概况" in page.text

    run = client.post("/api/runs", json={"stage": "merge", "versions": [data, more]}).json()
    assert client.post("/api/runs", json={"stage": "merge", "versions": [data]}).status_code == 400
    with queue.claim(ws, run["id"]) as lease:
        work(ws, lease)
    merge = client.get(f"/api/runs/{run['id']}").json()
    merged, told = merge["result"]["data"], merge["progress"]
    assert (told["stage"], told["done"], told["total"], told["units"]["zh"]) == ("merge", 23, 23, "条记录")
    assert client.get(f"/api/versions/{merged}").json()["splits"]["train"] == 13

    found = client.get("/api/forgetting", params={"subject": "li"}).json()
    assert found["versions"] == [more, merged]
    assert client.get("/api/forgetting", params={"subject": "wang"}).status_code == 404
    assert client.get("/api/forgetting").status_code == 400
    run = client.post("/api/forgetting", json={"subject": "li"}).json()
    with queue.claim(ws, run["id"]) as lease:
        work(ws, lease)
    done = client.get(f"/api/runs/{run['id']}").json()
    assert set(done["result"]["versions"]) == {more, merged}
    assert done["progress"]["title"] == {"en": "erase files", "zh": "清除文件"}
    assert done["spec"]["subject"] == "[forgotten]"
    assert client.get("/api/forgetting", params={"subject": "li"}).status_code == 404
