"""Similarity by character n-grams: exact on short texts, close on long ones, and near-duplicates found in a set."""

import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.text.clusters import components, near_pairs, without_boilerplate
from tuneloop.text.similarity import Sketches, jaccard, shingles

CHARACTERS = [chr(point) for point in range(0x4E00, 0x4E00 + 800)]


def sentence(number: int, size: int) -> str:
    return "".join(random.Random(number).choices(CHARACTERS, k=size))


def test_three_grams_of_chinese_counted_by_hand():
    # 我爱你们 has 我爱你 爱你们 你们_ 们__; 我爱她们 shares 们__ only
    assert jaccard("我爱你们", "我爱她们") == pytest.approx(1 / 7)


def test_white_space_punctuation_case_and_width_play_no_part():
    assert jaccard("您好，ＡＢＣ 请问！", "您好abc请问") == 1.0


@pytest.mark.parametrize(
    ("one", "two"), [("好的", "不行"), ("怎么开通会员", "怎么取消会员"), ("好", "行"), ("？", "！")]
)
def test_short_opposites_are_not_alike(one, two):
    assert jaccard(one, two) < 0.5


def test_empty_texts_are_alike_and_have_no_shingles():
    assert jaccard("", "") == 1.0
    assert shingles("") == frozenset()
    assert len(near_pairs(Sketches.of(["", "", " "]))) == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(alphabet="天地人山水abc 1，", max_size=40), min_size=2, max_size=12))
def test_sketches_of_a_batch_equal_each_text_alone(texts):
    left, right = np.triu_indices(len(texts), 1)
    found = Sketches.of(texts).jaccard(left, right)
    for one, two, index in zip(left, right, found, strict=True):
        if shingles(texts[one]) or shingles(texts[two]):
            assert index == pytest.approx(jaccard(texts[one], texts[two]))


@pytest.mark.parametrize("kept", [0, 300, 1000, 1900])
def test_long_texts_are_estimated(kept):
    one = sentence(1, 2000)
    two = one[:kept] + sentence(2, 2000 - kept)
    estimate = Sketches.of([one, two]).jaccard(np.array([0]), np.array([1]))[0]
    assert estimate == pytest.approx(jaccard(one, two), abs=0.15)


def test_a_short_text_is_compared_with_a_long_one_that_holds_it():
    one = sentence(1, 200)
    sketches = Sketches.of([one, one[:100]])
    assert sketches.jaccard(np.array([0]), np.array([1]))[0] == pytest.approx(jaccard(one, one[:100]), abs=0.15)


def test_sketches_are_taken_and_joined():
    texts = [sentence(number, 20 + number) for number in range(9)]
    joined = Sketches.gathered([Sketches.of(texts[:4]), Sketches.of(texts[4:])]).take(np.array([8, 0, 3]))
    whole = Sketches.of([texts[8], texts[0], texts[3]])
    assert joined.values.tolist() == whole.values.tolist()
    assert joined.offsets.tolist() == whole.offsets.tolist()
    assert joined.lengths.tolist() == [28, 20, 23]


def test_at_most_a_kilobyte_a_text():
    sketches = Sketches.of([sentence(number, 5000) for number in range(20)])
    held = sum(getattr(sketches, name).nbytes for name in ("values", "offsets", "sizes", "lengths"))
    assert held / 20 < 1000


def test_comparing_adds_less_than_half_a_kilobyte_a_text():
    def added(count: int) -> int:
        sketches = Sketches.of([sentence(number, 150) for number in range(count)])
        tracemalloc.start()
        near_pairs(without_boilerplate(sketches))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    small, large = 3000, 9000  # the difference leaves out what blocks and tables take once
    assert (added(large) - added(small)) / (large - small) < 500


def test_edited_copies_are_found_and_strangers_are_not():
    source = random.Random(0)
    originals = [sentence(number, source.randrange(20, 120)) for number in range(1000)]
    copies = [text[:7] + "改" + text[8:] for text in originals[:300]]
    pairs = near_pairs(Sketches.of(originals + copies))
    labels = components(1300, pairs)
    assert sum(labels[number] == labels[1000 + number] for number in range(300)) >= 297
    assert len(set(labels[:1000].tolist())) == 1000


def test_identical_texts_are_one_cluster_however_many():
    labels = components(500, near_pairs(Sketches.of(["同样的一句话，说了很多遍也不变"] * 500)))
    assert set(labels.tolist()) == {0}


def test_english_edits_are_found():
    texts = [
        "Please tell me how I can reset the password of my account.",
        "Please tell me how can I reset the password of my account?",
        "The kitten sleeps on the sofa next to the warm stove.",
    ]
    assert near_pairs(Sketches.of(texts)).tolist() == [[0, 1]]


def test_rows_that_share_only_a_template_are_not_duplicates():
    template = "请阅读下面这条顾客评论，判断其情感倾向是正面还是负面，只回答一个词。评论："
    texts = [template + sentence(number, 12) for number in range(300)]
    assert len(near_pairs(without_boilerplate(Sketches.of(texts)))) == 0
    texts += [text[:-1] + "改" for text in texts[:50]]
    labels = components(350, near_pairs(without_boilerplate(Sketches.of(texts))))
    assert sum(labels[number] == labels[300 + number] for number in range(50)) >= 48


def test_components_follow_chains():
    assert components(6, np.array([[4, 5], [1, 2], [2, 4]])).tolist() == [0, 1, 1, 3, 1, 1]
