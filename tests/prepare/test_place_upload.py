"""`upload:`: a file of the workspace is one source, by its id, whatever run reads it."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneloop.app import beginning
from tuneloop.app.wiring import work
from tuneloop.errors import NotFoundError
from tuneloop.prepare import differing, prepare, run_files, versions
from tuneloop.prepare.places.upload import address_of
from tuneloop.runs import Run, queue
from tuneloop.store import Workspace, datasets, files, sources

ROWS = [
    {"question": f"第{n}个抽屉里有什么？", "answer": f"第{n}个抽屉里有{n}把勺子，电话1381234{n:04d}。"}
    for n in range(20)
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


def uploaded(ws: Workspace, name: str, content: bytes) -> str:
    address = ws.blobs.put(content)
    return files.add_file(ws, address, filename=name, purpose="user_data", size=len(content)).id


def done(ws: Workspace, run: str) -> Run:
    with queue.claim(ws, run) as lease:  # type: ignore[union-attr]
        work(ws, lease)
    return queue.show(ws, run)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("抽屉.jsonl", "抽屉.jsonl"),
        ("../../etc/drawers.jsonl", "drawers.jsonl"),
        ("C:\\data\\a b.jsonl", "a b.jsonl"),
        ("drawers.jsonl.gz", "drawers.jsonl.gz"),
    ],
)
def test_the_name_tells_the_format_and_no_path_is_shown(ws: Workspace, name: str, said: str) -> None:
    content = gzip.compress(LINES.encode()) if name.endswith(".gz") else LINES.encode()
    one = uploaded(ws, name, content)
    version = prepare(address_of(one, name), workspace=ws)
    assert version.records == 20
    (source,) = sources.sources(ws)
    assert source.name == f"upload:{one}/{said}"
    assert (source.digest, source.size) == (files.file(ws, one).digest.removeprefix("sha256:"), len(content))
    origins = versions.origins_of(ws, version, next(versions.records(ws, version))[0].id)
    assert str(ws.folder) not in json.dumps([one.file for one in origins])
    assert str(ws.folder) not in json.dumps(version.report, default=str)


def test_two_runs_over_one_upload_are_two_readings_of_one_source(ws: Workspace) -> None:
    one = uploaded(ws, "drawers.jsonl", LINES.encode())
    found = []
    for recipe in ({"steps": ["normalize"], "split": "train_only"}, {"split": "train_only"}):
        ended = done(ws, beginning.prepare(ws, [one], recipe))
        assert ended.result is not None
        found.append(ended.result["data"])
    assert len(sources.sources(ws)) == 1
    old, new = (datasets.version(ws, name) for name in found)
    counts = differing.counts(ws, old, new)
    assert (counts["edited"], counts["added"], counts["removed"]) == (20, 0, 0)
    assert not list((ws.folder / "runs").rglob("*.jsonl"))


def test_a_table_and_an_archive_are_read_in_place(ws: Workspace) -> None:
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/drawers.jsonl", LINES)
    version = prepare(address_of(uploaded(ws, "a.zip", packed.getvalue()), "a.zip"), workspace=ws)
    assert version.records == 20


def test_a_file_that_is_not_there_is_told(ws: Workspace) -> None:
    with pytest.raises(NotFoundError, match="file-nobody"):
        prepare("upload:file-nobody/a.jsonl", workspace=ws)


def test_a_run_can_try_and_keep_only_the_report(ws: Workspace) -> None:
    one = uploaded(ws, "drawers.jsonl", LINES.encode())
    run = beginning.prepare(ws, [one], {}, dry_run=True)
    ended = done(ws, run)
    assert ended.result is not None
    assert (ended.result["data"], ended.result["file"]) == (None, "report.json")
    assert sum(ended.result["splits"].values()) == 20
    file = run_files.made_by(ws, run, "report.json")
    assert file is not None
    assert json.loads(file.read_text("utf-8"))["counts"]["kept"] == 20
    assert datasets.versions(ws) == []
    assert sources.sources(ws) == []


def test_a_failed_import_of_the_command_line_can_be_taken_up_again(ws: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "later.jsonl"
    with pytest.raises(NotFoundError):
        prepare(file, workspace=ws)
    run = queue.show(ws).id
    file.write_text(LINES, encoding="utf-8")
    queue.resume(ws, run)
    ended = done(ws, run)
    assert ended.result is not None
    assert datasets.version(ws, ended.result["data"]).records == 20
