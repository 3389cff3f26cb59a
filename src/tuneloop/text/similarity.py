"""How alike two texts are: sets of character n-grams (shingles), and small sketches of those sets.

Before shingling a text is folded: full-width letters become plain, capitals small, and white space, punctuation and
symbols vanish.  Chinese, Japanese and Korean texts are cut into 3-grams, others into 7-grams of characters; words play
no part, since Chinese has no spaces (word shingles of a Chinese sentence are one word or nothing, and all such rows
look alike).  The last shingles of a text are padded, so that even one character gives one shingle.

Similarity is the Jaccard index |A ∩ B| / |A ∪ B| of two shingle sets.  A `Sketches` keeps of each text its smallest
32-bit shingle hashes, 128 unless told otherwise (512 bytes): the whole set of a text with up to 128 different shingles,
for which the index is exact (but for hash collisions, below 1 in 10^6), and a uniform sample of a longer one, for which
it is an estimate with standard error sqrt(J (1 - J) / 128), at most 0.044.  (Bottom-k sketch: Broder 1997; Cohen and
Kaplan 2007.)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEPT = 128
CJK_GRAM, OTHER_GRAM = 3, 7
SHORT = 15  # characters after folding; below this one edit or one opposite word changes few shingles
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio


@dataclass(frozen=True)
class Sketches:
    """Sketches of n texts: `values[offsets[i]:offsets[i + 1]]` are text i's hashes, rising.

    values   [V] uint32     offsets  [n + 1] int64     sizes  [n] int32: different shingles of the whole text
    lengths  [n] int32: characters after folding      kept: hashes of a text at most
    """

    values: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int32]
    lengths: NDArray[np.int32]
    kept: int = KEPT

    def __len__(self) -> int:
        return len(self.sizes)

    @classmethod
    def of(cls, texts: Sequence[str], kept: int = KEPT) -> Sketches:
        """Sketch a batch of texts."""
        import numpy as np

        points, owners = folded_points(texts)
        count = len(texts)
        hashes, rows = _shingles(points, owners, count)
        keys = np.sort((rows.astype(np.uint64) << np.uint64(32)) | hashes)
        keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys  # np.unique takes five times as long
        rows = (keys >> np.uint64(32)).astype(np.int64)
        sizes = np.bincount(rows, minlength=count)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        smallest = np.arange(len(keys)) - starts[rows] < kept
        offsets = np.concatenate([[0], np.cumsum(np.minimum(sizes, kept))])
        lengths = np.bincount(owners, minlength=count)
        values = keys[smallest].astype(np.uint32)
        return cls(values, offsets, sizes.astype(np.int32), lengths.astype(np.int32), kept)

    @classmethod
    def gathered(cls, pieces: list[Sketches]) -> Sketches:
        """All pieces as one; the list is emptied on the way, so that memory is not doubled."""
        import numpy as np

        counts = np.concatenate([np.diff(piece.offsets) for piece in pieces])
        sizes = np.concatenate([piece.sizes for piece in pieces])
        lengths = np.concatenate([piece.lengths for piece in pieces])
        values = np.empty(int(counts.sum()), dtype=np.uint32)
        kept, end = pieces[0].kept, len(values)
        while pieces:  # from the back, as `pop` frees each piece once its pages of the whole have been written
            piece = pieces.pop()
            values[end - len(piece.values) : end] = piece.values
            end -= len(piece.values)
        return cls(values, np.concatenate([[0], np.cumsum(counts)]), sizes, lengths, kept)

    def take(self, rows: NDArray[np.int64]) -> Sketches:
        """The sketches of some texts, in the order asked for."""
        import numpy as np

        values, counts = self.gather(rows)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return Sketches(values, offsets, self.sizes[rows], self.lengths[rows], self.kept)

    def gather(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The hashes of some texts one after the other, and how many each has."""
        import numpy as np

        starts, counts = self.offsets[rows], np.diff(self.offsets)[rows]
        ends = np.cumsum(counts)
        places = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts - starts, counts)
        return self.values[places], counts

    def jaccard(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
        """The Jaccard index of each pair of rows (left[i], right[i]); exact where both sets are kept whole.

        For sampled sets only hashes below both samples' ends are compared: there both are complete.
        """
        import numpy as np

        pairs = np.arange(len(left), dtype=np.uint64) << np.uint64(32)
        ends = np.minimum(self._end(left), self._end(right))
        keys = []
        for rows in (left, right):
            values, counts = self.gather(rows)
            inside = values <= np.repeat(ends, counts)
            keys.append((np.repeat(pairs, counts) | values)[inside])
        merged = np.sort(np.concatenate(keys))
        twice = merged[1:][merged[1:] == merged[:-1]]
        both = np.bincount((twice >> np.uint64(32)).astype(np.int64), minlength=len(left))
        total = np.bincount((merged >> np.uint64(32)).astype(np.int64), minlength=len(left)) - both
        index: NDArray[np.float64] = both / np.maximum(total, 1)
        return index

    def _end(self, rows: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Up to which hash each text's sketch is complete."""
        import numpy as np

        whole = np.iinfo(np.uint32).max
        last = self.values[np.maximum(self.offsets[rows + 1] - 1, 0)] if len(self.values) else whole
        return np.where(self.sizes[rows] > self.kept, last, whole).astype(np.uint32)


def shingles(text: str) -> frozenset[int]:
    """The hashes of all shingles of one text."""
    points, owners = folded_points([text])
    return frozenset(_shingles(points, owners, 1)[0].tolist())


def jaccard(first: str, second: str) -> float:
    """|A ∩ B| / |A ∪ B| of the two texts' shingles; 1.0 for two texts without any."""
    one, two = shingles(first), shingles(second)
    return len(one & two) / len(one | two) if one or two else 1.0


def folded_points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """All characters that count, text after text, and the text that each belongs to."""
    import numpy as np

    whole = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    table = _folds()
    points = np.where(whole < len(table), table[np.minimum(whole, len(table) - 1)], whole)
    counts = points != 0
    silent = np.bincount(owners[counts], minlength=len(texts)) == 0
    if silent.any():  # texts of punctuation alone are compared by their punctuation
        counts |= silent[owners]
        points = np.where(points == 0, whole, points)
    return points[counts], owners[counts]


@cache
def _folds() -> NDArray[np.uint32]:
    """What each character of the basic plane becomes; 0 for one that does not count."""
    import numpy as np

    table = np.arange(0x10000, dtype=np.uint32)
    for point in range(0x10000):
        if 0x3400 <= point < 0xD7A4:  # ideographs and Hangul syllables stay
            continue
        sign = chr(point)
        if unicodedata.category(sign)[0] in "PSZC":
            table[point] = 0
            continue
        folded = unicodedata.normalize("NFKC", sign).casefold()
        table[point] = ord(folded) if len(folded) == 1 else point
    return table


def _shingles(
    points: NDArray[np.uint32], owners: NDArray[np.int64], count: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """32-bit hashes (in uint64) of all n-grams, and the text that each belongs to."""
    import numpy as np

    lengths = np.bincount(owners, minlength=count)
    east = ((points >= 0x2E80) & (points < 0xD7A4)) | (points >= 0x20000)
    eastern = np.bincount(owners[east], minlength=count) * 3 >= lengths
    found = []
    for size, chosen in ((CJK_GRAM, eastern), (OTHER_GRAM, ~eastern)):
        inside = chosen[owners]
        found.append(_grams(points[inside], owners[inside], np.where(chosen, lengths, 0), size))
    return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])


def _grams(
    points: NDArray[np.uint32], owners: NDArray[np.int64], lengths: NDArray[np.int64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    import numpy as np

    # Each text is followed by size - 1 zeros, so that windows neither cross into the next nor miss the end.
    filled: NDArray[np.int64] = (lengths > 0).astype(np.int64)
    places = np.arange(len(points)) + ((np.cumsum(filled) - filled) * (size - 1))[owners]
    padded = np.zeros(len(points) + int(filled.sum()) * (size - 1), dtype=np.uint64)
    padded[places] = points
    multiplier = np.uint64(_MULTIPLIER)
    hashes = np.zeros(len(points), dtype=np.uint64)
    for step in range(size):
        hashes = (hashes ^ padded[places + step]) * multiplier
        hashes ^= hashes >> np.uint64(29)
    return (hashes * multiplier) >> np.uint64(32), owners
