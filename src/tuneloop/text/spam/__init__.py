"""How much a text looks like advertising or fraud, 0 to 1, in Chinese and English.

    score = sigmoid(bias + Σ weights of its features)

Features are the different character n-grams (1 to 4) of the folded text (`folding.py`), hashed into 65,536 places and
scaled by one over the root of their number, and the signs of the trade (`signs.py`).  The weights are those of a
logistic regression (`training.py`) that was fitted on rows of our own (`rows/`) and on the SMS Spam Collection
(Almeida, Hidalgo and Yamakami 2011, CC BY 4.0); a team fits its own on its own examples.  What it finds and misses on
texts that it was not fitted on: `benchmarks/spam.py`.

Not covered: other languages, pictures, political slogans, and advertising that reads like an article.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.errors import InputError, Where
from tuneloop.text.spam.folding import folded
from tuneloop.text.spam.signs import SIGNS, signs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("weights.npz")
PLACES = 1 << 16
LONGEST = 4000
"""Characters of a text that are looked at: half from its beginning, half from its end."""
_SIZES = 4
_MIXER = 0x9E3779B1  # 2^32 / golden ratio, a prime
_SIGN = 0.5
_TOGETHER = 512


@dataclass(frozen=True)
class Features:
    """Features of n texts: `places` [m] and `values` [m], and `owners` [m], the text that each belongs to."""

    count: int
    places: NDArray[np.int64]
    values: NDArray[np.float32]
    owners: NDArray[np.int64]

    def times(self, weights: NDArray[np.float32]) -> NDArray[np.float64]:
        """[n] the weighted sum of each text's features."""
        import numpy as np

        products = (self.values * weights[self.places]).astype(np.float64)
        sums: NDArray[np.float64] = np.bincount(self.owners, weights=products, minlength=self.count).astype(np.float64)
        return sums


def features(texts: Sequence[str]) -> Features:
    """What the regression sees of each text."""
    import numpy as np

    plain = [folded(_ends(text)) for text in texts]
    joined = "".join(f" {one} \0\0\0" for one in plain)  # n-grams end in NULs and never reach the next text
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.array([len(one) + 5 for one in plain], dtype=np.int64)
    inside = points != 0
    owners = np.repeat(np.arange(len(plain)), lengths)[inside]
    padded = np.concatenate([points, np.zeros(_SIZES, np.uint32)])
    hashes = np.zeros(len(points), dtype=np.uint32)
    places = []
    for size in range(_SIZES):
        hashes = (hashes ^ padded[size : size + len(points)]) * np.uint32(_MIXER)
        hashes ^= hashes >> np.uint32(15)
        places.append((hashes[inside] + np.uint32(size * 0x51ED)) & np.uint32(PLACES - 1))
    # numpy sorts 32-bit numbers by vectors, five times faster than its `unique`; 32,767 texts fit into them.
    wide = np.int32 if len(plain) < 1 << 15 else np.int64
    keys = np.sort((np.tile(owners * PLACES, _SIZES) + np.concatenate(places)).astype(wide))
    keys = keys[np.diff(keys, prepend=-1) != 0].astype(np.int64)
    owners, found = keys // PLACES, keys % PLACES
    scale = 1 / np.sqrt(np.maximum(np.bincount(owners, minlength=len(plain)), 1))
    told = [(owner, PLACES + at) for owner, one in enumerate(plain) for at in signs(one)]
    told_owners, told_places = np.array(told, dtype=np.int64).reshape(-1, 2).T
    return Features(
        len(plain),
        np.concatenate([found, told_places]),
        np.concatenate([scale[owners], np.full(len(told), _SIGN)]).astype(np.float32),
        np.concatenate([owners, told_owners]),
    )


def _ends(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"


@dataclass(frozen=True)
class Detector:
    """`weights` [PLACES + signs] and `bias` of the regression."""

    weights: NDArray[np.float32]
    bias: float

    def scores(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """[n] how much each text looks like spam, 0 to 1."""
        import numpy as np

        sums = [np.empty(0), *(features(some).times(self.weights) for some in _some(texts))]
        scores: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(np.concatenate(sums) + self.bias, -60, 60)))
        return scores

    def save(self, path: Path) -> None:
        """Weights as 16-bit numbers in a NumPy archive; no code is in it."""
        import numpy as np

        with path.open("wb") as file:
            np.savez_compressed(file, weights=self.weights.astype(np.float16), bias=np.float32(self.bias))


def _some(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while some := list(islice(rest, _TOGETHER)):
        yield some


@cache
def detector(path: Path = WEIGHTS) -> Detector:
    """The one that ships, or one that was fitted on own examples; raises `InputError` for another file."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as held:
            weights, bias = held["weights"].astype(np.float32), float(held["bias"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"is no spam detector ({error or type(error).__name__})",
            expected="a file that fitting one wrote",
            where=Where(file=path),
            do="Make one with: tuneloop data spam-model EXAMPLES.csv --to spam.npz",
        ) from None
    if weights.shape != (PLACES + len(SIGNS),) or not np.isfinite(weights).all() or not np.isfinite(bias):
        raise InputError(
            f"holds weights of the shape {weights.shape}, or some that are no numbers",
            expected=f"({PLACES + len(SIGNS)},) finite numbers",
            where=Where(file=path),
            do="Fit it again with this version of tuneloop",
        )
    return Detector(weights, bias)
