"""What a job holds out: rows of both files are validated on alone; options that contradict are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.served import chat_line, chat_lines
from tests.jobs.test_tuning import make, upload, work_here

from tuneloop.errors import InputError, SettingError
from tuneloop.jobs import creating
from tuneloop.jobs.request import read_request
from tuneloop.prepare import versions
from tuneloop.store import Workspace, datasets, jobs, models, settings
from tuneloop.store.jobs import Job

ONE_STEP: dict[str, Any] = {"max_steps": 1, "train": {"general": "none"}}
NEAR = ["normalize", "near_duplicates"]


@pytest.fixture
def ws(tmp_path: Path, tiny_base: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        settings.set_setting(ws, "bases", {"tiny": str(tiny_base)})
        yield ws


def questions(ws: Workspace, split: Any) -> set[str]:
    return {record.messages[0].text for record, _, _ in versions.records(ws, "newest", split)}


def asked(rows: list[dict[str, Any]]) -> set[str]:
    return {str(row["messages"][0]["content"]) for row in rows}


def left_out(ws: Workspace, job: Job) -> list[int]:
    """What the events say of rows that stand in both files."""
    told = [event.data.get("tuneloop", {}) for event in jobs.events_since(ws, job.id, 0, 999) if event.level == "warn"]
    return [one["in_both"] for one in told if "in_both" in one]


def test_rows_of_both_files_are_validated_on_and_not_trained_on(ws: Workspace) -> None:
    rows = chat_lines(14)
    held = [rows[3], rows[8], chat_line("Who is held out?", "This one is.")]
    spaced = [chat_line(rows[5]["messages"][0]["content"] + "  ", rows[5]["messages"][1]["content"])]
    done = work_here(ws, make(ws, rows, validation_file=upload(ws, held + spaced, "held.jsonl"), tuneloop=ONE_STEP))
    assert done.status == "succeeded", done.error
    assert dict(datasets.version(ws, "newest").splits) == {"train": 11, "validation": 4, "test": 0}
    assert questions(ws, "validation") & asked(rows) <= asked([rows[3], rows[8], rows[5]])
    assert questions(ws, "train") == asked(rows) - asked([rows[3], rows[8], rows[5]])
    assert left_out(ws, done) == [3]
    (checkpoint,) = jobs.checkpoints(ws, done.id)[0]
    assert checkpoint.metrics["valid_loss"] > 0


def test_rows_that_only_cleaning_makes_equal_are_validated_on(ws: Workspace) -> None:
    """Personal data goes after exact repeats went: the two become one record when the version is made."""
    rows = [*chat_lines(11), chat_line("What is her address in the office?", "Write to ann.lee@example.org please.")]
    held = [chat_line("What is her address in the office?", "Write to bob.fox@example.org please.")]
    mode = {"prepare": {"steps": ["exact_duplicates", {"name": "personal_data", "mode": "redact"}]}}
    done = work_here(ws, make(ws, rows, validation_file=upload(ws, held, "h.jsonl"), tuneloop={**ONE_STEP, **mode}))
    assert dict(datasets.version(ws, "newest").splits) == {"train": 11, "validation": 1, "test": 0}
    assert left_out(ws, done) == [1]


@pytest.mark.parametrize("keep", [None, "grade", "first"])
def test_near_duplicates_of_two_files_are_validated_on(ws: Workspace, keep: str | None) -> None:
    whole = "The train to the northern coast leaves from platform nine every morning at half past six."
    near = chat_line("When does the train to the northern coast leave in the morning?", whole)
    # worse by its cut-off end, so that without the files' grades it would merge into the row that is trained on
    held = [chat_line("When does the train to the northern coast leave in the mornings?", whole.rstrip("."))]
    step: Any = "near_duplicates" if keep is None else {"name": "near_duplicates", "keep": keep}
    ours = {**ONE_STEP, "prepare": {"steps": ["normalize", step]}}
    done = work_here(ws, make(ws, [*chat_lines(11), near], validation_file=upload(ws, held, "h.jsonl"), tuneloop=ours))
    assert done.status == "succeeded", done.error
    assert questions(ws, "validation") == asked(held)
    assert not questions(ws, "train") & asked([near])
    assert left_out(ws, done) == [1]


@pytest.mark.parametrize("keep", ["longest", "newest"])
def test_a_rule_that_could_keep_the_row_that_is_trained_on_is_refused(keep: str) -> None:
    steps = [{"name": "near_duplicates", "keep": keep}]
    body = {"model": "m", "training_file": "a", "tuneloop": {"prepare": {"steps": steps}}}
    read_request(body)
    with pytest.raises(SettingError, match="validation_file") as told:
        read_request({**body, "validation_file": "b"})
    assert told.value.where is not None
    assert told.value.where.field == "tuneloop.prepare.steps.0.keep"


def test_equal_files_leave_nothing_to_train_on(ws: Workspace) -> None:
    rows = chat_lines(12)
    with pytest.raises(creating.InvalidValidationFile, match="nothing is left to train on"):
        make(ws, rows, validation_file=upload(ws, rows, "same.jsonl"))
    assert jobs.jobs(ws)[0] == []
    job = make(ws, rows, validation_file=upload(ws, rows[::-1], "turned.jsonl"), tuneloop=ONE_STEP)
    with pytest.raises(InputError, match="nothing is left to train on"):
        work_here(ws, job)
    failed = jobs.job(ws, job.id)
    assert failed.error is not None
    assert (failed.error["code"], failed.error["param"]) == ("invalid_training_file", "training_file")
    assert "stands in the validation file, too" in failed.error["message"]


TRAIN = "tuneloop.train"
LORA = {"rank": 4}


@pytest.mark.parametrize(
    ("more", "one", "other"),
    [
        (
            {"hyperparameters": {"learning_rate_multiplier": 0.2}, TRAIN: {"learning_rate": 1e-3}},
            "hyperparameters.learning_rate_multiplier",
            f"{TRAIN}.learning_rate",
        ),
        ({"hyperparameters": {"n_epochs": 3}, TRAIN: {"epochs": 5}}, "hyperparameters.n_epochs", f"{TRAIN}.epochs"),
        ({"hyperparameters": {"batch_size": 3}, TRAIN: {"batch": 5}}, "hyperparameters.batch_size", f"{TRAIN}.batch"),
        (
            {"hyperparameters": {"batch_size": 3}, TRAIN: {"batch_tokens": 500}},
            "hyperparameters.batch_size",
            f"{TRAIN}.batch_tokens",
        ),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 2}}}, TRAIN: {"epochs": 2}},
            "method.dpo.hyperparameters.n_epochs",
            f"{TRAIN}.epochs",
        ),
        ({"tuneloop": {"max_steps": 3}, TRAIN: {"max_steps": 5}}, "tuneloop.max_steps", f"{TRAIN}.max_steps"),
        ({"tuneloop": {"max_seq_len": 30}, TRAIN: {"max_length": 50}}, "tuneloop.max_seq_len", f"{TRAIN}.max_length"),
        ({"tuneloop": {"replay": 0.1}, TRAIN: {"replay": 0.2}}, "tuneloop.replay", f"{TRAIN}.replay"),
        ({"tuneloop": {"lora": LORA}, TRAIN: {"tuner": "full"}}, "tuneloop.lora", f"{TRAIN}.tuner"),
        (
            {"tuneloop": {"lora": LORA}, TRAIN: {"tuner": {"name": "lora", "rank": 8}}},
            "tuneloop.lora",
            f"{TRAIN}.tuner",
        ),
        (
            {"tuneloop": {"validation_split": 0.2, "prepare": {"split": "train_only"}}},
            "tuneloop.validation_split",
            "tuneloop.prepare.split",
        ),
        (
            {"validation_file": "b", "tuneloop": {"validation_split": 0.2}},
            "validation_file",
            "tuneloop.validation_split",
        ),
        (
            {"validation_file": "b", "tuneloop": {"prepare": {"split": "clustered"}}},
            "validation_file",
            "tuneloop.prepare.split",
        ),
        (
            {"hyperparameters": {"n_epochs": 3}, "method": {"type": "supervised"}},
            "method.supervised.hyperparameters",
            "hyperparameters.n_epochs",
        ),
    ],
)
def test_two_options_for_one_thing_are_refused_by_both_names(more: dict[str, Any], one: str, other: str) -> None:
    body = {"model": "m", "training_file": "a", **{key: value for key, value in more.items() if key != TRAIN}}
    if TRAIN in more:
        body["tuneloop"] = {**body.get("tuneloop", {}), "train": more[TRAIN]}
    with pytest.raises(SettingError) as told:
        read_request(body)
    assert told.value.where is not None
    assert told.value.where.field == other
    assert one in str(told.value)


def test_options_that_only_look_alike_are_taken() -> None:
    body = {"model": "m", "training_file": "a"}
    same = {"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": 0.2}
    for more in (
        {"hyperparameters": {"n_epochs": "auto"}, "tuneloop": {"train": {"epochs": 5}}},
        {"hyperparameters": {"n_epochs": 3}, "tuneloop": {"max_steps": 5, "train": {"epochs": None}}},
        {"hyperparameters": same, "method": {"type": "supervised", "supervised": {"hyperparameters": same}}},
        {"validation_file": "b", "tuneloop": {"prepare": {"steps": NEAR}, "lora": {}, "train": {"tuner": "full"}}},
    ):
        asked = read_request({**body, **more})
        assert (asked.training_file, asked.validation_file) == ("a", more.get("validation_file"))
        assert asked.options.train == more.get("tuneloop", {}).get("train", {})


def test_the_rate_of_the_recipe_is_shown_as_the_multiple_that_it_is(ws: Workspace) -> None:
    derived = work_here(ws, make(ws, chat_lines(12), tuneloop=ONE_STEP))
    rate = models.model(ws, "newest").recipe["train"]["learning_rate"]
    ours = {**ONE_STEP, "train": {"general": "none", "learning_rate": 3 * rate}}
    done = work_here(ws, make(ws, chat_lines(12), tuneloop=ours))
    shown = [job.method["supervised"]["hyperparameters"]["learning_rate_multiplier"] for job in (derived, done)]
    assert shown == [pytest.approx(0.1), pytest.approx(0.3)]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"hyperparameters": {"n_epochs": True}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"learning_rate_multiplier": False}}, "hyperparameters.learning_rate_multiplier"),
        ({"seed": True}, "seed"),
        ({"tuneloop": {"max_steps": True}}, "tuneloop.max_steps"),
        ({"tuneloop": {"train": {"epochs": True}}}, "tuneloop.train.epochs"),
        ({"tuneloop": {"lora": {"rank": True}}}, "tuneloop.lora.rank"),
        ({"tuneloop": {"classification_betas": [True]}}, "tuneloop.classification_betas"),
    ],
)
def test_true_is_no_number(more: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingError, match="expected a number, not true or false") as told:
        read_request({"model": "m", "training_file": "a", **more})
    assert told.value.where is not None
    assert told.value.where.field == field
