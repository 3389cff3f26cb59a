"""Fitting the spam detector: logistic regression with an L2 penalty, by full-batch AdaGrad (Duchi et al. 2011).

Spam and ham weigh the same, and so do Chinese and other rows, however many there are of each.  The rows of our own
(`rows/`) are written out, partly disguised as senders of spam do, and ham is also joined to long texts and cut to
single sentences, as it comes in training data.  Some rows lose their punctuation, as hasty senders leave it out.

    python -m tuneloop.text.spam.training SMSSpamCollection.tsv

makes the weights that ship.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.errors import InputError
from tuneloop.text.language import detect
from tuneloop.text.spam import PLACES, WEIGHTS, Detector, features
from tuneloop.text.spam.rows import Row, patterns, single_rows, texts
from tuneloop.text.spam.signs import SIGNS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUNDS, RATE, PENALTY = 400, 0.5, 2e-7
EACH = 16
_DISGUISES = (
    ("微信", ("薇信", "V信", "VX", "wx", "威信", "微★信", "微 信", "➕V")),
    ("QQ", ("扣扣", "Q Q", "企鹅", "ＱＱ")),
    ("加微信", ("+V", "加V", "加薇", "加❤")),
    ("发票", ("發票", "发·票", "fa票", "发 票")),
    ("贷款", ("贷·款", "贷 款", "代款")),
)
_PUNCTUATION = re.compile(r"[，。！？：；、“”（）【】,!?:;]+")
_SENTENCE = re.compile(r"[^。；！？\n]+[。；！？]?")


def own_rows(chosen: Sequence[Row] | None = None, each: int = EACH) -> list[Row]:
    """The examples that ship, written out: those of the `chosen` patterns, of all when left out; always the same."""
    draw = random.Random(5)
    rows: list[Row] = []
    for pattern, spam in patterns() if chosen is None else chosen:
        for text in texts(pattern, each):
            rows.append((_disguised(text, draw) if spam and draw.random() < 0.25 else text, spam))
    if chosen is None:
        rows += single_rows()
    bare = [(_PUNCTUATION.sub(" ", text), spam) for text, spam in rows if draw.random() < 0.3]
    return [*rows, *bare, *_long(rows, draw), *_sentences(rows)]


def _disguised(text: str, draw: random.Random) -> str:
    for word, others in _DISGUISES:
        text = text.replace(word, draw.choice(others))
    if draw.random() < 0.3:
        text = text.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    if draw.random() < 0.3 and len(text) > 8:
        at = draw.randrange(2, len(text) - 4)
        text = text[:at] + draw.choice("*·★~ ").join(text[at : at + 4]) + text[at + 4 :]
    return text


def _long(rows: Sequence[Row], draw: random.Random) -> Iterator[Row]:
    """Ham joined to texts of 3 to 12 rows of one language, a third as many as there are rows."""
    for chinese in (True, False):
        ham = [text for text, spam in rows if not spam and (detect(text) == "zh") == chinese]
        for _ in range(len(ham) // 3):
            chosen = draw.choices(ham, k=draw.randint(3, 12))
            yield draw.choice(("\n", "", "\n\n", " ")).join(chosen), False


def _sentences(rows: Sequence[Row]) -> Iterator[Row]:
    """The sentences of Chinese ham, as lines of longer texts are looked at one by one."""
    found = {part.strip() for text, spam in rows if not spam for part in _SENTENCE.findall(text)}
    return ((part, False) for part in sorted(found) if len(part) >= 4 and detect(part) == "zh")


def fit(
    rows: Sequence[Row],
    start: Detector | None = None,
    counts: Sequence[float] | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> Detector:
    """A detector fitted on rows; the same rows give the same one.

    With `start` its weights are where fitting begins and what the penalty draws to, so what it knows and the rows do
    not touch stays.  `counts` say how often each row is meant; `told` hears the number of each of the
    `ROUNDS` before it begins, and may end it all with an error.  Raises `InputError` unless there are examples of both.
    """
    import numpy as np

    truth = np.array([spam for _, spam in rows], dtype=np.float64)
    if not len(rows) or truth.min() == truth.max():
        raise InputError("found examples of one kind only", expected="texts that are spam, and texts that are not")
    found = features([text for text, _ in rows])
    prior = np.zeros(PLACES + len(SIGNS), dtype=np.float32) if start is None else start.weights
    weights, bias = prior.copy(), 0.0 if start is None else start.bias
    past, past_bias = np.full(len(weights), 1e-8), 1e-8
    importance = _importance(rows, [1.0] * len(rows) if counts is None else counts)
    for number in range(ROUNDS):
        told(number)
        error = importance * (1 / (1 + np.exp(-np.clip(found.times(weights) + bias, -60, 60))) - truth)
        pulls = np.bincount(found.places, weights=found.values * error[found.owners], minlength=len(weights))
        slope = pulls.astype(np.float64) + PENALTY * (weights - prior)
        past += slope**2
        past_bias += float(error.sum()) ** 2
        weights = (weights - RATE * slope / np.sqrt(past)).astype(np.float32)
        bias -= RATE * float(error.sum()) / past_bias**0.5
    return Detector(weights, bias)


def _importance(rows: Sequence[Row], counts: Sequence[float]) -> NDArray[np.float64]:
    """[n] each kind in each group of languages weighs the same; the sum is 1."""
    import numpy as np

    kinds = [(detect(text) == "zh", spam) for text, spam in rows]
    totals: dict[tuple[bool, bool], float] = {}
    for kind, count in zip(kinds, counts, strict=True):
        totals[kind] = totals.get(kind, 0.0) + count
    return np.array([count / totals[kind] / len(totals) for kind, count in zip(kinds, counts, strict=True)])


def sms_rows(path: Path) -> list[Row]:
    """The SMS Spam Collection: lines of ham or spam, tabulator, text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(text, mark == "spam") for mark, tab, text in (line.partition("\t") for line in lines) if tab]


if __name__ == "__main__":
    fit([*own_rows(), *sms_rows(Path(sys.argv[1]))]).save(WEIGHTS)
