"""Classification by the starter model: how well, against characters and a linear model; how fast, against HF Trainer.

    python benchmarks/classification.py linear --data FOLDER --root FOLDER [--sets waimai thucnews] [--seeds 3]
    python benchmarks/classification.py f1     --data FOLDER --root FOLDER [--sets waimai thucnews] [--seeds 3]
    python benchmarks/classification.py speed  --data FOLDER --root FOLDER [--rounds 3]

`--data` holds `thucnews_dev.tsv` with `thucnews_class.txt` (10,000 headlines, 10 classes) and `waimai_10k.csv` (11,987
takeaway reviews, good or bad).  Texts are stripped; a text that comes again counts once, one that has two classes not
at all.  Rows are shuffled with the seed: a fifth is the test split, a twentieth the validation split, the rest is
trained on.

linear  TF-IDF of character 1- to 3-grams and logistic regression on the training and the validation rows, C from 1, 3,
        10, 30, 100 by five-fold cross-validation of macro F1.  Kept in the root: takes minutes a seed, once.
f1      That beside `tuneloop train` with its defaults on the starter and `tuneloop evaluate` on the whole test split.
speed   Both sides tune all weights of the starter in float32 on waimai, 32 texts a step in random order, each run in a
        process of its own, one after the other; a round runs both, and every other round begins with the other one.
        HF Trainer pads each batch to its longest text.  Timed are whole steps (data, forward, backward, optimizer)
        behind the first five, in texts per second.

Settings of `tuneloop train` may be given as `--set key=value`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STARTER = Path(__file__).resolve().parents[1] / "src" / "tuneloop" / "models" / "starter"
BATCH, WARM, STEPS = 32, 5, 40
GRID = (1, 3, 10, 30, 100)
Row = tuple[str, str]
"""A text and its class."""


def rows(folder: Path, name: str) -> list[Row]:
    if name == "thucnews":
        names = (folder / "thucnews_class.txt").read_text(encoding="utf-8").split()
        lines = (folder / "thucnews_dev.tsv").read_text(encoding="utf-8").splitlines()
        pairs = [line.rsplit("\t", 1) for line in lines if line.strip()]
        found = [(text, names[int(number)]) for text, number in pairs]
    else:
        with (folder / "waimai_10k.csv").open(newline="", encoding="utf-8") as file:
            found = [(row["review"], "good" if row["label"] == "1" else "bad") for row in csv.DictReader(file)]
    classes: dict[str, set[str]] = {}
    for text, label in found:
        classes.setdefault(text.strip(), set()).add(label)
    return [(text, next(iter(labels))) for text, labels in classes.items() if len(labels) == 1]


def divided(found: list[Row], seed: int) -> dict[str, list[Row]]:
    random.Random(seed).shuffle(found)
    test, validation = len(found) // 5, len(found) // 20
    return {
        "test": found[:test],
        "validation": found[test : test + validation],
        "train": found[test + validation :],
    }


def add_version(ws: Any, parts: dict[str, list[Row]], name: str) -> Any:
    """The rows as a dataset version with exactly these splits."""
    from tuneloop.records import Record
    from tuneloop.store import datasets

    made = [(Record("label", text=text, label=label), split) for split, part in parts.items() for text, label in part]
    tables = {
        "records": [{"id": r.id, "kind": r.kind, "length": len(r.full_text), "payload": r.canonical} for r, _ in made],
        "origins": [
            {"record": r.id, "source": name, "file": f"{name}.csv", "item": n, "locator": f"row {n}"}
            for n, (r, _) in enumerate(made)
        ],
        "members": sorted(
            ({"record": r.id, "split": split, "weight": 1.0} for r, split in made), key=lambda row: str(row["record"])
        ),
    }
    ledgers = {}
    for kind, table in tables.items():
        with ws.ledgers.writer(kind) as writer:
            writer.write(table)
            ledgers[kind] = writer.commit()
    return datasets.add_version(
        ws,
        id=f"d1:{name}-{len(made)}-{made[0][0].id[-8:]}",
        splits={split: len(part) for split, part in parts.items()},
        kinds={"label": len(made)},
        pipeline={},
        report={},
        ledgers=ledgers,
    )


def linear(parts: dict[str, list[Row]]) -> tuple[float, float]:
    """Macro F1 on the test split, and the C that was chosen."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    trained = parts["train"] + parts["validation"]
    model = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), LogisticRegression(max_iter=300))
    search = GridSearchCV(model, {"logisticregression__C": list(GRID)}, scoring="f1_macro", cv=5)
    search.fit([text for text, _ in trained], [label for _, label in trained])
    said = search.predict([text for text, _ in parts["test"]])
    right = [label for _, label in parts["test"]]
    return float(f1_score(right, said, average="macro")), float(search.best_params_["logisticregression__C"])


def kept(args: argparse.Namespace, name: str, seed: int) -> tuple[float, float]:
    """The linear side of a set and seed, from the root where it has been there before."""
    file = args.root / "linear.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        row = json.loads(line)
        if (row["set"], row["seed"]) == (name, seed):
            return row["macro_f1"], row["c"]
    found, strength = linear(divided(rows(args.data, name), seed))
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"set": name, "seed": seed, "macro_f1": found, "c": strength}) + "\n")
    return found, strength


def baselines(args: argparse.Namespace) -> None:
    for name in args.sets:
        for seed in range(args.seeds):
            found, strength = kept(args, name, seed)
            print(f"{name} {seed}: {found:.4f} at C = {strength:g}", flush=True)


def ours(parts: dict[str, list[Row]], name: str, settings: dict[str, Any], root: Path) -> tuple[float, float]:
    """Macro F1 on the test split, and the seconds of tuning."""
    from tuneloop.evaluate import EvaluateRecipe, evaluate
    from tuneloop.store import Workspace
    from tuneloop.train import TrainRecipe, train

    with tempfile.TemporaryDirectory(dir=root) as place, Workspace.find(Path(place)) as ws:
        version = add_version(ws, parts, name)
        began = time.perf_counter()
        model = train(version, TrainRecipe(**{"precision": "float32", **settings}), workspace=ws)
        took = time.perf_counter() - began
        report = evaluate(model, workspace=ws, recipe=EvaluateRecipe(split="test", max_records=len(parts["test"])))
        assert report.metrics["counts"]["questions"] == len(parts["test"])
        return report.metrics["tuned"]["macro_f1"], took


def f1(args: argparse.Namespace) -> None:
    from tuneloop.config import assign

    settings: dict[str, Any] = {}
    for one in args.set:
        assign(settings, one)
    lines = [
        "| set | seed | TF-IDF and logistic regression | C | starter | difference | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in args.sets:
        found = []
        for seed in range(args.seeds):
            parts = divided(rows(args.data, name), seed)
            before, strength = kept(args, name, seed)
            after, took = ours(parts, name, {**settings, "seed": seed}, args.root)
            found.append((before, after))
            keep(
                args.root, {"set": name, "seed": seed, "linear": before, "c": strength, "ours": after, "seconds": took}
            )
            row = f"{before:.4f} | {strength:g} | {after:.4f} | {100 * (after - before):+.2f} | {took:.0f}"
            lines.append(f"| {name} | {seed} | {row} |")
            print(lines[-1], flush=True)
        means = [statistics.mean(one) for one in zip(*found, strict=True)]
        lines.append(f"| {name} | mean | {means[0]:.4f} | | {means[1]:.4f} | {100 * (means[1] - means[0]):+.2f} | |")
    print("\n".join(lines))


def speed(args: argparse.Namespace) -> None:
    ratios = []
    print("| round | tuneloop texts/s | HF Trainer texts/s | ratio |\n|---|---|---|---|")
    for number in range(args.rounds):
        order = ("ours", "hf") if number % 2 == 0 else ("hf", "ours")
        found = {who: _child(who, args) for who in order}
        ratios.append(found["ours"] / found["hf"])
        keep(args.root, {"round": number, **found})
        print(f"| {number} | {found['ours']:.0f} | {found['hf']:.0f} | {ratios[-1]:.2f} |", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


def _child(who: str, args: argparse.Namespace) -> float:
    words = [sys.executable, __file__, "child", "--data", str(args.data), "--root", str(args.root), "--who", who]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["texts_per_second"])


def child(args: argparse.Namespace) -> None:
    parts = divided(rows(args.data, "waimai"), 0)
    moments = (_hf if args.who == "hf" else _ours)(parts, args.root)
    took = moments[-1] - moments[WARM - 1]
    print(json.dumps({"texts_per_second": BATCH * (len(moments) - WARM) / took}))


def _ours(parts: dict[str, list[Row]], root: Path) -> list[float]:
    """When each step ended."""
    from tuneloop.records import Progress
    from tuneloop.store import Workspace
    from tuneloop.train import TrainRecipe, train

    moments: list[float] = []

    def watch(progress: Progress) -> None:
        if progress.stage == "train":
            moments.append(time.perf_counter())

    classes = {"name": "classify", "pool": "last", "language": 0, "noise": 0}  # the loss that HF Trainer has
    recipe = TrainRecipe(
        objective=classes, tuner="full", precision="float32", batch=BATCH, max_steps=STEPS, learning_rate=1e-3,
        schedule="constant", warmup=0, eval_every=0, general="none",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=root) as place, Workspace.find(Path(place)) as ws:
        version = add_version(ws, {"train": parts["train"]}, "waimai")
        train(version, recipe, workspace=ws, progress=watch)
    return moments


def _hf(parts: dict[str, list[Row]], root: Path) -> list[float]:
    """When each step ended."""
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    moments: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *given: Any, **named: Any) -> None:
            moments.append(time.perf_counter())

    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    numbers = {label: number for number, label in enumerate(sorted({label for _, label in parts["train"]}))}
    encoded = tokenizer([text for text, _ in parts["train"]], truncation=True, max_length=1024)["input_ids"]
    data = [
        {"input_ids": [*ids, tokenizer.eos_token_id], "labels": numbers[label]}
        for ids, (_, label) in zip(encoded, parts["train"], strict=True)
    ]
    model = AutoModelForSequenceClassification.from_pretrained(STARTER, num_labels=len(numbers), dtype=torch.float32)
    with tempfile.TemporaryDirectory(dir=root) as place:
        arguments = TrainingArguments(
            output_dir=place, per_device_train_batch_size=BATCH, max_steps=STEPS, learning_rate=1e-3,
            lr_scheduler_type="constant", save_strategy="no", logging_strategy="no", use_cpu=True, report_to="none",
            disable_tqdm=True,
        )  # fmt: skip
        Trainer(
            model, arguments, train_dataset=data, data_collator=DataCollatorWithPadding(tokenizer), callbacks=[Clock()]
        ).train()
    return moments


def keep(root: Path, row: dict[str, Any]) -> None:
    with (root / "classification.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("linear", "f1", "speed", "child"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["waimai", "thucnews"], choices=("waimai", "thucnews"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--who", choices=("ours", "hf"), default="ours")
    args = parser.parse_args(words)
    args.root.mkdir(parents=True, exist_ok=True)
    {"linear": baselines, "f1": f1, "speed": speed, "child": child}[args.what](args)


if __name__ == "__main__":
    main()
