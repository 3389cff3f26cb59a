"""Rows with names: datasets, models, evaluations, sources, restores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kill_points import each_write, forks

from tuneloop.errors import ConflictError, NotFoundError, UsageError
from tuneloop.records.results import DatasetVersion
from tuneloop.store import Workspace, datasets, evaluations, models, restores, sources


@pytest.fixture
def ws(tmp_path: Path) -> Any:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


def members(ws: Workspace, *records: str) -> str:
    with ws.ledgers.writer("members") as writer:
        writer.write([{"record": record, "split": "train", "weight": 1.0} for record in sorted(records)])
        return writer.commit()


def add(ws: Workspace, identity: str, *records: str, **more: Any) -> DatasetVersion:
    values: dict[str, Any] = {
        "splits": {"train": len(records)},
        "kinds": {"chat": len(records)},
        "pipeline": {"steps": []},
        "report": {"kept": len(records)},
        "ledgers": {"members": members(ws, *records)},
    }
    return datasets.add_version(ws, id=identity, **{**values, **more})


def test_versions_are_numbered_and_found_by_name_id_and_newest(ws: Workspace) -> None:
    with pytest.raises(NotFoundError, match="tuneloop prepare"):
        datasets.version(ws)
    one, two = add(ws, "d1:aaaa1", "r1:a"), add(ws, "d1:aaab2", "r1:a", "r1:b", parent="data-1")
    assert [one.name, two.name] == ["data-1", "data-2"]
    assert datasets.version(ws) == two
    assert datasets.version(ws, "data-1") == datasets.version(ws, "d1:aaaa") == one
    assert datasets.versions(ws) == [one, two]
    assert two.records == 2
    assert two.created.endswith("Z")
    with pytest.raises(UsageError, match="several"):
        datasets.version(ws, "d1:aaa")
    with pytest.raises(NotFoundError, match="Did you mean"):
        datasets.version(ws, "data-11")
    with pytest.raises(NotFoundError):
        datasets.version(ws, "d1:%")


def test_scenarios_keep_apart(ws: Workspace) -> None:
    add(ws, "d1:aaaa", "r1:a")
    other = add(ws, "d1:aaaa", "r1:a", scenario="service")
    assert other.name == "data-2"
    assert datasets.version(ws, scenario="main").name == "data-1"
    assert datasets.versions(ws, scenario="service") == [other]
    with pytest.raises(NotFoundError):
        datasets.version(ws, "data-2", scenario="main")


def test_the_same_version_again_is_the_same_row_with_its_new_ledgers(ws: Workspace) -> None:
    first = add(ws, "d1:aaaa", "r1:a", run="run-1")
    with ws.ledgers.writer("origins") as writer:
        writer.write([{"record": "r1:a", "source": "source-2", "file": "b", "item": 0, "locator": "line 1"}])
        origins = writer.commit()
    same = members(ws, "r1:a")
    again = add(ws, "d1:aaaa", "r1:a", run="run-2", ledgers={"members": same, "origins": [origins, origins]})
    assert again == first
    assert datasets.addresses(ws, "data-1", "members") == [same]
    assert datasets.addresses(ws, "data-1", "origins") == [origins]
    assert datasets.addresses(ws, "data-1", "origins", run="run-1") == []
    assert add(ws, "d1:bbbb", "r1:b").name == "data-2"


def test_from_a_record_to_its_versions_and_models(ws: Workspace) -> None:
    add(ws, "d1:a", "r1:a", "r1:b")
    add(ws, "d1:b", "r1:b", "r1:c")
    add(ws, "d1:c", "r1:c")
    assert [one.name for one in datasets.versions_with(ws, "r1:b")] == ["data-1", "data-2"]
    assert [one.name for one in datasets.versions_with(ws, "r1:c")] == ["data-2", "data-3"]
    assert datasets.versions_with(ws, "r1:d") == []
    model(ws, dataset="data-2")
    assert [one.name for one in models.models_from(ws, "data-2")] == ["model-1"]
    assert models.models_from(ws, "data-3") == []


def test_a_version_whose_ledger_is_missing_is_refused(ws: Workspace) -> None:
    with pytest.raises(NotFoundError, match="missing"):
        add(ws, "d1:a", "r1:a", ledgers={"members": "sha256:" + "0" * 64})
    assert datasets.versions(ws) == []


def test_a_stale_writer_is_refused_and_uses_no_number(ws: Workspace) -> None:
    def stale(_: object) -> None:
        raise ConflictError("attempt 1 of run-1 is no longer held by this process")

    for write in (
        lambda: add(ws, "d1:a", "r1:a", fence=stale),
        lambda: model(ws, fence=stale),
        lambda: evaluation(ws, fence=stale),
    ):
        with pytest.raises(ConflictError):
            write()
    assert (datasets.versions(ws), models.models(ws), evaluations.evaluations(ws)) == ([], [], [])
    assert add(ws, "d1:a", "r1:a").name == "data-1"


@forks
def test_a_version_killed_at_any_write_is_whole_or_absent(tmp_path: Path) -> None:
    import pyarrow.parquet  # noqa: F401  (so that the forked processes needn't import it each time)

    with Workspace.find(tmp_path / "w") as ws:
        add(ws, "d1:first", "r1:0")

    def work(count: int) -> None:
        with Workspace.find(tmp_path / "w") as ws:
            add(ws, f"d1:{count:04d}", "r1:a", f"r1:b{count}")

    seen = 1

    def check(count: int, done: bool) -> None:
        nonlocal seen
        with Workspace.find(tmp_path / "w") as ws:
            found = datasets.versions(ws)
            assert len(found) - seen in ({1} if done else {0, 1})
            seen = len(found)
            assert [one.name for one in found] == [f"data-{number}" for number in range(1, seen + 1)]
            for one in found:
                (address,) = datasets.addresses(ws, one.name, "members")
                assert ws.ledgers.rows(address) == one.records
            assert len(datasets.versions_with(ws, "r1:a")) == seen - 1

    assert each_write(work, check) > 8


def model(ws: Workspace, content: str = "w", **more: Any) -> Any:
    folder = ws.path("models", "one")
    (folder / "weights").write_text(content)
    values: dict[str, Any] = {"base": "starter", "form": "adapter", "objective": "sft", "tuner": "lora", "recipe": {}}
    return models.add_model(ws, **{**values, "folder": folder, **more})


def evaluation(ws: Workspace, **more: Any) -> Any:
    values: dict[str, Any] = {
        "model": "model-1",
        "base": "starter",
        "measure": "recall",
        "metrics": {"tuned": {"exact": 0.5}},
    }
    return evaluations.add_evaluation(ws, **{**values, **more})


def test_models_are_found_and_identified_by_their_files(ws: Workspace) -> None:
    one = model(ws, "first", metrics={"loss": 1.5})
    two = model(ws, "second")
    same = model(ws, "second")
    assert [one.name, two.name, same.name] == ["model-1", "model-2", "model-3"]
    assert one.id != two.id == same.id
    assert models.model(ws) == same
    assert models.model(ws, "model-1") == one
    assert one.folder == "models/one"
    assert one.metrics == {"loss": 1.5}


def test_a_run_that_adds_its_model_again_gets_the_same_one(ws: Workspace) -> None:
    one = model(ws, run="run-1")
    assert model(ws, run="run-1") == one
    assert model(ws, run="run-2").name == "model-2"
    assert model(ws, "other", run="run-1").name == "model-3"


def test_a_models_folder_must_be_inside_and_hold_something(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="inside"):
        model(ws, folder=tmp_path)
    with pytest.raises(NotFoundError, match="no files"):
        model(ws, folder=ws.path("models", "empty"))
    made = model(ws)
    (ws.folder / made.folder / "weights").unlink()
    (ws.folder / made.folder).rmdir()
    with pytest.raises(NotFoundError, match="files of model-1 are missing"):
        models.model_folder(ws, made)


def test_evaluations_come_back_as_they_were(ws: Workspace) -> None:
    page = ws.path("reports") / "one.html"
    page.write_text("x")
    made = evaluation(ws, answers=[{"question": "猫叫什么？", "tuned": "豆豆"}], page=page, dataset="data-1")
    assert made.name == "eval-1"
    assert made.page == "reports/one.html"
    assert evaluations.evaluation(ws) == evaluations.evaluation(ws, "eval-1") == made
    evaluation(ws, model="model-2")
    assert [one.name for one in evaluations.evaluations(ws, model="model-2")] == ["eval-2"]


def test_a_source_is_one_by_name_content_and_what_is_said_of_it(ws: Workspace) -> None:
    one = sources.add_source(ws, "家.jsonl", kind="own", digest="x", size=3, details={"rows": 2})
    assert sources.add_source(ws, "家.jsonl", kind="own", digest="x", size=3) == one
    assert sources.add_source(ws, "家.jsonl", kind="own", digest="y", size=3).id == "source-2"
    assert sources.add_source(ws, "家.jsonl", kind="client", digest="x", size=3, licence="MIT").id == "source-3"
    assert sources.source(ws, "source-1") == one
    assert [source.id for source in sources.sources(ws)] == ["source-1", "source-2", "source-3"]
    with pytest.raises(NotFoundError, match="Did you mean"):
        sources.source(ws, "source-9")


def test_the_newest_decision_about_an_item_counts(ws: Workspace) -> None:
    restores.add_restore(ws, "source-1", 4, person="li", step="length", note="short but right")
    restores.add_restore(ws, "source-1", 5, person="li", digest="abc")
    restores.add_restore(ws, "source-1", 4, person="wang", step="length", restored=False)
    (left,) = restores.restores(ws)
    assert (left.item, left.digest, left.person) == (5, "abc", "li")
    restores.add_restore(ws, "source-1", 4, person="li", step="length")
    assert sorted(one.item for one in restores.restores(ws)) == [4, 5]
