"""Short texts kept while a set is read, so that two of them can be aligned before they count as one.

Held are two bytes of a Chinese character and one of a Latin letter (GB 18030), and 16 a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from tuneloop.text.opposites import marks, opposed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class Sayings:
    """Texts, packed, and a hash of the negations and numbers of each (`text.opposites.marks`)."""

    def __init__(self, texts: pa.ChunkedArray, marks: NDArray[np.int64]) -> None:
        self._texts, self._marks = texts, marks

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        import numpy as np
        import pyarrow as pa

        packed = pa.array([text.encode("gb18030", "replace") for text in texts], pa.large_binary())
        hashes = np.array([_hash(marks(text)) for text in texts], dtype=np.int64)
        return cls(pa.chunked_array([packed]), hashes)

    @classmethod
    def gathered(cls, pieces: Sequence[Sayings]) -> Sayings:
        import numpy as np
        import pyarrow as pa

        chunks = [chunk for piece in pieces for chunk in piece._texts.chunks]
        return cls(pa.chunked_array(chunks, pa.large_binary()), np.concatenate([piece._marks for piece in pieces]))

    @property
    def nbytes(self) -> int:
        return int(self._texts.nbytes + self._marks.nbytes)

    def opposed(self, one: int, two: int, negations: int, numbers: int) -> bool:
        """Whether one says the opposite of two, if neither is longer than `negations`, or others of its numbers."""
        if self._marks[one] == self._marks[two]:
            return False
        left, right = (self._texts[at].as_py().decode("gb18030") for at in (one, two))
        size = max(len(left), len(right))
        return opposed(left, right, negations=size <= negations, values=size <= numbers)


def _hash(found: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(found.encode("utf-8", "replace"), digest_size=8).digest(), "little", signed=True
    )
