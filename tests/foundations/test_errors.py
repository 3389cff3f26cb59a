"""Errors are sentences: what was found, what was expected, where, and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from tuneloop import errors
from tuneloop.errors import InputError, SettingError, StoppedError, TuneloopError, UsageError, Where, nearest


def test_an_error_reads_as_a_sentence() -> None:
    error = InputError(
        "found 'bot'", expected="a role", where=Where("a.jsonl", line=3, field="role"), do="Rename it to 'assistant'."
    )
    assert str(error) == "a.jsonl, line 3, field 'role': found 'bot'; expected a role. Rename it to 'assistant'."


def test_parts_that_are_unknown_are_left_out() -> None:
    assert str(InputError("the file is empty.")) == "the file is empty."
    assert str(InputError("no such key", where=Where(), do="Did you mean 'rank'?")) == (
        "no such key. Did you mean 'rank'?"
    )
    assert str(Where(file="a.csv", row=2)) == "a.csv, row 2"


def test_the_error_document_names_every_part() -> None:
    document = InputError("found 3", expected="a text", where=Where("a.csv", row=2, field="q"), do="Quote it").as_dict()
    assert document == {
        "code": "input",
        "message": "a.csv, row 2, field 'q': found 3; expected a text. Quote it.",
        "found": "found 3",
        "expected": "a text",
        "file": "a.csv",
        "line": None,
        "row": 2,
        "field": "q",
        "do": "Quote it",
    }


def all_kinds(kind: type[TuneloopError] = TuneloopError) -> Iterator[type[TuneloopError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from all_kinds(inner)


USUAL = [kind for kind in all_kinds() if kind.__init__ is TuneloopError.__init__]
"""Those with parts of their own are known only where another test has imported them, and cross no border."""


@pytest.mark.parametrize("kind", USUAL, ids=lambda kind: kind.__name__)
def test_an_error_crosses_a_process_border_whole(kind: type[TuneloopError]) -> None:
    error = kind("found 1", expected="2", where=Where("a", line=1), do="Try 2")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is kind
    assert copy.as_dict() == error.as_dict()


def test_codes_are_distinct_and_the_tree_is_documented() -> None:
    kinds = [kind for kind in all_kinds() if kind.__module__ == errors.__name__]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)


def test_exit_codes() -> None:
    assert (TuneloopError.exit_code, UsageError.exit_code, SettingError.exit_code) == (1, 2, 2)
    assert StoppedError.exit_code == 130


def test_the_nearest_known_name_is_offered() -> None:
    assert nearest("learnig_rate", ["epochs", "learning_rate"]) == "did you mean 'learning_rate'?"
    assert nearest("zzz", ["rank", "alpha"]) == "known: alpha, rank"


def test_a_key_where_nothing_can_be_set_names_no_others() -> None:
    assert str(errors.unknown_key("side", (), Where())) == "unknown key 'side'. There is nothing to set here."
