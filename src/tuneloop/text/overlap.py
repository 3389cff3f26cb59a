"""Which long pieces two sets of texts have in common, word for word.

A piece is 30 characters of a Chinese, Japanese or Korean text and 60 of any other (about the 13 words by which GPT-3's
authors looked for test questions in training text: Brown et al. 2020, appendix C), after the folding of
`text.similarity`: case, white space and punctuation play no part.  Pieces are compared by 64-bit hashes.

Not covered: the same content in other words, and texts shorter than a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuneloop.text.similarity import folded_points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CJK_PIECE, OTHER_PIECE = 30, 60
_BASE = 0x100000001B3
_MIXER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio


def pieces(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hash of each piece at each place of each text, and the text that it belongs to."""
    import numpy as np

    points, owners = folded_points(texts)
    lengths = np.bincount(owners, minlength=len(texts))
    east = ((points >= 0x2E80) & (points < 0xD7A4)) | (points >= 0x20000)
    eastern = np.bincount(owners[east], minlength=len(texts)) * 3 >= lengths
    found = [
        _pieces(points[chosen], owners[chosen], size)
        for size, chosen in ((CJK_PIECE, eastern[owners]), (OTHER_PIECE, ~eastern[owners]))
    ]
    return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])


def _pieces(
    points: NDArray[np.uint32], owners: NDArray[np.int64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A polynomial hash of each window that lies within one text (Karp and Rabin 1987), built by doubling."""
    import numpy as np

    count = len(points) - size + 1
    if count < 1:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    power, width, done = points.astype(np.uint64) + np.uint64(1), 1, 0
    whole = np.zeros(count, np.uint64)
    with np.errstate(over="ignore"):
        while done < size:
            if (size >> (width.bit_length() - 1)) & 1:
                whole = whole * _raised(width) + power[done : done + count]
                done += width
            if 2 * width <= size:
                power = power[:-width] * _raised(width) + power[width:]
            width *= 2
        whole = (whole ^ (whole >> np.uint64(29))) * np.uint64(_MIXER)
    inside = owners[:count] == owners[size - 1 :]
    return whole[inside], owners[:count][inside]


def _raised(width: int) -> NDArray[np.uint64]:
    import numpy as np

    return np.array(pow(_BASE, width, 1 << 64), dtype=np.uint64)
