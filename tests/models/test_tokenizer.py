"""Our tokenizer gives the ids that transformers gives, from the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import byte_tokenizer
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Engine

from tuneloop.errors import ModelError
from tuneloop.models.tokenizer import load_tokenizer
from tuneloop.models.tokenizer_training import train_tokenizer

TEXTS = [
    "小猫在窗台上睡觉。",
    "Hello  world\n\n  indented\ttab",
    "<|im_start|>user\nhi<|im_end|>\n",
    "a<s>b</s> <extra>c",
    "",
    " leading and trailing ",
    "emoji 🐈‍⬛ and 𠮷",
]


def sentencepiece_like(folder: Path) -> None:
    """Llama 2's kind: spaces as ▁, a begin token put in front, bytes for unknown characters."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"<0x{byte:02X}>": 3 + byte for byte in range(256)}}
    for character in "▁abcdefghijklmnopqrstuvwxyzHL":
        vocabulary[character] = len(vocabulary)
    engine = Engine(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    engine.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    engine.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    engine.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in ("<unk>", "<s>", "</s>")])
    engine.save(str(folder / "tokenizer.json"))
    write(folder, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def trained(folder: Path) -> None:
    train_tokenizer(TEXTS * 3, 400, "小猫在").save(folder)


def added_by_the_config(folder: Path) -> None:
    """Tokens that only tokenizer_config.json knows."""
    byte_tokenizer().engine.save(str(folder / "tokenizer.json"))
    plain = {"__type": "AddedToken", "lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
    decoder = {
        "259": {**plain, "content": "<extra>", "special": True},
        "260": {**plain, "content": "world", "lstrip": True, "single_word": True, "normalized": True, "special": False},
    }
    end = {**plain, "content": "<|im_end|>", "special": True}
    write(folder, eos_token=end, pad_token="<|endoftext|>", added_tokens_decoder=decoder)


def lower_casing(folder: Path) -> None:
    engine = byte_tokenizer().engine
    engine.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    engine.enable_truncation(5)
    engine.enable_padding(length=9, pad_id=0, pad_token="<|endoftext|>")
    engine.save(str(folder / "tokenizer.json"))
    write(folder, eos_token="<|im_end|>")


def write(folder: Path, **config: Any) -> None:
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **config}), encoding="utf-8"
    )


@pytest.mark.parametrize("make", [sentencepiece_like, trained, added_by_the_config, lower_casing])
def test_equals_transformers(make: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    make(tmp_path)
    ours, theirs = load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        for special in (False, True):
            expected = theirs(text, add_special_tokens=special)["input_ids"]
            assert ours.encode(text, special=special) == expected, text
        ids = ours.encode(text, special=True)
        for skip in (False, True):
            expected = theirs.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
            assert ours.decode(ids, skip_special=skip) == expected
    assert ours.encode_many(TEXTS) == [ours.encode(text) for text in TEXTS]
    assert (ours.bos, ours.eos, ours.pad) == (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id)
    assert ours.size == len(theirs)
    assert ours.special_ids >= set(theirs.all_special_ids)
    ours.save(tmp_path / "again")
    assert load_tokenizer(tmp_path / "again").encode(TEXTS[2]) == ours.encode(TEXTS[2])


def test_templates_by_name_and_from_their_own_file(tmp_path: Path) -> None:
    byte_tokenizer().engine.save(str(tmp_path / "tokenizer.json"))
    write(tmp_path, chat_template=[{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}])
    assert load_tokenizer(tmp_path).templates == {"default": "d", "tool_use": "t"}
    (tmp_path / "chat_template.jinja").write_text("file")
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "rag.jinja").write_text("r")
    assert load_tokenizer(tmp_path).templates == {"default": "file", "tool_use": "t", "rag": "r"}


def test_broken_and_foreign_files_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").touch()
    with pytest.raises(ModelError, match=r"has tokenizer.model but no tokenizer.json.*AutoTokenizer"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        load_tokenizer(tmp_path)
