"""What the preview shows is what training stores."""

from __future__ import annotations

from pathlib import Path

from tuneloop.models import load
from tuneloop.records import Record, Turn
from tuneloop.train.examples import Item, write
from tuneloop.train.objective import objectives
from tuneloop.train.preview import preview

from .conftest import chat


def test_it_shows_exactly_the_trained_tokens(base: Path, tmp_path: Path) -> None:
    lm = load(base, "float32")
    record = Record(
        "chat",
        messages=(
            Turn("user", "你好"),
            Turn("assistant", "你好！"),
            Turn("user", "bye"),
            Turn("assistant", "not this", weight=0.0),
            Turn("user", "and?"),
            Turn("assistant", "this"),
        ),
    )
    objective = objectives.create("sft")
    shown = preview(record, objective, lm, 256)
    trained = [piece for piece in shown.examples[0] if piece.weight]
    assert [(piece.turn, piece.text) for piece in trained] == [(1, "你好！<|im_end|>\n"), (5, "this<|im_end|>\n")]
    stored = write([Item(record)], objective, lm, 256, tmp_path / "encoded", {})
    assert [token for piece in shown.examples[0] for token in piece.ids] == stored.ids(0).tolist()
    assert [piece.weight for piece in shown.examples[0] for _ in piece.ids] == stored.mask(0).tolist()


def test_it_says_what_is_cut_and_why_a_record_is_set_aside(base: Path) -> None:
    lm = load(base, "float32")
    sft, cpt = objectives.create("sft"), objectives.create("cpt")
    cut = preview(chat("q", "a long answer " * 10), sft, lm, 64)
    assert cut.cut > 50
    assert sum(len(piece.ids) for piece in cut.examples[0]) == 64
    assert str(preview(chat("long " * 30, "a"), sft, lm, 64).aside) == "the answer begins beyond max_length"
    assert "no assistant turn" in str(preview(Record("chat", messages=(Turn("user", "q"),)), sft, lm, 64).aside)
    assert "kind" in str(preview(Record("label", text="a", label="b"), cpt, lm, 64).aside)
    text = preview(Record("text", text="x" * 100), cpt, lm, 64)
    assert [sum(len(piece.ids) for piece in example) for example in text.examples] == [64, 37]
    assert text.examples[0][0].weight == 0.0  # the very first token has nothing before it
