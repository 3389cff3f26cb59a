"""A test set that independent preparations share."""

import json
import random

import pytest
from tests.prepare.test_versions_life import ids, lines

from tuneloop.errors import UsageError
from tuneloop.prepare import PrepareRecipe, forgetting, prepare, versions
from tuneloop.prepare.frozen import test_set as shared_test
from tuneloop.prepare.passport import passport
from tuneloop.store import datasets


def row(number: int, customer: str = "a") -> dict[str, str]:
    """A question and an answer that share nothing with others."""
    drawn = random.Random(number)
    question, answer = ("".join(chr(drawn.randrange(0x4E00, 0x9F00)) for _ in range(count)) for count in (24, 40))
    return {"question": question, "answer": answer, "customer_id": customer}


def made(ws, write, name, rows, **settings):
    return prepare(write(name, lines(rows)), workspace=ws, recipe=PrepareRecipe(**settings))


@pytest.fixture
def first(ws, write):
    return made(ws, write, "first.jsonl", [row(number, f"customer-{number}") for number in range(60)])


def test_another_preparation_has_the_test_set_and_trains_on_the_rest(ws, write, first):
    second = made(ws, write, "second.jsonl", [row(number) for number in range(200, 260)], test_of=first.name)
    for split in ("test", "validation"):
        assert ids(ws, second, split) == ids(ws, first, split)
    assert second.splits["train"] == 60
    assert not ids(ws, second, "train") & ids(ws, first)
    assert second.report["test_of"] == first.name
    assert second.parent is None
    third = made(ws, write, "third.jsonl", [row(number) for number in range(300, 330)], test_of=second.name)
    assert third.report["test_of"] == first.name
    assert shared_test(ws, third).same_as == (first.name, second.name)
    other = made(ws, write, "other.jsonl", [row(number) for number in range(400, 460)])
    assert shared_test(ws, other).same_as == ()


def test_what_is_close_to_the_test_set_is_left_out_with_the_reason(ws, write, first):
    tested = [record.messages for record, _, _ in versions.records(ws, first, "test")]
    near = {"question": tested[0][0].text, "answer": tested[0][1].text + "好的"}
    same = {"question": tested[1][0].text, "answer": tested[1][1].text}
    second = made(
        ws, write, "second.jsonl", [near, same, *(row(number) for number in range(200, 240))], test_of="data-1"
    )
    fates = list(versions.fates(ws, second))
    own = [fate for fate in fates if fate.source == "source-2"]
    assert [(fate.outcome, fate.reason) for fate in own[:2]] == [("dropped", "held_out"), ("merged", "exact_duplicate")]
    assert [fate.outcome for fate in own[2:]] == ["kept"] * 40
    assert ids(ws, second, "test") == ids(ws, first, "test")
    (told,) = [one for one in second.report["reasons"] if one["reason"] == "held_out"]
    assert told["count"] == 1
    assert told["words"]["zh"]


def test_its_records_keep_their_origins_and_edits_and_nothing_else_comes_along(ws, write):
    rows = [row(number) | {"question": row(number)["question"] + "13812345678"} for number in range(60)]
    first = made(ws, write, "first.jsonl", rows)
    second = made(ws, write, "second.jsonl", [row(number) for number in range(200, 230)], test_of=first.name)
    one = min(ids(ws, second, "test"))
    found = passport(ws, one)
    assert found.versions == {first.name: "test", second.name: "test"}
    assert [origin.source for origin in found.origins] == ["source-1"]
    assert found.edits
    held = first.splits["test"] + first.splits["validation"]
    assert sum(fate.source == "source-1" for fate in versions.fates(ws, second)) == held


def test_forgetting_a_test_record_takes_it_from_all_that_share_it(ws, write, first):
    second = made(ws, write, "second.jsonl", [row(number) for number in range(200, 230)], test_of=first.name)
    one = min(ids(ws, second, "test"))
    (origin,) = versions.origins_of(ws, first, one)
    assert origin.subject
    done = forgetting.forget(ws, forgetting.touched(ws, subject=origin.subject), person="mei", rebuild=False)
    assert set(done.versions) == {first.name, second.name}
    for name in (*done.versions, *done.versions.values()):
        assert one not in ids(ws, name)
    newest = datasets.version(ws, done.versions[second.name])
    assert set(shared_test(ws, newest).same_as) == {first.name, second.name, done.versions[first.name]}


def test_the_same_again_is_the_same_version_and_mistakes_are_told(ws, write, first):
    rows = [row(number) for number in range(200, 230)]
    second = made(ws, write, "second.jsonl", rows, test_of=first.name)
    assert made(ws, write, "second.jsonl", rows, test_of=first.name).name == second.name
    with pytest.raises(UsageError, match="one of them"):
        made(ws, write, "x.jsonl", rows, test_of=first.name, extend=first.name)
    trained = made(ws, write, "t.jsonl", rows, split="train_only")
    with pytest.raises(UsageError, match="no test records"):
        made(ws, write, "x.jsonl", rows, test_of=trained.name)


def test_the_command_and_the_list_say_it(ws, write, first, capsys):
    from tuneloop.app.cli.main import main

    second = made(ws, write, "second.jsonl", [row(number) for number in range(200, 230)], test_of=first.name)

    def said(*words: str) -> str:
        capsys.readouterr()
        assert main(["data", *words, "-w", str(ws.folder)]) == 0
        return capsys.readouterr().out

    assert json.loads(said("test-set", second.name, "--json"))["same_as"] == [first.name]
    assert first.name in said("test-set")
    assert said().count(first.name) == 3  # its own line, whose test set it has, and the same in the line of the other
