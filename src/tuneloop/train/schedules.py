"""How the learning rate moves over a run: a factor between 0 and 1, a pure function of the step.

Steps count from 0; `total` is the number of steps of the whole run and `warmup` how many of them rise linearly from
near 0 (step 0 already moves: its factor is 1 / warmup).  What follows the rise:

    constant   1 to the end
    linear     straight down to 0
    cosine     half a cosine down to 0 (Loshchilov & Hutter, 2017, without restarts)
    wsd        1, then over the last fifth down by 1 - sqrt(share) (warm-up, stable, decay; Hägele et al., 2024,
               who found the square root and a decay of 20 % best); a run that is stopped early can be decayed later

The last step keeps a factor above 0, as a step of size 0 would be wasted.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

Schedule = Literal["constant", "linear", "cosine", "wsd"]
SCHEDULES: tuple[str, ...] = get_args(Schedule)
DECAY_SHARE = 0.2


def factor(schedule: Schedule, step: int, total: int, warmup: int) -> float:
    """The share of the full learning rate that `step` (from 0) of `total` takes."""
    if step < warmup:
        return (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)  # of the way down, in [0, 1)
    if schedule == "linear":
        return 1 - share
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * share))
    if schedule == "wsd":
        start = max(warmup, total - max(1, round(DECAY_SHARE * total)))
        return 1.0 if step < start else 1 - math.sqrt((step - start) / (total - start))
    return 1.0
