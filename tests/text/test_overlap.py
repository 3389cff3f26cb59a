"""Long pieces in common, against a search by plain string slices."""

import random

import numpy as np

from tuneloop.text.overlap import CJK_PIECE, OTHER_PIECE, pieces

HAN = [chr(point) for point in range(0x4E00, 0x4E00 + 500)]


def text(seed: int, size: int, signs: list[str]) -> str:
    return "".join(random.Random(seed).choices(signs, k=size))


def shared(one: str, two: str) -> int:
    """How many different pieces two texts share."""
    return len(np.intersect1d(pieces([one])[0], pieces([two])[0]))


def by_slices(one: str, two: str, size: int) -> int:
    sets = [{text[at : at + size] for at in range(len(text) - size + 1)} for text in (one, two)]
    return len(sets[0] & sets[1])


def test_the_same_pieces_are_found_as_by_slices():
    middle = text(1, 47, HAN)
    one, two = text(2, 60, HAN) + middle + text(3, 20, HAN), text(4, 33, HAN) + middle + text(5, 70, HAN)
    assert shared(one, two) == by_slices(one, two, CJK_PIECE) == 47 - CJK_PIECE + 1
    letters = list("abcdefghijklmnopqrstuvwxyz")
    middle = text(6, 95, letters)
    one, two = text(7, 90, letters) + middle, middle + text(8, 100, letters)
    assert shared(one, two) == by_slices(one, two, OTHER_PIECE) == 95 - OTHER_PIECE + 1


def test_case_spaces_and_punctuation_play_no_part_and_short_texts_have_none():
    one = "The quick brown fox jumps over the lazy dog, and forty zebras vex a jolly sphinx in the evening sun."
    assert shared(one, one.upper().replace(" ", "  ").replace(",", " -")) > 0
    assert len(pieces(["短文本", "", "abc"])[0]) == 0


def test_pieces_belong_to_their_texts_and_do_not_cross_them():
    texts = [text(seed, 40, HAN) for seed in range(3)]
    hashes, owners = pieces(texts)
    assert np.bincount(owners).tolist() == [11, 11, 11]
    assert len(np.unique(hashes)) == 33
    assert not len(np.intersect1d(hashes, pieces([texts[0][20:] + texts[1][:20]])[0]))
