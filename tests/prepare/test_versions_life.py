"""The life of versions: merged, compared row by row, followed both ways, and made to forget."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuneloop.access import audit
from tuneloop.app.cli.main import main
from tuneloop.app.wiring import work
from tuneloop.errors import ConflictError, NotFoundError, StoppedError, UsageError
from tuneloop.prepare import PrepareRecipe, differing, forgetting, merging, prepare, versions
from tuneloop.prepare.passport import passport
from tuneloop.prepare.review_sample import draw_review
from tuneloop.runs import queue
from tuneloop.store import Workspace, datasets, evaluations
from tuneloop.store.models import add_model

TOPICS = "海山风雨书茶猫狗花鸟灯船雪月星云石桥车门"


def row(number: int, customer: str = "a", answer: str | None = None) -> dict[str, str]:
    """A question unlike all others."""
    words = "".join(TOPICS[(number * 7 + place * number + place * 3) % 20] * (1 + place % 3) for place in range(9))
    told = answer or f"第{number}号回答：{words[::-1]}，就是这样。"
    return {"question": f"编号{number}的{words}指什么？", "answer": told, "customer_id": customer}


def lines(rows) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows)


def made(ws, write, name: str, rows, **settings):
    return prepare(write(name, lines(rows)), workspace=ws, recipe=PrepareRecipe(**settings))


def ids(ws, version, split=None) -> set[str]:
    return {record.id for record, _, _ in versions.records(ws, version, split)}


def test_a_merged_version_keeps_the_test_set_of_the_first(ws, write):
    one = made(ws, write, "one.jsonl", [row(number) for number in range(40)])
    two = made(ws, write, "two.jsonl", [row(number) for number in range(30, 80)])
    both = merging.merge(ws, [one.name, two.name])
    assert both.records == 80 == len(ids(ws, both))
    assert both.report["already_there"] == 10
    assert both.parent == one.name
    for split in ("train", "validation", "test"):
        assert ids(ws, one, split) <= ids(ws, both, split)
    assert {origin.source for origin in versions.origins_of(ws, both, min(ids(ws, one) & ids(ws, two)))} == {
        "source-1",
        "source-2",
    }
    assert merging.merge(ws, [one.name, two.name]).name == both.name
    with pytest.raises(UsageError, match="at least two"):
        merging.merge(ws, [one.name, one.name])
    with pytest.raises(NotFoundError):
        merging.merge(ws, [one.name, "data-9"])


def test_what_would_leak_the_test_set_is_left_out_and_told(ws, write):
    talks = {row(number)["question"]: f"talk-{number}" for number in range(60)}
    one = made(ws, write, "one.jsonl", [row(number) | {"group": f"talk-{number}"} for number in range(60)])
    between = [
        row(99) | {"group": talks[next(iter(versions.records(ws, one, split)))[0].messages[0].text]}
        for split in ("train", "test")
    ]
    two = made(ws, write, "two.jsonl", [row(number) for number in range(100, 110)] + between)
    merged = merging.merge(ws, [one.name, two.name])
    assert merged.report["bridges"] == 1
    assert merged.records == 70
    left = [fate for fate in versions.fates(ws, merged) if fate.reason == "bridge"]
    assert [(fate.outcome, fate.source, fate.item) for fate in left] == [("dropped", "source-2", at) for at in (10, 11)]
    assert [fate.outcome for fate in versions.fates(ws, two)].count("kept") == 11


def test_versions_are_compared_row_by_row(ws, write):
    rows = [row(number) for number in range(40)]
    old = made(ws, write, "one.jsonl", rows, steps=("normalize",), split="train_only")
    noisy = [*rows[:10], {**rows[10], "answer": "换了一个回答，内容完全不同。"}, *rows[12:], row(50)]
    new = made(ws, write, "one.jsonl", noisy, steps=("normalize",), split="train_only")
    assert differing.counts(ws, old, new) == {"added": 2, "removed": 2, "edited": 0, "moved": 0}
    page = differing.differences(ws, old, new, limit=3)
    rest = differing.differences(ws, old, new, after=page[-1].cursor)
    assert len(page) == 3
    assert len(rest) == 1
    removed = [one for one in [*page, *rest] if one.kind == "removed"]
    assert {one.old_payload["messages"][0]["content"] for one in removed} == {
        rows[10]["question"],
        rows[11]["question"],
    }
    assert differing.counts(ws, old, old) == dict.fromkeys(("added", "removed", "edited", "moved"), 0)


def test_the_same_item_cleaned_otherwise_is_an_edit(ws, write):
    rows = [row(number) for number in range(12)]
    rows[3]["answer"] += "见https://example.com/3"
    old = made(ws, write, "one.jsonl", rows, steps=("normalize",), split="train_only")
    new = made(ws, write, "one.jsonl", rows, steps=("normalize", "urls"), split="train_only")
    assert differing.counts(ws, old, new) == {"added": 0, "removed": 0, "edited": 1, "moved": 0}
    (edit,) = differing.differences(ws, old, new, kind="edited")
    assert edit.old_payload["messages"][1]["content"].endswith("见https://example.com/3")
    assert edit.new_payload["messages"][1]["content"].endswith("见[链接]")
    with pytest.raises(UsageError, match="editd"):
        differing.differences(ws, old, new, kind="editd")


def trained_on(ws: Workspace, version: str):
    """A model version and an evaluation, as training and evaluating leave them."""
    with queue.here(ws, "train", {"data": version, "train": {}}) as lease:
        folder = ws.path("models", lease.run)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.bin").write_bytes(os.urandom(8))
        model = add_model(
            ws,
            base="starter",
            form="adapter",
            folder=folder,
            objective="sft",
            tuner="lora",
            recipe={},
            dataset=version,
            run=lease.run,
        )
    page = ws.folder / "pages" / f"{model.name}.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("…")
    report = evaluations.add_evaluation(
        ws,
        model=model.name,
        base="starter",
        dataset=version,
        measure="generalization",
        metrics={"char_f1": {"tuned": 0.5}},
        answers=[{"question": "编号3", "tuned": "…"}],
        page=page,
    )
    return model, report


def test_a_record_is_followed_both_ways(ws, write):
    rows = [row(number) for number in range(40)]
    rows[4]["answer"] += "电话13812345678"
    version = made(ws, write, "one.jsonl", rows, steps=("normalize", "personal_data"), split="train_only")
    model, report = trained_on(ws, version.name)
    record = next(one for one, _, _ in versions.records(ws, version) if "电话[" in one.full_text)
    found = passport(ws, record.id)
    assert [(one.source, one.item, one.file) for one in found.origins] == [("source-1", 4, "one.jsonl")]
    assert found.versions == {version.name: "train"}
    assert found.models == [model.name]
    assert [(one.evaluation, one.metrics) for one in found.results] == [(report.name, {"char_f1": {"tuned": 0.5}})]
    (edit,) = found.edits
    assert edit.step == "personal_data"
    assert edit.sealed
    assert edit.before["messages"][1]["content"] == rows[4]["answer"].replace("13812345678", "[手机号]")
    with pytest.raises(NotFoundError, match="no version holds"):
        passport(ws, "r1:" + "0" * 64)


def everything_said(ws: Workspace) -> str:
    """All text that the workspace holds: every ledger opened, and the bytes of the database with its journal."""
    told = []
    for version in datasets.versions(ws):
        for kind in ("records", "origins", "fates", "changes", "members"):
            for address in datasets.addresses(ws, version.name, kind):
                rows = [row for batch in ws.ledgers.read(address) for row in batch.to_pylist()]
                values = [value for row in rows for value in row.values()]
                told += [one.decode("utf-8", "ignore") if isinstance(one, bytes) else str(one) for one in values]
        told += [str(change.before) for change in versions.changes(ws, version)]
    files = [file for file in ws.folder.iterdir() if file.is_file()]
    assert any(file.name.endswith((".db", ".sqlite", ".sqlite3")) for file in files)
    return "\n".join([*told, *(file.read_bytes().decode("utf-8", "ignore") for file in files)])


def test_forgetting_a_customer_erases_and_rebuilds(ws, write):
    rows = [row(number, "b" if number in (5, 6, 7) else "a") for number in range(40)]
    rows[5]["answer"] += "电话13812345678"
    rows[7]["answer"] = "   "  # dropped: it never becomes a record, and its text must go all the same
    rows.append({**row(8, "b"), "question": row(8)["question"] + "  "})  # merges into one of another customer
    version = made(ws, write, "one.jsonl", rows)
    other = made(ws, write, "two.jsonl", [row(number) for number in range(60, 80)])
    model, report = trained_on(ws, version.name)
    found = forgetting.touched(ws, subject="b")
    assert (found.items, len(found.records), found.shared) == (4, 2, 1)
    assert (found.versions, found.models, found.evaluations) == ((version.name,), (model.name,), (report.name,))
    assert main(["data", "statistics", version.name, "-w", str(ws.folder)]) == 0
    page = ws.folder / "pages" / f"{version.name}.html"
    assert page.is_file()
    (ws.folder / "verdicts.jsonl").write_text('["key", true, "what a judge said of b"]\n')
    before = ids(ws, version)
    blobs = {address for kind in ("records", "changes") for address in datasets.addresses(ws, version.name, kind)}

    done = forgetting.forget(ws, found, person="mei")
    new = datasets.version(ws, done.versions[version.name])
    assert ids(ws, new) == before - set(found.records)
    assert new.parent == version.name
    assert new.records == 37 == sum(new.splits.values()) == sum(new.kinds.values())
    assert ids(ws, datasets.version(ws, version.name)) == ids(ws, new)
    assert not any(ws.blobs.has(address) for address in blobs)
    assert not (ws.folder / "verdicts.jsonl").exists()
    noted = [one for one in audit.entries(ws) if one.action == "personal_data.forget"]
    assert [(one.target, dict(one.details)) for one in noted] == [(version.name, {"of": "a person"})]
    assert not page.exists()
    for text in (rows[5]["question"], rows[6]["question"], rows[7]["question"], "13812345678"):
        assert text not in everything_said(ws)
    assert rows[8]["question"] in everything_said(ws)
    ends = list(versions.fates(ws, new))
    assert len(ends) == 41
    forgotten = [fate for fate in ends if fate.reason == "forgotten"]
    assert [fate.item for fate in forgotten] == [5, 6, 7, 40]
    assert all(fate.message.startswith("tombstone ") and fate.record is None for fate in forgotten)
    assert evaluations.evaluation(ws, report.name).answers == ()
    assert not (ws.folder / report.page).exists()
    queued = queue.show(ws, done.rebuilds[model.name])
    assert queued.spec["data"] == new.name
    assert ids(ws, other) == {record.id for record, _, _ in versions.records(ws, other)}
    with pytest.raises(NotFoundError, match="anything of the subject 'b'"):
        forgetting.touched(ws, subject="b")


def test_tags_of_one_person_alone_are_forgotten_with_them(ws, write):
    rows = [{**row(number, "b" if number == 5 else "a"), "topic": "退款"} for number in range(40)]
    rows[5]["topic"] = "青铜专属"
    rows[6]["topic"] = "紫藤专属"
    for number in (5, 6, 7):  # what a step changes is told by tag
        rows[number]["answer"] += f"电话1381234567{number}"
    version = made(ws, write, "one.jsonl", rows, tags={"columns": ["topic"]})
    assert "青铜专属" in everything_said(ws)
    done = forgetting.forget(ws, forgetting.touched(ws, subject="b"), person="mei")
    assert "青铜专属" not in everything_said(ws)
    for name in (version.name, done.versions[version.name]):
        report = datasets.version(ws, name).report
        assert {one["value"] for step in report["steps"] for one in step["spread"] if one["by"] == "tag"} == {
            "退款",
            "紫藤专属",
        }


def test_copies_that_a_killed_run_left_are_forgotten_and_those_of_a_live_one_stay(ws, write):
    version = made(ws, write, "one.jsonl", [row(number, "b" if number == 5 else "a") for number in range(40)])
    left = ws.path("runs", "run-77", "inputs", "file-a") / "a.jsonl"
    live = ws.path("runs", queue.submit(ws, "prepare", {}, {"cpu": 1}), "inputs", "file-a") / "a.jsonl"
    for file in (left, live):
        file.write_text("b")
    forgetting.forget(ws, forgetting.touched(ws, subject="b"), person="mei")
    assert (left.exists(), live.exists()) == (False, True)
    assert version.records == 40


def test_the_same_version_comes_of_preparing_the_rest(ws, write):
    rows = [row(number, "b" if number == 3 else "a") for number in range(20)]
    version = made(ws, write, "one.jsonl", rows, split="train_only")
    done = forgetting.forget(ws, forgetting.touched(ws, subject="b"), person="mei")
    rest = made(ws, write, "rest.jsonl", [one for one in rows if one["customer_id"] == "a"], split="train_only")
    assert rest.id == datasets.version(ws, done.versions[version.name]).id
    assert rest.name == done.versions[version.name]


def test_forgetting_a_source_leaves_what_others_said_too(ws, write):
    one = made(ws, write, "one.jsonl", [row(number) for number in range(20)], split="train_only")
    both = made(ws, write, "two.jsonl", [row(number) for number in range(15, 30)], split="train_only", extend=one.name)
    found = forgetting.touched(ws, source="source-2")
    assert (len(found.records), found.shared, found.versions) == (10, 5, (both.name,))
    done = forgetting.forget(ws, found, person="mei")
    new = datasets.version(ws, done.versions[both.name])
    assert ids(ws, new) == ids(ws, one)
    assert {origin.source for origin in versions.origins_of(ws, new, min(ids(ws, one)))} == {"source-1"}


def test_a_run_that_trains_on_it_must_be_cancelled_first(ws, write):
    version = made(ws, write, "one.jsonl", [row(number) for number in range(20)], split="train_only")
    found = forgetting.touched(ws, source="source-1")
    for kind, spec in (
        ("train", {"data": version.name, "train": {}}),
        ("merge", {"versions": ["data-7", version.name]}),
        ("prepare", {"files": [], "prepare": {"extend": version.name}}),
        ("prepare", {"files": [], "prepare": {"test_of": version.name}}),
    ):
        run = queue.submit(ws, kind, spec)
        with pytest.raises(UsageError, match=run):
            forgetting.forget(ws, found, person="mei")
        assert ids(ws, version)
        queue.cancel(ws, run)
    queue.submit(ws, "train", {"data": "data-7", "note": version.name})  # what only looks like it is no hindrance
    queue.submit(ws, "forget", {"subject": version.name, "source": None})
    forgetting.forget(ws, found, person="mei")
    assert not ids(ws, version)


@pytest.mark.parametrize("way", ["cancelling", "model", "review"])
def test_a_run_that_may_still_read_it_is_in_the_way(ws, write, way):
    version = made(ws, write, "one.jsonl", [row(number) for number in range(20)], split="train_only")
    model, _ = trained_on(ws, version.name)
    found = forgetting.touched(ws, source="source-1")
    if way == "cancelling":
        run = queue.submit(ws, "statistics", {"data": version.name})
        lease = queue.claim(ws, run)
        queue.cancel(ws, run)
    elif way == "model":
        run = queue.submit(ws, "evaluate", {"model": model.name, "evaluate": {}})
    else:
        review = draw_review(ws, version, count=5, person="mei")
        run = queue.submit(ws, "judge", {"review": review.name, "judge": {}})
    with pytest.raises(UsageError, match=run):
        forgetting.forget(ws, found, person="mei")
    assert ids(ws, version)
    if way == "cancelling":
        lease.cancel()
        forgetting.forget(ws, found, person="mei")
        assert not ids(ws, version)


def test_a_run_that_begins_while_it_is_erased_is_in_the_way(ws, write, monkeypatch):
    version = made(ws, write, "one.jsonl", [row(number) for number in range(20)], split="train_only")
    found = forgetting.touched(ws, source="source-1")

    def begin(progress):
        if progress.done == progress.total:
            assert queue.claim(ws, queue.submit(ws, "train", {"data": version.name})) is not None

    with pytest.raises(UsageError, match="works on data-1"):
        forgetting.forget(ws, found, person="mei", progress=begin)
    assert len(ids(ws, version)) == 20


def test_what_runs_kept_of_the_data_goes_and_their_curves_stay(ws, write):
    version = made(ws, write, "one.jsonl", [row(number) for number in range(20)], split="train_only")
    paused = queue.submit(ws, "train", {"data": version.name})
    other = queue.submit(ws, "train", {"data": "data-7"})
    queue.pause(ws, paused)
    queue.cancel(ws, other)
    for run in (paused, other):
        for place in ("encoded/train/ids", "checkpoints/step-1/weights", "samples.jsonl", "log.txt", "resolved.json"):
            file = ws.path("runs", run, *place.split("/")[:-1]) / place.rpartition("/")[2]
            file.write_text(row(3)["question"])
    forgetting.forget(ws, forgetting.touched(ws, source="source-1"), person="mei")
    assert [one.name for one in (ws.folder / "runs" / paused).iterdir()] == ["resolved.json"]
    assert len(list((ws.folder / "runs" / other).rglob("*"))) == 9


def test_an_erasure_tells_how_far_it_is_and_can_be_stopped_before_anything_is_erased(ws, write):
    rows = [row(number, "b" if number == 3 else "a") for number in range(20)]
    version = made(ws, write, "one.jsonl", rows, split="train_only")
    made(ws, write, "two.jsonl", [*rows, row(30)], split="train_only")
    found = forgetting.touched(ws, subject="b")
    told = []

    def stop(progress):
        told.append((progress.stage, progress.done, progress.total))
        if progress.done == 4:
            raise StoppedError("stopped")

    with pytest.raises(StoppedError):
        forgetting.forget(ws, found, person="mei", progress=stop)
    assert told == [("forget", done, 4) for done in range(5)]
    assert len(ids(ws, version)) == 20
    assert forgetting.touched(ws, subject="b") == found
    forgetting.forget(ws, found, person="mei")
    assert len(ids(ws, version)) == 19


KILLED = """
import os, sys
from tuneloop.prepare import forgetting
from tuneloop.store import Workspace
with Workspace.find(sys.argv[1]) as ws:
    found = forgetting.touched(ws, subject="b")
    ws.blobs.remove = lambda address: os.kill(os.getpid(), 9)
    forgetting.forget(ws, found, person="mei")
"""


def test_what_a_killed_erasure_left_is_removed_by_the_next(ws, write):
    rows = [row(number, "b" if number == 3 else "a") for number in range(20)]
    version = made(ws, write, "one.jsonl", rows, split="train_only")
    old = datasets.addresses(ws, version.name, "records")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(ws.folder)], cwd=Path.cwd(), check=False)
    assert killed.returncode == -9
    assert any(ws.blobs.has(address) for address in old)
    forgetting.finish(ws)
    assert not any(ws.blobs.has(address) for address in old)
    assert len(datasets.versions(ws)) == 2


def test_a_run_that_was_killed_after_the_erasure_ends_well_when_it_is_done_again(ws, write, monkeypatch):
    rows = [row(number, "b" if number == 3 else "a") for number in range(20)]
    version = made(ws, write, "one.jsonl", rows, split="train_only")
    model, _ = trained_on(ws, version.name)
    old = datasets.addresses(ws, version.name, "records")
    run = queue.submit(ws, "forget", {"subject": "b", "source": None, "person": "mei", "rebuild": True})
    remove = ws.blobs.remove

    def killed(address):
        raise KeyboardInterrupt

    monkeypatch.setattr(ws.blobs, "remove", killed)
    with pytest.raises(KeyboardInterrupt), queue.claim(ws, run) as lease:
        work(ws, lease)
    monkeypatch.setattr(ws.blobs, "remove", remove)
    assert any(ws.blobs.has(address) for address in old)
    with pytest.raises(NotFoundError):
        forgetting.touched(ws, subject="b")
    queue.resume(ws, run)
    with queue.claim(ws, run) as lease:
        work(ws, lease)
    shown = queue.show(ws, run)
    assert shown.state == "succeeded"
    assert (shown.result["versions"], shown.result["records"]) == ({version.name: "data-2"}, 1)
    assert queue.show(ws, shown.result["rebuilds"][model.name]).spec["data"] == "data-2"
    assert shown.spec["subject"] == "[forgotten]"
    assert not any(ws.blobs.has(address) for address in old)


def test_a_version_that_is_made_meanwhile_stops_the_erasure(ws, write, monkeypatch):
    rows = [row(number, "b" if number == 3 else "a") for number in range(20)]
    version = made(ws, write, "one.jsonl", rows, split="train_only")
    found = forgetting.touched(ws, subject="b")
    planned = forgetting._items

    def meanwhile(*asked):
        monkeypatch.setattr(forgetting, "_items", planned)
        made(ws, write, "more.jsonl", [*rows, row(30)], split="train_only")
        return planned(*asked)

    monkeypatch.setattr(forgetting, "_items", meanwhile)
    with pytest.raises(ConflictError, match="meanwhile"):
        forgetting.forget(ws, found, person="mei")
    assert len(ids(ws, version)) == 20
    assert forgetting.touched(ws, subject="b").versions == ("data-1", "data-2")


def test_a_source_of_which_nothing_was_kept_is_none_of_the_versions(ws, write):
    from tuneloop.prepare.browsing import sources_of

    files = [write("good.jsonl", lines([row(1), row(2)])), write("empty.jsonl", lines([{**row(3), "answer": " "}]))]
    version = prepare(files, workspace=ws)
    assert sources_of(ws, version) == ["source-1"]


@pytest.mark.parametrize("first", ["b", "a"])
def test_a_near_repeat_stays_only_in_the_words_of_those_who_stay(ws, write, first):
    """What others said nearly the same way had merged into what the forgotten said, or the other way round."""
    other = "a" if first == "b" else "b"
    question = "请问这件羽绒服可以机洗吗？洗完之后需要怎么晾干才不会结块，能不能用烘干机低温烘干？"
    answer = "可以机洗，水温不要超过三十度，洗完平铺晾干，中途多拍打几次就不会结块了，也可以低温烘干。"
    rows = [
        {"question": question, "answer": answer, "customer_id": first},
        {"question": question.replace("吗", "么"), "answer": answer.replace("中途", "途中"), "customer_id": other},
        *[row(number) for number in range(20)],
    ]
    version = made(ws, write, "one.jsonl", rows, steps=("near_duplicates",))
    assert version.records == 21
    found = forgetting.touched(ws, subject="b")
    goes = first == "b"
    assert (len(found.records), found.shared, found.items, found.beside) == (goes, not goes, 1, goes)
    done = forgetting.forget(ws, found, person="mei", rebuild=False)
    new = datasets.version(ws, done.versions[version.name])
    assert new.records == 21 - goes
    mine, theirs = ("机洗吗", "机洗么") if first == "b" else ("机洗么", "机洗吗")
    assert mine not in everything_said(ws)
    assert (theirs in everything_said(ws)) is not goes
    ends = [fate.reason for fate in versions.fates(ws, new)]
    assert len(ends) == 22
    assert ends.count("forgotten") == 1 + goes


def test_the_run_that_forgets_leaves_no_name_in_the_file(ws):
    asked = {"subject": "customer-of-one-name", "source": None, "person": "mei", "rebuild": False}
    run = queue.submit(ws, "forget", asked)
    forgetting.hide_subject(ws, run)
    files = list(ws.folder.glob("tuneloop.db*"))
    assert files
    assert not any(b"customer-of-one-name" in file.read_bytes() for file in files)
    assert queue.show(ws, run).spec["subject"] == "[forgotten]"


@pytest.mark.parametrize("whom", [{"source": "source-1"}, {"subject": "b"}])
def test_what_was_forgotten_and_comes_in_again_is_a_version_of_its_own(ws, write, whom):
    rows = [row(number, "b" if number in (5, 6, 7) else "a") for number in range(40)]
    first = made(ws, write, "one.jsonl", rows, split="train_only")
    forgetting.forget(ws, forgetting.touched(ws, **whom), person="mei", rebuild=False)
    left = len(ids(ws, datasets.version(ws, first.name)))
    again = made(ws, write, "one.jsonl", rows, split="train_only")
    assert "already_there" not in again.report
    assert (again.records, len(ids(ws, again))) == (40, 40)
    assert again.name not in (first.name, "data-2")
    assert len(ids(ws, datasets.version(ws, first.name))) == left
    same = made(ws, write, "one.jsonl", rows, split="train_only")
    assert (same.name, same.report["already_there"]) == (again.name, True)
    assert forgetting.touched(ws, **({"subject": "b"} if "subject" in whom else {"source": "source-1"})).versions == (
        again.name,
    )
    forgetting.forget(ws, forgetting.touched(ws, subject="b"), person="mei", rebuild=False)
    third = made(ws, write, "one.jsonl", rows, split="train_only")
    assert len(ids(ws, third)) == 40
    assert len({one.id for one in datasets.versions(ws)}) == len(datasets.versions(ws))
