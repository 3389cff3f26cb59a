"""A tokenizer of our own: nothing is lost, reserved characters are one token, transformers reads the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.errors import UsageError
from tuneloop.models.tokenizer import Tokenizer, load_tokenizer
from tuneloop.models.tokenizer_training import train_tokenizer

TEXTS = [
    "小猫在窗台上睡觉，小狗在院子里跑。",
    "The cat sleeps on the window sill; the dog runs in the yard.",
    "电话 13800138000，价格 99.5 元。",
    "今天天气很好，我们去公园散步吧！",
] * 5 + ["小猫和小猫"] * 9
COMMON = list("的一是不了人我在有他这为之大来以个中上们小猫狗睡窗")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 480, COMMON)


def test_reserved_characters_are_one_token_even_unseen(tokenizer: Tokenizer) -> None:
    for character in COMMON:
        assert len(tokenizer.encode(character)) == 1, character
    assert len(tokenizer.encode("之个")) == 2


def test_words_of_reserved_characters_are_learnt(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("小猫")) == 1
    assert tokenizer.size <= 480


def test_digits_stand_alone(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("13800138000")) == 11


def test_specials_come_first_and_stay_whole(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("<|im_start|>user")[0] == 1
    assert (tokenizer.pad, tokenizer.eos, tokenizer.bos) == (0, 2, None)


@given(st.text(st.characters(exclude_categories=("Cs",))))
@settings(max_examples=150, deadline=None)
def test_every_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text), skip_special=False) == text


def test_too_many_reserved() -> None:
    with pytest.raises(UsageError, match="a vocabulary of at least"):
        train_tokenizer(TEXTS, 270, COMMON)


def test_saved_files_are_read_the_same_by_transformers_and_by_us(tokenizer: Tokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.save(tmp_path)
    theirs, ours = AutoTokenizer.from_pretrained(tmp_path), load_tokenizer(tmp_path)
    messages = [{"role": "user", "content": "小猫 42?"}, {"role": "assistant", "content": " yes\n"}]
    expected = theirs.apply_chat_template(messages, tokenize=False)
    for text in [*TEXTS, expected, "  two  spaces\n\n\t之𠮷"]:
        assert ours.encode(text) == theirs(text)["input_ids"] == tokenizer.encode(text)
    assert (theirs.eos_token_id, theirs.pad_token_id) == (ours.eos, ours.pad)


def test_same_texts_same_tokenizer() -> None:
    assert train_tokenizer(TEXTS, 400, COMMON).engine.to_str() == train_tokenizer(TEXTS, 400, COMMON).engine.to_str()
