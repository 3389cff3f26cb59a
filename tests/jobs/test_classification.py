"""Classification figures of jobs: those of known tables, the model's own probabilities, and the columns of the file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.jobs.served import chat_line, jsonl

from tuneloop.app.wiring import work
from tuneloop.errors import InputError, SettingError
from tuneloop.jobs import classification, creating, uploads
from tuneloop.models.loading import load
from tuneloop.models.versions import load_version
from tuneloop.records import Record, Turn
from tuneloop.runs.queue import claim
from tuneloop.store import Workspace, datasets, files, jobs, models, settings
from tuneloop.store.jobs import Job
from tuneloop.train import data


def test_two_classes_by_hand() -> None:
    """Three of the class that counts, five of the other; two found, one missed, one taken by mistake."""
    score = np.array([0.9, 0.5, 0.2, 0.8, 0.3, 0.1, 0.1, 0.0])
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    found = classification.figures(truth, np.stack([1 - score, score], 1), 1, [0.5, 1.0, 2.0])
    # pairs (positive, negative) in the right order: 0.9 beats 5, 0.5 beats 4, 0.2 beats 3, of 15
    # at the three positives' thresholds precision is 1/1, 2/3 and 3/5
    expected = {
        "accuracy": 6 / 8, "precision": 2 / 3, "recall": 2 / 3, "auroc": 12 / 15, "auprc": (1 + 2 / 3 + 3 / 5) / 3,
        "f0.5": 2 / 3, "f1": 2 / 3, "f2": 2 / 3,
    }  # fmt: skip
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)
    # the other class as the positive one: 4 of 5 found, and one taken by mistake; 0.5 counts as found
    other = classification.figures(truth, np.stack([1 - score, score], 1), 0, [0.5, 2.0])
    precision, recall = 4 / 6, 4 / 5
    assert (other["precision"], other["recall"]) == pytest.approx((precision, recall))
    assert other["f0.5"] == pytest.approx(1.25 * precision * recall / (0.25 * precision + recall))
    assert other["f2"] == pytest.approx(5 * precision * recall / (4 * precision + recall))


def test_three_classes_by_hand() -> None:
    truth, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])
    found = classification.figures(truth, np.eye(3)[said] * 0.9 + 1 / 30, 1, [1.0])
    # F1 = 2 TP / (2 TP + FP + FN): 4/5, 2/4, 2/3, weighted by how many examples a class has
    assert found == pytest.approx({"accuracy": 4 / 6, "weighted_f1_score": (3 * 4 / 5 + 2 * 2 / 4 + 2 / 3) / 6})


def test_of_one_class_alone_there_are_no_areas() -> None:
    found = classification.figures(np.array([0, 0]), np.array([[0.8, 0.2], [0.1, 0.9]]), 1, [1.0])
    assert (found["accuracy"], found["recall"], found["f1"]) == (0.5, 0.0, 0.0)
    assert math.isnan(found["auroc"])
    assert math.isnan(found["auprc"])


def test_a_class_s_score_is_what_transformers_gives_to_its_answer_and_the_end(tiny_base: Path) -> None:
    from transformers import AutoModelForCausalLM

    lm = load(tiny_base, "float32")
    theirs = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)
    record = Record("chat", messages=(Turn("user", "好吗？"), Turn("assistant", "yes")))
    texts = ["yes", "yes, please", "不"]
    scores = []
    for text in texts:
        before = lm.template.render(record.messages[:1], (), add_generation_prompt=True)
        whole = lm.template.render([record.messages[0], Turn("assistant", text)], ())
        start, ids = len(lm.tokenizer.encode(before)), lm.tokenizer.encode(whole)
        with torch.no_grad():
            rows = theirs(torch.tensor([ids])).logits[0].log_softmax(-1)
        scores.append(sum(float(rows[place - 1, ids[place]]) for place in range(start, len(ids))))
    expected = np.exp(scores) / np.exp(scores).sum()
    assert classification.probabilities(lm, record, texts, 200) == pytest.approx(expected.tolist(), rel=1e-3)
    assert classification.probabilities(lm, record, texts, 12) is None


@pytest.fixture
def ws(tmp_path: Path, tiny_base: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        settings.set_setting(ws, "bases", {"tiny": str(tiny_base)})
        yield ws


def rows(answers: list[str], count: int = 40) -> list[dict[str, Any]]:
    return [chat_line(f"{'猫狗鸟'[n % 3]} number {n * 37 % 101}?", answers[n % len(answers)]) for n in range(count)]


def make(ws: Workspace, lines: list[dict[str, Any]], ours: dict[str, Any] | None = None, **more: Any) -> Job:
    part = ws.blobs.new_part()
    part.write_bytes(jsonl(lines))
    file = uploads.keep(ws, part, filename="train.jsonl", purpose="fine-tune").id
    options = {"max_steps": 2, "validation_split": 0.3, "prepare": {"steps": []}, **(ours or {})}
    return creating.create(ws, {"model": "tiny", "training_file": file, "tuneloop": options, **more})


def work_here(ws: Workspace, job: Job) -> Job:
    lease = claim(ws, job.run)
    assert lease is not None
    with lease:
        work(ws, lease)
    return jobs.job(ws, job.id)


def table(ws: Workspace, job: Job) -> list[dict[str, str]]:
    (result,) = job.result_files
    return list(csv.DictReader(io.StringIO(files.content(ws, files.file(ws, result)).read_text())))


def scored(ws: Workspace, job: Job, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities of the held-out rows, each class by the finished model's logits of the whole text."""
    made = models.model(ws, "newest")
    lm = load_version(ws, made)
    truth, table = [], []
    for item in data.items(ws, datasets.version(ws, str(made.dataset)), "validation"):
        question, answer = item.record.messages
        start = len(lm.tokenizer.encode(lm.template.render([question], (), add_generation_prompt=True)))
        likely = []
        for name in names:
            ids = lm.tokenizer.encode(lm.template.render([question, Turn("assistant", name)], ()))
            with torch.no_grad():
                all_rows = lm.logits(torch.tensor(ids)).log_softmax(-1)
            likely.append(sum(float(all_rows[place - 1, ids[place]]) for place in range(start, len(ids))))
        truth.append(names.index(answer.text))
        table.append(np.exp(likely) / np.exp(likely).sum())
    return np.array(truth), np.array(table)


def test_a_job_of_two_classes(ws: Workspace) -> None:
    names = ["no", "no, never"]
    job = make(
        ws,
        rows(names),
        compute_classification_metrics=True,  # at the top level, as the old command line sent them
        classification_n_classes=2,
        classification_positive_class="no, never",
        classification_betas=[0.5, 1.5],
    )
    done = work_here(ws, job)
    assert done.status == "succeeded", done.error
    *before, last = table(ws, done)
    columns = [name for name in last if name.startswith("classification/")]
    assert columns == [
        f"classification/{name}" for name in ("accuracy", "precision", "recall", "auroc", "auprc", "f0.5", "f1.5")
    ]
    assert all(row[name] == "" for row in before for name in columns)
    truth, probability = scored(ws, done, names)
    assert len(truth) >= 8
    said, right = probability[:, 1] >= 0.5, truth == 1
    won = [
        1.0 if mine > other else 0.5 if mine == other else 0.0
        for mine in probability[right, 1]
        for other in probability[~right, 1]
    ]
    assert float(last["classification/accuracy"]) == pytest.approx(float((said == right).mean()))
    assert float(last["classification/recall"]) == pytest.approx(float((said & right).sum() / right.sum()))
    assert float(last["classification/auroc"]) == pytest.approx(float(np.mean(won)))
    told = [event.message for event in jobs.events_since(ws, done.id, 0, 99)]
    assert "The answers are 2 classes; the positive one is 'no, never'" in told


def test_a_job_of_three_classes(ws: Workspace) -> None:
    names = ["bad", "fair", "good"]
    ours = {"compute_classification_metrics": True, "classification_n_classes": 3}
    done = work_here(ws, make(ws, rows(names, 60), ours))
    assert done.status == "succeeded", done.error
    last = table(ws, done)[-1]
    columns = {name: float(value) for name, value in last.items() if name.startswith("classification/")}
    assert list(columns) == ["classification/accuracy", "classification/weighted_f1_score"]
    truth, probability = scored(ws, done, names)
    said = probability.argmax(1)
    f1 = []
    for one in range(3):
        hits = int(((said == one) & (truth == one)).sum())
        f1.append(2 * hits / (int((said == one).sum()) + int((truth == one).sum())))
    weighted = sum(f1[one] * int((truth == one).sum()) for one in range(3)) / len(truth)
    assert columns["classification/accuracy"] == pytest.approx(float((said == truth).mean()))
    assert columns["classification/weighted_f1_score"] == pytest.approx(weighted)


@pytest.mark.parametrize(
    ("answers", "ours", "told"),
    [
        (["yes", "no"], {"classification_n_classes": 3}, "2 classes ('no', 'yes')"),
        (["yes", "no"], {"classification_positive_class": "maybe"}, "no answer is 'maybe'"),
        (["a", "b", "c"], {"classification_positive_class": "a"}, "there are 3 classes"),
        (["yes"], {}, "the answers are 1 class"),
    ],
)
def test_classes_that_are_not_those_named_fail_before_anything_is_trained(
    ws: Workspace, answers: list[str], ours: dict[str, Any], told: str
) -> None:
    job = make(ws, rows(answers), {"compute_classification_metrics": True, **ours})
    with pytest.raises(InputError, match="class"):
        work_here(ws, job)
    failed = jobs.job(ws, job.id)
    assert failed.status == "failed"
    assert told in (failed.error or {})["message"]
    assert not [event for event in jobs.events_since(ws, job.id, 0, 99) if event.type == "metrics"]


@pytest.mark.parametrize(
    ("ours", "field"),
    [
        ({"classification_n_classes": 2}, "classification_n_classes"),
        ({"compute_classification_metrics": True, "classification_betas": [1]}, "classification_positive_class"),
        (
            {
                "compute_classification_metrics": True,
                "classification_betas": [0],
                "classification_positive_class": "a",
            },
            "classification_betas",
        ),
    ],
)
def test_settings_that_would_do_nothing_are_refused(ws: Workspace, ours: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingError) as told:
        make(ws, rows(["a", "b"]), ours)
    assert told.value.where is not None
    assert told.value.where.field == field


def test_rows_for_lack_of_others_are_told(ws: Workspace) -> None:
    ours = {"compute_classification_metrics": True, "validation_split": 0, "max_steps": 1}
    done = work_here(ws, make(ws, rows(["a", "b"], 12), ours))
    assert any("Nothing was held out" in event.message for event in jobs.events_since(ws, done.id, 0, 99))
    assert table(ws, done)[-1]["classification/f1"] != ""
