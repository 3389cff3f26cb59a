"""A job as the recipes of the loop: how its files are prepared, and what is trained with which numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneloop.jobs import held_out
from tuneloop.prepare.checking import epochs as hosted_epochs
from tuneloop.prepare.recipe import DEFAULT_STEPS, PrepareRecipe
from tuneloop.records import DatasetVersion
from tuneloop.store.jobs import Job

RATE = 0.1
"""The learning rate multiplier that stands for the rate which our rules derive."""

SHARE = 0.002
MOST_BATCH = 256
OBJECTIVES: Mapping[str, str] = {"supervised": "sft", "dpo": "dpo", "reinforcement": "grpo"}
ANSWERS, FEWEST, MOST = 8, 2, 64
"""Answers to each question at a compute multiplier of 1, and the bounds."""


def numbers_of(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = job.method[job.method["type"]]["hyperparameters"]
    return found


def prepare_recipe(job: Job, inputs: Sequence[Path]) -> dict[str, Any]:
    """Cleaning as usual, but for reinforcement, whose references are data that must stay as they are.

    `inputs` are what `write_inputs` made: the validation file first, where there is one.
    """
    options = job.options
    share = float(options.get("validation_split", 0.1))
    recipe: dict[str, Any] = {
        "steps": list(DEFAULT_STEPS) if job.method["type"] != "reinforcement" else [],
        "split": {"name": "clustered", "validation": share, "test": 0.0, "seed": job.seed, "minimum": 20}
        if share
        else "train_only",
    }
    recipe |= {key: value for key, value in options.get("prepare", {}).items() if value is not None}
    if job.validation_file is not None:
        recipe |= held_out.rules(PrepareRecipe(steps=recipe["steps"]).steps, inputs)
    return recipe


def train_recipe(job: Job, version: DatasetVersion, base: str) -> dict[str, Any]:
    """The training recipe without a learning rate where that is a multiple of the derived one (`rate_of`)."""
    numbers, options = numbers_of(job), job.options
    recipe: dict[str, Any] = {
        "base": base,
        "objective": _objective(job),
        "tuner": {"name": "lora", **options.get("lora", {})},
        "seed": job.seed,
        "epochs": _given(numbers["n_epochs"]),
        "batch": _given(numbers["batch_size"]),
        "replay": options.get("replay"),
        "max_length": options.get("max_seq_len"),
        "max_steps": options.get("max_steps"),
        "eval_every": _given(numbers.get("eval_interval", "auto")),
    }
    if options.get("preset") == "openai":
        examples = version.splits.get("train", 0)
        recipe["epochs"] = recipe["epochs"] or hosted_epochs(examples)
        recipe["batch"] = recipe["batch"] or hosted_batch(examples)
    own = {key: value for key, value in options.get("train", {}).items() if value is not None}
    if "batch_tokens" in own:  # says the same in another unit
        recipe["batch"] = None
    return {key: value for key, value in recipe.items() if value is not None} | own


def multiplier(job: Job) -> float | None:
    """The learning rate in units of a tenth of the derived one; None: as derived."""
    found = _given(numbers_of(job)["learning_rate_multiplier"])
    return None if found is None else float(found)


def hosted_batch(examples: int) -> int:
    """Azure's: about 0.2 % of the examples, at most 256."""
    return min(MOST_BATCH, max(1, round(SHARE * examples)))


def resolved_numbers(job: Job, recipe: Mapping[str, Any], rate: float | None) -> dict[str, Any]:
    """The request's hyperparameters with `auto` replaced by what is used; `rate` is the derived learning rate."""
    numbers = dict(numbers_of(job))
    epochs = float(recipe["epochs"])
    numbers["n_epochs"] = int(epochs) if epochs == int(epochs) else epochs
    numbers["batch_size"] = recipe["batch"] or numbers["batch_size"]
    if numbers["learning_rate_multiplier"] == "auto":
        share = recipe["learning_rate"] / rate if rate else 1.0
        numbers["learning_rate_multiplier"] = float(f"{RATE * share:.4g}")
    objective = recipe["objective"] if isinstance(recipe["objective"], dict) else {}
    if "beta" in numbers and numbers["beta"] == "auto":
        numbers["beta"] = objective.get("beta", 0.1)
    if numbers.get("compute_multiplier") == "auto":
        numbers["compute_multiplier"] = objective.get("samples", ANSWERS) / ANSWERS
    if numbers.get("eval_samples") == "auto":
        numbers["eval_samples"] = 1
    if numbers.get("eval_interval") == "auto" and recipe.get("eval_every"):
        numbers["eval_interval"] = recipe["eval_every"]
    return numbers


def _objective(job: Job) -> str | dict[str, Any]:
    name = job.method["type"]
    numbers = numbers_of(job)
    if name == "dpo":
        beta = _given(numbers["beta"])
        return "dpo" if beta is None else {"name": "dpo", "beta": beta}
    if name == "reinforcement":
        times = _given(numbers["compute_multiplier"]) or 1.0
        grader = {
            "name": "grader",
            "grader": job.method[name]["grader"],
            "bases": job.options.get("grader_models", {}),
        }
        samples = min(MOST, max(FEWEST, round(ANSWERS * times)))
        drawn = _given(numbers["eval_samples"])
        several = {} if drawn is None else {"eval_samples": drawn}
        return {"name": "grpo", "rewards": [grader], "samples": samples, **several}
    return OBJECTIVES[name]


def _given(value: Any) -> Any:
    return None if value == "auto" else value
