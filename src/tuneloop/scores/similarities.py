"""How alike two texts are, 0 to 1: the measures of OpenAI's `text_similarity` grader, in characters for Chinese.

The usual packages split at spaces, so that two equal Chinese sentences score 0; here a Han character is a token
(`units.py`).  On English the figures are those of the usual packages, which the tests compare:

    rouge_1 … rouge_5, rouge_l   F1 of n-grams, of the longest common subsequence       rouge-score
    bleu                         geometric mean of 1- to 4-gram precisions, smoothed    NLTK, smoothing method 1
    gleu                         min(precision, recall) of 1- to 4-grams                NLTK
    meteor                       exact matches only: no stems, no synonyms              NLTK with an empty WordNet
    fuzzy_match                  1 - (insertions + deletions) / characters of both      rapidfuzz.fuzz.ratio / 100
    cosine                       of counts of words and of 2- and 3-grams of characters; OpenAI's takes embeddings
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from tuneloop.scores.metrics.rouge_l import common_length
from tuneloop.scores.units import comparable, words

LONGEST = 4


def rouge_n(answer: str, reference: str, size: int) -> float:
    said, wanted = _grams(words(answer), size), _grams(words(reference), size)
    total = said.total() + wanted.total()
    return 2 * (said & wanted).total() / total if total else 0.0


def rouge_l(answer: str, reference: str) -> float:
    said, wanted = words(answer), words(reference)
    return 2 * common_length(said, wanted) / (len(said) + len(wanted)) if said and wanted else 0.0


def bleu(answer: str, reference: str) -> float:
    """Papineni et al., 2002, of one sentence; a precision of 0 counts as 0.1 hits (Chen and Cherry, 2014, method 1)."""
    said, wanted = words(answer), words(reference)
    if not said or not set(said) & set(wanted):
        return 0.0
    logs = 0.0
    for size in range(1, LONGEST + 1):
        mine = _grams(said, size)
        hits = (mine & _grams(wanted, size)).total()
        logs += math.log((hits or 0.1) / max(1, mine.total()))
    brevity = 1.0 if len(said) > len(wanted) else math.exp(1 - len(wanted) / len(said))
    return brevity * math.exp(logs / LONGEST)


def gleu(answer: str, reference: str) -> float:
    """Wu et al., 2016: matches of all n-grams over the larger of both counts."""
    said, wanted = words(answer), words(reference)
    mine, theirs = _all_grams(said), _all_grams(wanted)
    most = max(mine.total(), theirs.total())
    return (mine & theirs).total() / most if most else 0.0


def meteor(answer: str, reference: str) -> float:
    """Banerjee and Lavie, 2005: recall counts nine times precision, less a penalty for words torn apart.

    F = P R / (0.9 P + 0.1 R), times 1 - 0.5 (chunks / matches)³.
    """
    said, wanted = words(answer), words(reference)
    pairs = _aligned(said, wanted)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(said), len(pairs) / len(wanted)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    chunks = 1 + sum(
        second != (first[0] + 1, first[1] + 1) for first, second in pairwise(pairs)
    )  # fmt: skip
    return mean * (1 - 0.5 * (chunks / len(pairs)) ** 3)


def fuzzy_match(answer: str, reference: str) -> float:
    said, wanted = list(answer), list(reference)
    total = len(said) + len(wanted)
    return 2 * common_length(said, wanted) / total if total else 1.0


def cosine(answer: str, reference: str) -> float:
    said, wanted = _bag(answer), _bag(reference)
    shared = sum(count * wanted[token] for token, count in said.items())
    norm = math.sqrt(sum(n * n for n in said.values()) * sum(n * n for n in wanted.values()))
    return shared / norm if norm else float(said == wanted)


def _bag(text: str) -> Counter[str]:
    plain = " ".join(comparable(text).split())
    return Counter(words(text)) + Counter(
        plain[at : at + size] for size in (2, 3) for at in range(len(plain) - size + 1)
    )


def _grams(tokens: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1))


def _all_grams(tokens: Sequence[str]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for size in range(1, LONGEST + 1):
        found += _grams(tokens, size)
    return found


def _aligned(said: Sequence[str], wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Places of equal tokens, each used once, from the end backwards as NLTK does; sorted by place in the answer."""
    free = list(enumerate(wanted))
    pairs = []
    for place in range(len(said) - 1, -1, -1):
        for at in range(len(free) - 1, -1, -1):
            if free[at][1] == said[place]:
                pairs.append((place, free.pop(at)[0]))
                break
    return sorted(pairs)


SIMILARITIES: Mapping[str, Callable[[str, str], float]] = {
    "cosine": cosine,
    "fuzzy_match": fuzzy_match,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    **{f"rouge_{size}": partial(rouge_n, size=size) for size in range(1, 6)},
    "rouge_l": rouge_l,
}
