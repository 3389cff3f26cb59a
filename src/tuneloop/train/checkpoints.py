"""Everything a later step depends on, as files: an interrupted run goes on from them to the same numbers.

    weights.safetensors    float32 masters of the weights that move, by name
    learner.safetensors    what the objective keeps from step to step; absent where it keeps nothing
    moments.safetensors    the optimizer's memory, and torch's random state
    state.json             `State`: steps done, tokens seen, best validation so far
    model/                 an adapter that can be asked, where the run wants one (`Lease.keeps_models`)

The data's position is the step itself, as batches are a pure function of (seed, step).  Safetensors and JSON only: a
checkpoint from elsewhere can be read without running its code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.errors import ModelError, Where
from tuneloop.train.fit import State
from tuneloop.train.optimizer import Updater

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.train.learner import Learner
    from tuneloop.train.tuner import Tuner

RANDOM, LEARNER, MODEL = "random.cpu", "learner.safetensors", "model"


def save(folder: Path, state: State, updater: Updater, learner: Learner) -> None:
    """Write a checkpoint into an empty folder; making it visible is the caller's business."""
    import torch

    from tuneloop.models.checkpoint import write_tensors

    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder, updater)
    write_tensors(folder / "moments.safetensors", updater.moments() | {RANDOM: torch.get_rng_state()})
    if kept := learner.tensors():
        write_tensors(folder / LEARNER, kept)
    values = {**vars(state), "best": state.best if math.isfinite(state.best) else None}
    (folder / "state.json").write_text(json.dumps(values), encoding="utf-8")


def save_model(folder: Path, tuner: Tuner, learner: Learner) -> None:
    """An adapter that can be asked, inside the checkpoint's folder; nothing where all weights move, or a head does."""
    if tuner.traits.form == "adapter" and "head" not in learner.objective.needs.capabilities:
        place = folder / MODEL
        place.mkdir()
        tuner.save(learner.lm, place)


def load(folder: Path, updater: Updater, learner: Learner) -> State:
    """Put weights, moments and random state back; returns where the run was."""
    import torch
    from safetensors.torch import load_file

    moments = load_file(folder / "moments.safetensors")
    _check(folder / "weights.safetensors", updater.masters(), load_file(folder / "weights.safetensors"))
    _check(folder / "moments.safetensors", {**updater.moments(), RANDOM: torch.get_rng_state()}, moments)
    load_weights(folder, updater)
    torch.set_rng_state(moments.pop(RANDOM))
    updater.load_moments(moments)
    if (folder / LEARNER).is_file():
        learner.load_tensors(load_file(folder / LEARNER))
    values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return State(**{**values, "best": math.inf if values["best"] is None else values["best"]})


def save_weights(folder: Path, updater: Updater) -> None:
    from tuneloop.models.checkpoint import write_tensors

    write_tensors(folder / "weights.safetensors", updater.masters())


def load_weights(folder: Path, updater: Updater) -> None:
    from safetensors.torch import load_file

    updater.load_masters(load_file(folder / "weights.safetensors"))


def _check(file: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse the checkpoint of another recipe before anything of it is taken over."""
    strange = sorted(wanted.keys() ^ found.keys())
    strange += [name for name in wanted.keys() & found.keys() if wanted[name].shape != found[name].shape]
    if strange:
        raise ModelError(
            f"is a checkpoint of another recipe or base: {len(strange)} tensors differ, the first is {strange[0]!r}",
            expected=f"the {len(wanted)} tensors of this run, of the same sizes",
            where=Where(file=file),
            do="Begin a new run; a run goes on only with the settings it began with",
        )
