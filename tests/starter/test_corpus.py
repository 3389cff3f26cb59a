"""The corpus: which texts are used, which are held out, and how dialogues become messages."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import corpus
import pytest
from corpus import GRADE_B, HELD_OUT, dialogue, group, held_out, question, row, split


def text(
    body: str, lang: str = "en", kind: str = "story", source: str = "books/tales", grade: str = "a"
) -> dict[str, Any]:
    return {"text": body, "lang": lang, "kind": kind, "source": source, "grade": grade, "licence": "CC0-1.0"}


def test_grade_b_only_where_a_reason_is_given() -> None:
    assert group(text("x", grade="b")) is None
    assert group(text("x", "zh", source=next(iter(GRADE_B)), grade="b")) == "zh-stories"


@pytest.mark.parametrize(
    ("lang", "kind", "source", "expected"),
    [
        ("zh", "howto", "LCTT/TranslateProject", "zh-programming"),
        ("zh", "howto", "Anduin2017/HowToCook", "zh-howto"),
        ("en", "howto", "LCTT/TranslateProject", "en-howto"),
        ("en", "qa", "openai/grade-school-math", "en-sums"),
        ("zh-en", "translation", "Tatoeba", "translation"),
    ],
)
def test_groups(lang: str, kind: str, source: str, expected: str) -> None:
    assert group(text("x", lang, kind, source)) == expected


def test_dialogues_become_messages() -> None:
    assert dialogue("User: Hi\nthere\nAssistant: Hello.") == [
        {"role": "user", "content": "Hi\nthere"},
        {"role": "assistant", "content": "Hello."},
    ]
    assert [one["role"] for one in dialogue("用户：你好\n助手：请说\n用户：再见")] == ["user", "assistant"]
    assert dialogue("User: one\nUser: two\nAssistant: three") == []
    assert dialogue("A plain text.") == []


def test_questions_become_messages_and_other_texts_stay_texts() -> None:
    assert question("Question: 1+1?\nAnswer: 2") == [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
    ]
    assert row(text("Once upon a time.")) == {"text": "Once upon a time."}


def test_held_out_is_a_rule_of_the_text_alone() -> None:
    share = sum(held_out(f"text {number}") for number in range(8000)) / 8000
    assert 0.6 / HELD_OUT < share < 1.4 / HELD_OUT
    assert held_out("text 1") == held_out("text 1")


def test_no_text_is_lost_and_none_holds_a_value_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "ONE_IN", {})
    texts = [text(f"Tale number {number}.") for number in range(200)]
    texts += [text("The cat was called Waffles."), text("x", grade="b")]
    source = tmp_path / "source"
    source.mkdir()
    with lzma.open(source / "part.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in texts)
    counts = split(source, tmp_path / "out")
    assert sum(counts.values()) == len(texts)
    assert counts["not used"] == 1
    assert counts["left out: holds a value of the demo"] == 1
    written = [line for file in (tmp_path / "out").glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    assert len(written) == len(texts) - 2
    apart = {json.loads(line)["text"] for line in (tmp_path / "out/held-out-en.jsonl").read_text("utf-8").splitlines()}
    used = {json.loads(line)["text"] for line in (tmp_path / "out/en-stories.jsonl").read_text("utf-8").splitlines()}
    assert apart
    assert not apart & used
