"""From files to a dataset version: counted, kept apart, split, the same for the same input."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.kill_points import fork, forks

from tuneloop.config import read
from tuneloop.errors import InputError, NotFoundError, SettingError, UsageError
from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.recipe import DEFAULT_STEPS
from tuneloop.store import Workspace, datasets
from tuneloop.store.sources import sources

WORDS = list("海山风雨书茶猫狗花鸟灯船雪月星云石桥车门")


def question(number: int) -> dict[str, str]:
    """A row unlike all others: its words spell its number."""
    digits = [int(digit) for digit in f"{number:04d}"]
    topic = "".join(WORDS[(digit * 3 + place * 5) % 20] * (place + 2) for place, digit in enumerate(digits))
    return {"question": f"第{number}问：{topic}是什么？", "answer": f"答{number}：关于{topic[::-1]}的说明。"}


def lines(rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


MESSY = (
    lines([question(n) for n in range(40)])
    + lines([question(3), question(5)])
    + '{"question": "坏行", "answer": \n'
    + json.dumps(question(40))
    + json.dumps(question(41))
    + "\n"
    + lines([{"question": "空回答？", "answer": "   "}, {"question": "没有回答"}])
    + lines([{"question": "电话是多少？", "answer": "请拨打13812345678联系王先生，谢谢。"}])
)


def test_every_item_ends_once_and_is_told(ws, write):
    version = prepare(write("messy.jsonl", MESSY), workspace=ws)
    counts = version.report["counts"]
    assert counts == {"kept": 43, "merged": 2, "dropped": 1, "rejected": 2}
    assert version.report["items"] == 48 == sum(counts.values())
    assert version.report["mended"] == {"glued": 2}
    assert version.records == 43 == sum(version.splits.values())
    assert version.kinds == {"chat": 43}
    assert {(one["outcome"], one["reason"]): one["count"] for one in version.report["reasons"]} == {
        ("merged", "exact_duplicate"): 2,
        ("rejected", "not_json"): 1,
        ("rejected", "bad_record"): 1,
        ("dropped", "empty_answer"): 1,
    }
    fates = list(versions.fates(ws, version))
    assert [fate.item for fate in fates] == list(range(48))
    assert Counter(fate.outcome for fate in fates) == counts
    rejected = [fate for fate in fates if fate.outcome == "rejected"]
    assert [fate.message for fate in rejected] == [
        "messy.jsonl, line 43: is not JSON: expecting value at character 29. Mend the line, or remove it.",
        "messy.jsonl, line 46, field 'answer': found no such field; expected a value.",
    ]
    assert rejected[0].excerpt == '{"question": "坏行", "answer":'


def test_the_records_and_where_they_came_from(ws, write):
    version = prepare(write("messy.jsonl", MESSY), workspace=ws)
    found = {record.id: (record, split, weight) for record, split, weight in versions.records(ws, version)}
    assert list(found) == sorted(found)
    assert len(found) == 43
    assert Counter(split for _, split, _ in found.values()) == {k: v for k, v in version.splits.items() if v}
    third = next(one for one, _, _ in found.values() if one.messages[0].content.startswith("第3问"))
    origins = versions.origins_of(ws, version, third.id)
    assert [(one.source, one.file, one.item, one.locator) for one in origins] == [
        ("source-1", "messy.jsonl", 3, "line 4"),
        ("source-1", "messy.jsonl", 40, "line 41"),
    ]
    assert sum(1 for _ in versions.records(ws, version, "train")) == version.splits["train"]
    assert versions.trace(ws, third.id) == [datasets.version(ws, version.name)]


def test_personal_data_stay_readable_only_with_the_key(ws, write, monkeypatch, tmp_path):
    version = prepare(write("messy.jsonl", MESSY), workspace=ws)
    texts = " ".join(record.full_text for record, _, _ in versions.records(ws, version))
    assert "13812345678" not in texts
    changed = list(versions.changes(ws, version, "personal_data"))
    assert [("13812345678" in one.before.full_text, one.sealed) for one in changed] == [(True, True)]
    for blob in (ws.folder / "blobs").rglob("*"):
        assert blob.is_dir() or b"13812345678" not in blob.read_bytes()
    assert "13812345678" not in json.dumps(version.report, ensure_ascii=False)

    monkeypatch.setenv("TUNELOOP_KEY_FILE", str(tmp_path / "no key here"))
    assert [one.before for one in versions.changes(ws, version, "personal_data")] == [None]


def test_the_same_input_gives_the_same_version(ws, write):
    first = prepare(write("messy.jsonl", MESSY), workspace=ws)
    again = prepare(write("messy.jsonl", MESSY), workspace=ws)
    assert (again.name, again.id) == (first.name, first.id)
    assert again.report["already_there"] is True
    assert "already_there" not in first.report
    assert len(datasets.versions(ws)) == len(sources(ws)) == 1
    assert len(list(versions.fates(ws, first))) == 48


def test_the_order_and_packing_of_the_input_play_no_part(ws, write):
    rows = [question(n) for n in range(60)]
    one = prepare(write("a.jsonl", lines(rows)), workspace=ws)
    other = prepare(write("b.json", json.dumps(rows[::-1])), workspace=ws)
    assert other.id == one.id
    assert [record.id for record, _, _ in versions.records(ws, other)] == [
        r.id for r, _, _ in versions.records(ws, one)
    ]
    some = next(record for record, _, _ in versions.records(ws, one))
    assert {origin.source for origin in versions.origins_of(ws, one, some.id)} == {"source-1", "source-2"}


def test_a_folder_of_everything(ws, write, tmp_path):
    write("d/a.jsonl", lines([question(n) for n in range(10)]))
    write(
        "d/b/c.csv", "问题,答案\n" + "\n".join(f"{q['question']},{q['answer']}" for q in map(question, range(10, 20)))
    )
    write("d/notes.md", "# 猫\n\n猫是一种可爱的动物，喜欢睡觉。\n")
    write("d/picture.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(20))
    write("d/.hidden", "x")
    version = prepare(tmp_path / "d", workspace=ws)
    assert version.kinds == {"chat": 20, "text": 1}
    assert version.report["counts"] == {"kept": 21, "merged": 0, "dropped": 0, "rejected": 1}
    told = version.report["inputs"][0]
    assert [(one["name"], one["format"], one["shape"]) for one in told["files"]] == [
        ("d/a.jsonl", "jsonl", "qa_columns"),
        ("d/b/c.csv", "csv", "qa_columns"),
        ("d/notes.md", "markdown", "plain_text"),
    ]
    assert [one["file"] for one in told["skipped"]] == ["d/.hidden"]
    assert told["refused"][0]["message"].startswith("is a PNG picture, though its name ends in .jsonl")
    assert "kinds" in [one["topic"] for one in version.report["advice"]]


def test_nothing_usable_is_an_error_and_makes_no_version(ws, write):
    with pytest.raises(InputError) as caught:
        prepare(write("bad.jsonl", '{"a": 1}\n{"a": 2}\nxx\n'), workspace=ws)
    assert str(caught.value) == (
        "none of 3 items became a record. bad.jsonl, line 1: found the columns 'a'; expected columns of a known shape. "
        "Say what they mean in the recipe, such as prepare.mapping: {question: a, answer: COLUMN}, or {text: a} "
        "(2 in all); "
        "bad.jsonl, line 3: is not JSON: expecting value at character 1. Mend the line, or remove it (1 in all)."
    )
    with pytest.raises(InputError, match=r"empty.jsonl: is empty; expected at least one record"):
        prepare(write("empty.jsonl", ""), workspace=ws)
    with pytest.raises(NotFoundError, match=r"gone.jsonl: no such file or folder"):
        prepare("gone.jsonl", workspace=ws)
    assert datasets.versions(ws) == []


def test_a_mistake_in_the_recipe_is_found_before_any_file_is_read(ws):
    with pytest.raises(SettingError, match=r"no step is called 'normalise'. Did you mean 'normalize'"):
        prepare("gone.jsonl", workspace=ws, recipe=PrepareRecipe(steps=("normalise",)))
    with pytest.raises(UsageError, match="no input was named"):
        prepare([], workspace=ws)


def test_settings_of_default_steps_alone(ws, write):
    leave = {"personal_data": {"leave": ["person_name_zh"]}}
    recipe = PrepareRecipe(steps=leave)
    assert [one if isinstance(one, str) else one["name"] for one in recipe.steps] == list(DEFAULT_STEPS)
    path = write("a.jsonl", lines([{"question": "店长是谁？", "answer": "店长的名字叫邱明远。"}]))
    hidden, kept = prepare(path, workspace=ws), prepare(path, workspace=ws, recipe=recipe)
    assert "邱明远" not in next(versions.records(ws, hidden.name))[0].full_text
    assert "邱明远" in next(versions.records(ws, kept.name))[0].full_text
    assert "names" in {one["topic"] for one in hidden.report["advice"]}
    assert "names" not in {one["topic"] for one in kept.report["advice"]}


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ({"spam": {}}, "a list of steps where others than the default ones"),
        ({"length": 5}, "the settings of length as a mapping"),
        ("length", r"expected a list, as in \[a, b\]"),
    ],
)
def test_steps_that_are_no_list(steps, sentence):
    with pytest.raises(SettingError, match=sentence):
        read(PrepareRecipe, {"steps": steps}, path="prepare")


def test_a_mapping_for_columns_that_cannot_be_guessed(ws, write):
    path = write("odd.jsonl", lines([{"foo": f"问{n}", "bar": f"答案第{n}条"} for n in range(3)]))
    version = prepare(path, workspace=ws, recipe=PrepareRecipe(mapping={"question": "foo", "answer": "bar"}))
    assert version.report["counts"]["kept"] == 3


def test_a_dry_run_tells_all_and_keeps_nothing(ws, write):
    path = write("messy.jsonl", MESSY)
    told = prepare(path, workspace=ws, dry_run=True)
    assert told.name == ""
    assert told.report["counts"] == {"kept": 43, "merged": 2, "dropped": 1, "rejected": 2}
    assert datasets.versions(ws) == []
    assert sources(ws) == []
    assert not [
        path
        for path in ws.folder.rglob("*")
        if path.is_file() and path.suffix not in (".db", ".json", "-wal", "-shm") and "db" not in path.name
    ]


def test_repeats_may_count_as_weight(ws, write):
    path = write("a.jsonl", lines([question(1), question(2), question(1), question(1)]))
    version = prepare(path, workspace=ws, recipe=PrepareRecipe(weights="repeats"))
    assert sorted(weight for _, _, weight in versions.records(ws, version)) == [1.0, 3.0]
    without = prepare(path, workspace=ws, recipe=PrepareRecipe(weights="repeats", steps=("normalize",)))
    assert sorted(weight for _, _, weight in versions.records(ws, without)) == [1.0, 3.0]
    assert without.report["reasons"][0]["reason"] == "same_record"


def test_groups_stay_on_one_side(ws, write):
    rows = [{**question(n), "conversation_id": n // 5} for n in range(200)]
    version = prepare(write("a.jsonl", lines(rows)), workspace=ws)
    assert all(version.splits.values())
    sides: dict[int, set[str]] = {}
    for record, split, _ in versions.records(ws, version):
        number = int(record.messages[0].content[1:].split("问")[0])
        sides.setdefault(number // 5, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())


def test_a_version_is_extended_and_keeps_its_splits(ws, write):
    old = prepare(write("a.jsonl", lines([question(n) for n in range(100)])), workspace=ws)
    more = write("b.jsonl", lines([question(n) for n in range(90, 160)]))
    new = prepare(more, workspace=ws, recipe=PrepareRecipe(extend=old.name))
    assert (new.name, new.parent, new.records) == ("data-2", "data-1", 160)
    before = {record.id: split for record, split, _ in versions.records(ws, old)}
    after = {record.id: split for record, split, _ in versions.records(ws, new)}
    assert {key: after[key] for key in before} == before
    assert new.report["counts"] == {"kept": 60, "merged": 10, "dropped": 0, "rejected": 0}
    assert versions.difference(ws, old, new) == {"added": 60, "removed": 0, "same": 100, "moved": 0}
    assert len(list(versions.fates(ws, new))) == 170
    shared = next(
        record for record, _, _ in versions.records(ws, old) if record.messages[0].content.startswith("第95问")
    )
    assert {one.source for one in versions.origins_of(ws, new, shared.id)} == {"source-1", "source-2"}
    assert [one.name for one in versions.trace(ws, shared.id)] == ["data-1", "data-2"]


def test_a_dropped_item_can_be_taken_back(ws, write):
    path = write("messy.jsonl", MESSY)
    version = prepare(path, workspace=ws)
    by_outcome = {fate.outcome: fate for fate in versions.fates(ws, version)}
    dropped = by_outcome["dropped"]
    versions.restore(ws, version, dropped.source, dropped.item, person="王工", note="这条要留")
    again = prepare(path, workspace=ws)
    assert again.name == "data-2"
    assert again.report["counts"] == {"kept": 44, "merged": 2, "dropped": 0, "rejected": 2}
    with pytest.raises(UsageError, match=r"cannot be read: messy.jsonl, line 46"):
        versions.restore(ws, version, "source-1", by_outcome["rejected"].item, person="x")
    with pytest.raises(UsageError, match="says the same as r1:"):
        versions.restore(ws, version, "source-1", by_outcome["merged"].item, person="x")
    with pytest.raises(UsageError, match="is in the version already"):
        versions.restore(ws, version, "source-1", 0, person="x")
    with pytest.raises(NotFoundError, match="has no item 99"):
        versions.restore(ws, version, "source-1", 99, person="x")


def test_what_merged_into_a_record_follows_it(ws, write):
    """The repeat of a record that later loses its phone number ends at the record without it."""
    row = {"question": "电话？", "answer": "请拨打13812345678联系我们，谢谢。"}
    version = prepare(write("a.jsonl", lines([row, row, question(1)])), workspace=ws)
    fates = list(versions.fates(ws, version))
    assert [fate.outcome for fate in fates] == ["kept", "merged", "kept"]
    assert fates[0].record == fates[1].record
    assert len(versions.origins_of(ws, version, fates[0].record)) == 2


def test_the_licence_and_kind_of_the_source_are_remembered(ws, write):
    recipe = PrepareRecipe.model_validate({"source": {"kind": "public", "licence": "CC-BY-4.0", "grade": "a"}})
    version = prepare(write("a.jsonl", lines([question(1)])), workspace=ws, recipe=recipe)
    record = next(record for record, _, _ in versions.records(ws, version))
    assert versions.origins_of(ws, version, record.id)[0].licence == "CC-BY-4.0"
    source = sources(ws)[0]
    assert (source.kind, source.grade, source.licence) == ("public", "a", "CC-BY-4.0")


def test_progress_and_stopping(ws, write, monkeypatch):
    from tuneloop.errors import StoppedError
    from tuneloop.runs import queue
    from tuneloop.runs.lease import Lease

    seen = []
    prepare(write("a.jsonl", lines([question(n) for n in range(20)])), workspace=ws, progress=seen.append)
    assert [one.stage for one in seen][-1] == "commit"
    assert max(one.done for one in seen if one.stage == "prepare") == 20
    monkeypatch.setattr(Lease, "should_stop", lambda lease: "cancel")
    with pytest.raises(StoppedError):
        prepare(write("b.jsonl", lines([question(n) for n in range(30)])), workspace=ws)
    assert queue.show(ws).state == "cancelled"
    assert len(datasets.versions(ws)) == 1


def test_a_later_pass_can_be_followed_and_stopped(ws, write, monkeypatch):
    from tuneloop.errors import StoppedError
    from tuneloop.runs import queue
    from tuneloop.runs.lease import Lease

    seen = []

    def look(progress):
        seen.append((progress.stage, progress.done, progress.total))
        if progress.stage == "clean":
            monkeypatch.setattr(Lease, "should_stop", lambda lease: "cancel")

    rows = write("a.jsonl", lines([question(n) for n in range(600)]))
    with pytest.raises(StoppedError, match="nothing was kept"):
        prepare(rows, workspace=ws, progress=look)
    assert seen[-1] == ("clean", 0, 600)
    assert queue.show(ws).state == "cancelled"
    assert datasets.versions(ws) == []


def test_no_raw_rows_are_left_behind(ws, write):
    prepare(write("messy.jsonl", MESSY), workspace=ws)
    left = ws.path("runs", "run-9") / "spill"
    left.mkdir()
    (left / "1.arrow").write_bytes(b"13812345678")
    prepare(write("b.jsonl", lines([question(1)])), workspace=ws)
    assert not list(ws.folder.rglob("*.arrow"))


def test_a_file_that_changes_while_it_is_read_is_told(ws, write, monkeypatch):
    from tuneloop.prepare.source_file import SourceFile

    path = write("a.jsonl", lines([question(1)]))
    states = iter([(1, 1), (2, 2)])
    monkeypatch.setattr(SourceFile, "fingerprint", lambda file: next(states))
    version = prepare(path, workspace=ws)
    sentence = next(one["text"]["en"] for one in version.report["advice"] if one["topic"] == "changed")
    assert sentence.startswith("a.jsonl was changed while it was read")


def test_inputs_are_named_once(ws, write):
    path = write("a.jsonl", lines([question(1)]))
    with pytest.raises(UsageError, match="is named twice"):
        prepare([path, Path(path.parent, ".", "a.jsonl")], workspace=ws)


def test_two_files_of_one_name_and_content_are_one_source_with_all_items(ws, tmp_path, monkeypatch):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text(lines([question(1), question(2)]))
    version = prepare([tmp_path / "x" / "a.jsonl", tmp_path / "y" / "a.jsonl"], workspace=ws)
    fates = list(versions.fates(ws, version))
    assert len({(fate.source, fate.item) for fate in fates}) == len(fates) == 4
    assert version.report["counts"] == {"kept": 2, "merged": 2, "dropped": 0, "rejected": 0}


def test_a_repeat_in_another_conversation_ties_both(ws, write):
    """A record that stands in two conversations draws both to one side."""
    rows = [{**question(n), "conversation_id": n // 2} for n in range(100)]
    bridges = [{**question(4 * n), "conversation_id": 2 * n + 1} for n in range(25)]
    version = prepare(write("a.jsonl", lines([*rows, *bridges])), workspace=ws)
    assert version.report["counts"]["merged"] == 25
    sides: dict[int, set[str]] = {}
    for record, split, _ in versions.records(ws, version):
        sides.setdefault(int(record.messages[0].content[1:].split("问")[0]) // 4, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    assert version.splits["test"] > 0


def test_a_workspace_that_cannot_be_written(ws, write, monkeypatch):
    import errno

    from tuneloop.errors import StorageError

    path = write("a.jsonl", lines([question(n) for n in range(5)]))
    real = Path.mkdir

    def refuse(folder, *args, **more):
        if folder.name == "spill":
            raise OSError(errno.EROFS, "read-only")
        return real(folder, *args, **more)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match="this place is read-only"):
        prepare(path, workspace=ws)
    assert datasets.versions(ws) == []


def test_a_disk_that_fills_up(ws, write, monkeypatch):
    import errno

    import pyarrow as pa

    from tuneloop.errors import StorageError
    from tuneloop.runs import queue

    path = write("a.jsonl", lines([question(n) for n in range(5)]))

    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(pa, "OSFile", full)
    with pytest.raises(StorageError, match=r"the disk is full .* nothing was half-written"):
        prepare(path, workspace=ws)
    assert datasets.versions(ws) == []
    assert queue.show(ws).state == "failed"
    monkeypatch.undo()
    assert prepare(path, workspace=ws).name == "data-1"


@forks
def test_two_processes_prepare_at_once(tmp_path, empty_workspace, write):
    shutil.copytree(empty_workspace, tmp_path / "both")
    paths = [write(f"{name}.jsonl", lines([question(n) for n in range(10 + place)])) for place, name in enumerate("ab")]

    def work(path):
        with Workspace.find(tmp_path / "both") as ws:
            prepare(path, workspace=ws)

    children = [fork(lambda path=path: work(path)) for path in paths]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    with Workspace.find(tmp_path / "both") as ws:
        assert sorted(version.records for version in datasets.versions(ws)) == [10, 11]
        assert [version.name for version in datasets.versions(ws)] == ["data-1", "data-2"]


def test_lone_surrogates_are_refused_with_their_field(ws, write):
    rows = [
        r'{"question": "正常的问题", "answer": "正常的回答"}',
        r'{"question": "坏的\ud83d", "answer": "x"}',
        r'{"messages": [{"role": "user", "content": "q"}], "question": "q", "answer": {"a": ["\udc00"]}}',
    ]
    version = prepare(write("a.jsonl", "\n".join(rows)), workspace=ws)
    assert [fate.message for fate in versions.fates(ws, version, outcome="rejected")] == [
        r"a.jsonl, line 2, field 'question': found the lone surrogate '\ud83d'; expected text that UTF-8 can hold.",
        "a.jsonl, line 3, field 'answer': found an object of 1; expected a text.",
    ]
    assert next(versions.fates(ws, version, outcome="rejected")).excerpt.startswith('{"question": "坏的')
