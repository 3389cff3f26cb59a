"""Everything a later step depends on, as files: an interrupted run goes on from them to the same numbers.

    weights.safetensors    float32 masters of the weights that move, by name
    moments.safetensors    the optimizer's memory, and torch's random state
    state.json             `State`: steps done, tokens seen, best validation so far

The data's position is the step itself, as batches are a pure function of (seed, step).  Safetensors and JSON only: a
checkpoint from elsewhere can be read without running its code.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.train.fit import State
from tuneloop.train.optimizer import Updater

if TYPE_CHECKING:
    from torch import Tensor

RANDOM = "random.cpu"


def save(folder: Path, state: State, updater: Updater) -> None:
    """Write a checkpoint into an empty folder; making it visible is the caller's business."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder, updater)
    save_file(_owned(updater.moments()) | {RANDOM: torch.get_rng_state()}, folder / "moments.safetensors")
    values = {**vars(state), "best": state.best if math.isfinite(state.best) else None}
    (folder / "state.json").write_text(json.dumps(values), encoding="utf-8")


def load(folder: Path, updater: Updater) -> State:
    """Put weights, moments and random state back; returns where the run was."""
    import torch
    from safetensors.torch import load_file

    load_weights(folder, updater)
    moments = load_file(folder / "moments.safetensors")
    torch.set_rng_state(moments.pop(RANDOM))
    updater.load_moments(moments)
    values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return State(**{**values, "best": math.inf if values["best"] is None else values["best"]})


def save_weights(folder: Path, updater: Updater) -> None:
    from safetensors.torch import save_file

    save_file(_owned(updater.masters()), folder / "weights.safetensors")


def load_weights(folder: Path, updater: Updater) -> None:
    from safetensors.torch import load_file

    updater.load_masters(load_file(folder / "weights.safetensors"))


def _owned(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    # Views of one flat row share storage, which safetensors refuses to write.
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
