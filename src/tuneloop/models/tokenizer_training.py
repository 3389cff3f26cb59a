"""A tokenizer of our own for a new model: byte-level BPE that gives common Chinese characters a token each.

Plain byte-level BPE (Radford et al., 2019) writes a Chinese character as three bytes and has to learn each character by
merges, in competition with words: at 8,192 entries nearly half of the 3,500 commonest characters stay in pieces, and
names come out garbled.  So characters given as `reserved` are merged first, whatever the texts hold, and the rest of
the vocabulary is learnt on top of them.

Digits stand alone, words are cut as Qwen 2 cuts them (so that other programs know the rule), no text is unknown: what
has no token of its own is written in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from tokenizers import Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Engine

from tuneloop.errors import UsageError
from tuneloop.models.tokenizer import Tokenizer

PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BREAK = "\x00"
"""Between words on their way to the trainer; a text that holds it is cut there, and nothing else happens."""
LONGEST = 16
"""Symbols in a learnt token at most: longer ones are whole phrases of the training texts."""
BATCH = 1024 * 1024


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, reserved: Sequence[str] = (), *, template: str = CHATML
) -> Tokenizer:
    """A tokenizer of at most `vocabulary` tokens; fewer where the texts are too few to learn so many.

    Ids in order: 3 special tokens, 256 bytes, the reserved characters with their beginnings, what was learnt.
    Raises UsageError where the reserved characters leave no room.
    """
    bytes_of = _byte_letters()
    characters = list(dict.fromkeys(one for one in reserved if len(one) == 1 and ord(one) > 127))
    first = _Reserved(characters, bytes_of)
    room = vocabulary - 3 - 256 - len(first.merges)
    if room < 0:
        raise UsageError(
            f"{len(characters)} reserved characters need {len(first.merges)} tokens, with {vocabulary} in all",
            expected=f"a vocabulary of at least {259 + len(first.merges)}",
        )
    learnt = _learn(texts, room, first)
    merges = first.merges + learnt
    tokens = [END_OF_TEXT, TURN_START, TURN_END, *sorted(bytes_of.values())]
    tokens += list(dict.fromkeys(left + right for left, right in merges))
    engine = Engine(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([END_OF_TEXT, TURN_START, TURN_END])
    special = {"eos_token": TURN_END, "pad_token": END_OF_TEXT}
    return Tokenizer(engine, special, {"clean_up_tokenization_spaces": False}, {"default": template})


class _Reserved(dict[int, str]):
    """A translation of characters to what the trainer sees: reserved ones and reserved beginnings as one symbol each,
    all else as the letters that stand for its bytes; `letters` leads from symbols back to bytes."""

    def __init__(self, characters: Sequence[str], bytes_of: dict[int, str]) -> None:
        super().__init__()
        self._bytes = bytes_of
        self.letters: dict[str, str] = {letter: letter for letter in bytes_of.values()}
        self.merges: list[tuple[str, str]] = []
        self._begins: dict[str, str] = {}
        for character in characters:
            letters = self._spelt(character)
            begin = letters[0]
            for letter in letters[1:-1]:
                if begin + letter not in self._begins:
                    self._begins[begin + letter] = chr(0xF0000 + len(self._begins))
                    self.letters[self._begins[begin + letter]] = begin + letter
                    self.merges.append((begin, letter))
                begin += letter
            self.merges.append((begin, letters[-1]))
            self[ord(character)] = chr(0x100000 + len(self))
            self.letters[self[ord(character)]] = letters

    def _spelt(self, character: str) -> str:
        return "".join(self._bytes[byte] for byte in character.encode("utf-8", "replace"))

    def __missing__(self, number: int) -> str:
        letters = self._spelt(chr(number))
        for end in range(len(letters) - 1, 1, -1):
            if letters[:end] in self._begins:
                letters = self._begins[letters[:end]] + letters[end:]
                break
        self[number] = letters if chr(number) != BREAK else BREAK
        return self[number]


def _learn(texts: Iterable[str], room: int, first: _Reserved) -> list[tuple[str, str]]:
    """The merges that the texts teach, in letters of bytes."""
    alphabet = sorted(first.letters)
    engine = Engine(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.Split(BREAK, behavior="removed")
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + room,
        min_frequency=2,
        initial_alphabet=alphabet,
        max_token_length=LONGEST,
        show_progress=False,
    )
    engine.train_from_iterator(_pieces(texts, first), trainer)
    merges = _merges(engine)
    spelt = [
        ("".join(first.letters[one] for one in left), "".join(first.letters[one] for one in right))
        for left, right in merges
    ]
    return spelt[:room]


def _pieces(texts: Iterable[str], first: _Reserved) -> Iterator[str]:
    """Texts cut into words, translated, with `BREAK` between the words."""
    cut = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    for text in texts:
        for start in range(0, len(text), BATCH):
            words = [word for word, _ in cut.pre_tokenize_str(text[start : start + BATCH])]
            yield BREAK.join(words).translate(first)


def _merges(engine: Engine) -> list[tuple[str, str]]:
    """The merges of a trained engine, in their order."""
    return [(left, right) for left, right in json.loads(engine.to_str())["model"]["merges"]]


def _byte_letters() -> dict[int, str]:
    """GPT-2's letters for bytes: printable Latin-1 as itself, the rest from U+0100 on."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    hidden = [byte for byte in range(256) if byte not in letters]
    return letters | {byte: chr(256 + index) for index, byte in enumerate(hidden)}
