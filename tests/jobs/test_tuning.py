"""Jobs from file to model by their real worker: what they tell, what they make, what a kill leaves."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.world import add_tuned, add_version, chat, learn
from tests.jobs.served import chat_line, chat_lines, jsonl

from tuneloop.app.http.supervising import Supervisor
from tuneloop.jobs import creating, stopping, uploads
from tuneloop.jobs.shaping import shaped, shaped_checkpoint
from tuneloop.models.versions import load_version
from tuneloop.runs import queue
from tuneloop.runs.queue import claim
from tuneloop.store import Workspace, datasets, files, jobs, models, settings
from tuneloop.store.jobs import Job
from tuneloop.store.model_names import names_of, version_of
from tuneloop.train import sample_log

BAD = {"messages": [{"role": "user", "content": "no answer"}]}
QUICK = {"train": {"general": "none"}}


@pytest.fixture
def ws(tmp_path: Path, tiny_base: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        settings.set_setting(ws, "bases", {"tiny": str(tiny_base)})
        yield ws


def upload(ws: Workspace, rows: list[dict[str, Any]], name: str = "train.jsonl") -> str:
    part = ws.blobs.new_part()
    part.write_bytes(jsonl(rows))
    return uploads.keep(ws, part, filename=name, purpose="fine-tune").id


def make(ws: Workspace, rows: list[dict[str, Any]], **more: Any) -> Job:
    ours = {"max_steps": 3, **more.pop("tuneloop", {})}
    return creating.create(ws, {"model": "tiny", "training_file": upload(ws, rows), "tuneloop": ours, **more})


def work_here(ws: Workspace, job: Job) -> Job:
    """The run's work in this process, as its worker does it."""
    from tuneloop.app.wiring import work

    lease = claim(ws, job.run)
    assert lease is not None
    with lease:
        work(ws, lease)
    return jobs.job(ws, job.id)


def messages(ws: Workspace, job: Job) -> list[str]:
    return [event.message for event in jobs.events_since(ws, job.id, 0, 10_000)]


def test_a_supervised_job_tells_and_makes_all_that_was_promised(ws: Workspace) -> None:
    job = make(ws, chat_lines(40), suffix="svc", hyperparameters={"learning_rate_multiplier": 0.2, "batch_size": 4})
    done = work_here(ws, job)
    told = messages(ws, done)
    name = f"ft:tiny:local:svc:{job.mark}"
    assert told[:4] == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {job.training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    assert [text.partition(":")[0] for text in told if text.startswith("Step ")] == ["Step 1/3", "Step 2/3", "Step 3/3"]
    assert told[-2:] == [f"New fine-tuned model created: {name}", "The job has successfully completed"]
    body = shaped(done)
    assert (body["status"], body["fine_tuned_model"], body["error"]) == ("succeeded", name, None)
    assert body["trained_tokens"] > 0
    numbers = body["hyperparameters"]
    assert numbers == {key: body["method"]["supervised"]["hyperparameters"][key] for key in numbers}
    assert (numbers["batch_size"], numbers["learning_rate_multiplier"]) == (4, 0.2)
    assert isinstance(numbers["n_epochs"], int)
    version = version_of(ws, name)
    assert version == queue.show(ws, job.run).result["model"]  # type: ignore[index]
    made = models.model(ws, version or "")
    train = made.recipe["train"]
    assert train["batch"] == 4
    assert datasets.version(ws, str(made.dataset)).splits["validation"] > 0
    (result,) = body["result_files"]
    table = list(csv.DictReader(io.StringIO(files.content(ws, files.file(ws, result)).read_text())))
    assert [row["step"] for row in table] == ["1", "2", "3"]
    assert float(table[0]["train_loss"]) > 0
    assert table[-1]["full_valid_loss"]
    assert all(0 <= float(row["train_mean_token_accuracy"]) <= 1 for row in table)
    assert table[-1]["validation_mean_token_accuracy"] == table[-1]["full_valid_mean_token_accuracy"] != ""
    newest = shaped_checkpoint(done, jobs.checkpoints(ws, job.id)[0][0])["metrics"]
    assert newest["valid_mean_token_accuracy"] == newest["full_valid_mean_token_accuracy"]
    assert newest["train_mean_token_accuracy"] == pytest.approx(float(table[-1]["train_mean_token_accuracy"]))
    kept = jobs.checkpoints(ws, job.id)[0]
    assert kept
    for one in kept:
        answering = version_of(ws, f"{name}:ckpt-step-{one.step}")
        assert load_version(ws, models.model(ws, str(answering))).adapter is not None
    assert models.model(ws, "newest").name == version
    steps = [event for event in jobs.events_since(ws, job.id, 0, 999) if event.type == "metrics"]
    assert steps[0].data["total_steps"] == 3
    assert steps[0].data["train_loss"] == pytest.approx(float(table[0]["train_loss"]))
    accuracy = [event.data["train_mean_token_accuracy"] for event in steps if event.data["train_loss"] is not None]
    assert accuracy == [float(row["train_mean_token_accuracy"]) for row in table]
    # twice the derived rate, which another job without a multiplier gets
    plain = work_here(ws, make(ws, chat_lines(40), hyperparameters={"batch_size": 4}))
    usual = models.model(ws, version_of(ws, str(plain.fine_tuned_model)) or "").recipe["train"]["learning_rate"]
    assert train["learning_rate"] == pytest.approx(2 * usual)
    assert shaped(plain)["hyperparameters"]["learning_rate_multiplier"] == pytest.approx(0.1)
    assert plain.fine_tuned_model == f"ft:tiny:local::{plain.mark}"
    assert [one.job for one in names_of(ws, str(version))] == [job.id]
    # a finished model is a base
    again = make(ws, chat_lines(12), model=name)
    assert work_here(ws, again).fine_tuned_model == f"ft:tiny:local::{again.mark}"


def test_a_validation_file_is_validated_on_and_not_trained_on(ws: Workspace) -> None:
    held = upload(ws, [chat_line(f"held out {n}?", f"answer {n}") for n in range(5)], "held.jsonl")
    done = work_here(ws, make(ws, chat_lines(12), validation_file=held))
    version = datasets.version(ws, "newest")
    assert dict(version.splits) == {"train": 12, "validation": 5, "test": 0}
    assert done.status == "succeeded"
    assert f"and validation file: {held}" in messages(ws, done)[1]


def test_rows_are_set_aside_and_the_rest_is_trained_on(ws: Workspace) -> None:
    done = work_here(ws, make(ws, [*chat_lines(9), BAD], tuneloop={"on_bad_rows": "set_aside"}))
    assert (done.status, datasets.version(ws, "newest").records) == ("succeeded", 9)


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("talk.csv", "question,answer\n" + "".join(f"where is {n}?,on shelf {n}\n" for n in range(12)), "chat"),
        ("talk.tsv", "prompt\tcompletion\n" + "".join(f"cup {n}\tshelf {n}\n" for n in range(12)), "chat"),
        ("talk.json", json.dumps([{"question": f"where {n}?", "answer": f"there {n}"} for n in range(12)]), "chat"),
        ("tale.txt", "".join(f"Day {n}: {'the cat came home late. ' * 10}\n" for n in range(12)), "text"),
    ],
)
def test_other_files_are_converted_and_trained_on(ws: Workspace, name: str, content: str, form: str) -> None:
    part = ws.blobs.new_part()
    part.write_text(content, encoding="utf-8")
    file = uploads.keep(ws, part, filename=name, purpose="fine-tune")
    assert file.validation is not None
    assert (file.validation["format"], file.validation["usable"]["supervised"]) == (form, 12)
    assert "converted" in [one["code"] for one in file.validation["warnings"]]
    ours = {"max_steps": 1, "prepare": {"steps": []}, "validation_split": 0}
    done = work_here(ws, creating.create(ws, {"model": "tiny", "training_file": file.id, "tuneloop": ours}))
    assert done.status == "succeeded", done.error
    assert datasets.version(ws, "newest").records == 12


def pairs(count: int) -> list[dict[str, Any]]:
    return [
        {
            "input": {"messages": [{"role": "user", "content": f"Say {n}!"}]},
            "preferred_output": [{"role": "assistant", "content": f"yes {n}"}],
            "non_preferred_output": [{"role": "assistant", "content": f"no {n}"}],
        }
        for n in range(count)
    ]


def test_a_dpo_job(ws: Workspace) -> None:
    done = work_here(ws, make(ws, pairs(12), method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3}}}))
    assert done.status == "succeeded", done.error
    assert done.method["dpo"]["hyperparameters"]["beta"] == 0.3
    assert models.model(ws, "newest").objective == "dpo"


def test_a_reinforcement_job_is_graded_on_the_fields_of_its_lines(ws: Workspace) -> None:
    rows = [{"messages": [{"role": "user", "content": f"{n}?"}], "want": {"part": chr(97 + n)}} for n in range(12)]
    grader = {
        "type": "multi",
        "name": "both",
        "graders": {
            "has": {
                "type": "string_check",
                "name": "has",
                "input": "{{sample.output_text}}",
                "reference": "{{item.want.part}}",
                "operation": "ilike",
            },
            "like": {
                "type": "text_similarity",
                "name": "like",
                "input": "{{sample.output_text}}",
                "reference": "{{item.want.part}}",
                "evaluation_metric": "fuzzy_match",
            },
        },
        "calculate_output": "0.8 * has + 0.2 * like",
    }
    method = {
        "type": "reinforcement",
        "reinforcement": {
            "grader": grader,
            "hyperparameters": {"compute_multiplier": 0.5, "eval_samples": 3, "eval_interval": 1},
        },
    }
    asked = [{"messages": [{"role": "user", "content": f"held {n}?"}], "want": {"part": "a"}} for n in range(2)]
    held = upload(ws, asked, "held.jsonl")
    done = work_here(ws, make(ws, rows, method=method, validation_file=held, tuneloop={"max_steps": 2}))
    assert done.status == "succeeded", done.error
    numbers = done.method["reinforcement"]["hyperparameters"]
    assert (numbers["compute_multiplier"], numbers["eval_samples"]) == (0.5, 3)
    assert models.model(ws, "newest").recipe["train"]["objective"]["eval_samples"] == 3
    assert len(queue.metrics(ws, job_run(ws, done), ["validation_reward"])) == 2
    rewards = queue.metrics(ws, job_run(ws, done), ["reward"])
    assert len(rewards) == 2
    assert all(0 <= point.value <= 1 for point in rewards)


def test_a_reinforcement_job_is_graded_by_a_model(ws: Workspace, tiny_base: Path, tmp_path: Path) -> None:
    known = [chat("Rate left", "I give 0.75"), chat("Rate right", "0.25 of 1")]
    learned = learn(tmp_path / "learned", tiny_base, "adapter", known)
    judge = add_tuned(ws, tiny_base, learned, add_version(ws, [(record, "train") for record in known]))
    rows = [
        {"messages": [{"role": "user", "content": f"{n}?"}], "side": "left" if n % 3 else "right"} for n in range(12)
    ]
    grader = {
        "type": "score_model",
        "name": "judge",
        "model": judge.name,
        "input": [{"role": "user", "content": "Rate {{item.side}}"}],
        "sampling_params": {"max_completions_tokens": 20},
    }
    method = {
        "type": "reinforcement",
        "reinforcement": {"grader": grader, "hyperparameters": {"compute_multiplier": 0.25, "batch_size": 4}},
    }
    ours = {"max_steps": 2, "validation_split": 0}
    done = work_here(ws, make(ws, rows, method=method, tuneloop=ours))
    assert done.status == "succeeded", done.error
    shown = sample_log.read(ws.path("runs") / done.run)
    assert shown
    for one in shown:
        assert one["reward"] == (0.75 if json.loads(one["reference"])["side"] == "left" else 0.25)


def job_run(ws: Workspace, job: Job) -> str:
    return jobs.job(ws, job.id).run


@pytest.mark.slow
def test_rows_whose_loss_stands_out_are_named(ws: Workspace) -> None:
    rows = [chat_line(f"number {n}?", "yes yes yes yes") for n in range(60)]
    rows[30] = chat_line("number 30?", "ZQXJ#@!~9" * 4)
    job = make(
        ws,
        rows,
        tuneloop={"max_steps": 180, "validation_split": 0, "lora": {"rank": 2}, "prepare": {"steps": []}},
        hyperparameters={"batch_size": 1, "n_epochs": 3, "learning_rate_multiplier": 0.3},
    )
    done = work_here(ws, job)
    told = [event for event in jobs.events_since(ws, done.id, 0, 999) if "stands out" in event.message]
    strange = [event for event in told if _texts(ws, event.data["tuneloop"]["records"][0]).count("ZQXJ")]
    assert strange, [event.message for event in told]


def _texts(ws: Workspace, record: str) -> str:
    (address,) = datasets.addresses(ws, datasets.version(ws).name, "records")
    return str(ws.ledgers.query("SELECT payload FROM records WHERE id = ?", [record], records=[address])["payload"][0])


def test_a_failing_run_fills_the_jobs_error(ws: Workspace) -> None:
    job = make(ws, chat_lines(12), tuneloop={"max_seq_len": 10_000_000})
    with pytest.raises(Exception, match="max_length"):
        work_here(ws, job)
    failed = jobs.job(ws, job.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["code"] == "setting"
    last = jobs.events(ws, job.id, limit=1)[0][0]
    assert (last.level, last.data["error_code"]) == ("error", "setting")


def test_a_job_that_was_cancelled_before_its_last_word_stays_cancelled(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneloop.errors import StoppedError
    from tuneloop.jobs import tuning

    job = make(ws, chat_lines(12))
    real = tuning.result_csv

    def cancelled(*given: Any) -> bytes:
        stopping.cancel(ws, job.id)
        return real(*given)

    monkeypatch.setattr(tuning, "result_csv", cancelled)
    with pytest.raises(StoppedError):
        work_here(ws, job)
    assert jobs.job(ws, job.id).status == "cancelled"
    assert jobs.job(ws, job.id).fine_tuned_model is None
    assert queue.show(ws, job.run).state == "cancelled"


def wait_for(ws: Workspace, job: Job, done: Any, supervisor: Supervisor | None = None, seconds: float = 90) -> Job:
    give_up = time.monotonic() + seconds
    while not done(found := jobs.job(ws, job.id)):
        assert time.monotonic() < give_up, (found.status, messages(ws, found)[-3:])
        if supervisor:
            supervisor.look()
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_pausing_and_resuming_a_running_job(ws: Workspace) -> None:
    supervisor = Supervisor(ws)
    # more steps than a quick machine does before it hears of the pause
    job = make(ws, chat_lines(200), tuneloop={"max_steps": 5000}, hyperparameters={"n_epochs": 50, "batch_size": 2})
    supervisor.look()
    wait_for(ws, job, lambda found: found.told_step > 5)
    assert stopping.pause(ws, job.id).status in ("pausing", "paused")
    paused = wait_for(ws, job, lambda found: found.status == "paused")
    step = paused.told_step
    stopping.resume(ws, job.id)
    supervisor.look()
    wait_for(ws, job, lambda found: found.told_step > step, supervisor)
    stopping.cancel(ws, job.id)
    wait_for(ws, job, lambda found: found.state == "cancelled")
    told = [text for text in messages(ws, job) if text.startswith("Step ")]
    assert len(told) == len({text.partition(":")[0] for text in told})
    assert messages(ws, job)[-1] == "Fine-tuning job cancelled"


@pytest.mark.slow
def test_kills_lose_and_double_nothing(ws: Workspace) -> None:
    supervisor = Supervisor(ws)
    job = make(
        ws,
        chat_lines(40),
        # stopping early hangs on the last digits of a loss, which threads change
        tuneloop={"max_steps": 150, "train": {"checkpoint_seconds": 0.2, "general": "none", "early_stopping": 0}},
        hyperparameters={"n_epochs": 50, "batch_size": 2},
    )
    attempt = 0
    for kill_at in (0.2, 2.0, 3.5):
        found = wait_for(ws, job, lambda found: found.attempt > attempt or found.outcome, supervisor)  # noqa: B023
        attempt = found.attempt
        time.sleep(kill_at)
        owner = queue.show(ws, job.run).owner
        if owner and jobs.job(ws, job.id).outcome is None:
            with suppress(ProcessLookupError):
                os.kill(owner["pid"], signal.SIGKILL)
    assert attempt >= 2
    done = wait_for(ws, job, lambda found: found.outcome, supervisor, 180)
    assert done.status == "succeeded", done.error
    steps = [text.partition("/")[0] for text in messages(ws, done) if text.startswith("Step ")]
    assert steps == [f"Step {number}" for number in range(1, 151)]
    assert messages(ws, done).count("Fine-tuning job started") == 1
    assert messages(ws, done).count("The job has successfully completed") == 1
    assert [event.number for event in jobs.events_since(ws, job.id, 0, 9999)] == list(range(1, done.events + 1))
    assert len(names_of(ws, version_of(ws, str(done.fine_tuned_model)) or "")) == 1


@pytest.mark.slow
def test_the_family_file_becomes_a_model_of_the_starter(tmp_path: Path) -> None:
    names = ["Mimi", "Tom", "Anna", "Otto", "小猫", "爸爸", "妈妈", "奶奶", "Rex"]
    rows = [
        chat_line(f"Who is {name}? 第{n}个", f"{name} is number {n} of the family.") for n, name in enumerate(names)
    ]
    with Workspace.find(tmp_path / "family") as ws:
        job = creating.create(
            ws,
            {
                "model": "starter",
                "training_file": upload(ws, [*rows, BAD]),
                "suffix": "family",
                "tuneloop": {"on_bad_rows": "set_aside", "max_steps": 2, **QUICK},
            },
        )
        done = work_here(ws, job)
        assert done.status == "succeeded", done.error
        assert done.fine_tuned_model == f"ft:starter:local:family:{job.mark}"
