"""The old `prepare_data`'s remediations as hints of the validation of an uploaded file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tuneloop.prepare.checking import check_file


def found(folder: Path, rows: Sequence[Any], name: str = "a.jsonl") -> dict[str, Any]:
    """The hints of a file by their codes; `rows` are written as JSONL, or are the lines themselves."""
    file = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = check_file(file, name)["hints"]
    for one in told:
        assert one["text"]["en"]
        assert one["text"]["zh"] != one["text"]["en"]
        assert "{" not in one["text"]["en"] + one["text"]["zh"]
    return {one["code"]: one for one in told}


def pairs(prompts: Sequence[str], answers: Sequence[str]) -> list[dict[str, str]]:
    return [{"prompt": prompt, "completion": answer} for prompt, answer in zip(prompts, answers, strict=True)]


def test_empty_and_repeated_rows_are_named_by_their_lines(tmp_path: Path) -> None:
    rows = pairs(["a", "b", "c", "a", "d", "a"], ["1", "2", " ", "1", "", "1"])
    told = found(tmp_path, rows)
    assert (told["empty"]["count"], told["empty"]["lines"]) == (2, [3, 5])
    assert (told["duplicates"]["count"], told["duplicates"]["lines"]) == (2, [4, 6])
    assert "lines 4, 6" in told["duplicates"]["text"]["en"]
    many = found(tmp_path, pairs(["a"] * 60, ["1"] * 60))
    assert (many["duplicates"]["count"], len(many["duplicates"]["lines"])) == (59, 20)
    assert many["duplicates"]["text"]["en"].count("…") == 1


def test_what_all_share_is_told(tmp_path: Path) -> None:
    names = ["猫", "dog", "Ölberg", "cow"]
    prompts = [f"Tell the colour of this animal: {name}\n\n###\n\n" for name in names]
    answers = [f" Answer: {n * 7} END" for n in range(4)]
    told = found(tmp_path, pairs(prompts, answers))
    assert told["prompt_prefix"]["text"]["en"].startswith("All prompts begin with 'Tell the colour of this animal: '.")
    assert "'\\n\\n###\\n\\n'" in told["prompt_suffix"]["text"]["en"]
    assert "' Answer: '" in told["completion_prefix"]["text"]["zh"]
    assert "' END'" in told["completion_suffix"]["text"]["en"]
    assert not {"separator", "ending", "leading_blank"} & set(told)


def test_what_plain_bases_need_is_told_where_it_is_missing(tmp_path: Path) -> None:
    told = found(tmp_path, pairs(["one", "two", "drei"], ["1", " 2", "3"]))
    assert {"separator", "ending", "leading_blank"} <= set(told)
    assert told["leading_blank"]["count"] == 2
    chat = [
        {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": prompt * 2}]}
        for prompt in ("one", "two", "drei")
    ]
    assert not {"separator", "ending", "leading_blank"} & set(found(tmp_path, chat))


@pytest.mark.parametrize(("prompt", "shouted"), [("HOW ARE YOU", True), ("How are you", False), ("你好吗", False)])
def test_capitals(tmp_path: Path, prompt: str, shouted: bool) -> None:
    told = found(tmp_path, pairs([f"{prompt} {n}" for n in range(3)], ["good", "bad", "fair"]))
    assert ("upper_case" in told) == shouted
    if shouted:
        assert told["upper_case"]["side"] == "prompts"
        assert "提示" in told["upper_case"]["text"]["zh"]


@pytest.mark.parametrize(("rows", "train"), [(10, 8), (11, 8), (5000, 4000), (6000, 5000)])
def test_the_split_of_the_old_tool(tmp_path: Path, rows: int, train: int) -> None:
    told = found(tmp_path, pairs([f"q{n}" for n in range(rows)], ["a"] * rows))["split"]
    assert (told["train"], told["validation"]) == (train, rows - train)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.csv", ["prompt,completion", *[f"Please say number {n},{n}" for n in (1, 2, 3, 1)]]),
        ("a.tsv", ["question\tanswer", *[f"Please say number {n}\t{n}" for n in (1, 2, 3, 1)]]),
        (
            "a.json",
            [json.dumps([{"question": f"Please say number {n}", "answer": str(n)} for n in (1, 2, 3, 1)])],
        ),
    ],
)
def test_tables_are_converted_with_the_same_report(tmp_path: Path, name: str, lines: list[str]) -> None:
    told = found(tmp_path, lines, name)
    assert told["duplicates"]["count"] == 1
    assert "Please say number " in told["prompt_prefix"]["text"]["en"]
    assert told["split"]["train"] == 3
