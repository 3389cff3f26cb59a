"""Every sentence for people stands in both languages, with the same places to fill and Chinese punctuation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tuneloop

HAN = re.compile(r"[\u3400-\u9fff]")
NAMES = re.compile(r"(([A-Z0-9][^\s、]*|transformers)[\s、]?)+")  # names such as JSONL or Qwen 2 need no translation
CODE = re.compile(r"`[^`]*`|\[.*\]|\{[^}]*\}")  # quoted keys and places, which have punctuation of their own
HALF_WIDTH = re.compile(
    r"[\u3400-\u9fff][,;:?!](?![A-Za-z0-9])|[\u3400-\u9fff]\.(?:\s|$)|[\u3400-\u9fff]\(|\)[\u3400-\u9fff]"
)


def test_all_sentences_are_sound() -> None:
    found = [problem for path in Path(tuneloop.__path__[0]).rglob("*.py") for problem in problems(path)]
    assert found == []


def test_there_are_sentences_to_check() -> None:
    calls = [call for path in Path(tuneloop.__path__[0]).rglob("*.py") for call in sentences(path)]
    assert len(calls) > 50


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("Words('a cat', '')", "no Chinese"),
        ("Words('a cat', 'a cat')", "no Chinese"),
        ("Words('', '猫')", "no English"),
        ("Words('猫猫 cat 猫猫', '猫')", "Chinese in the English"),
        ("Words('a column called 问题', '名为“问题”的列')", ""),
        ("Words('as `{a: 猫, b: 狗}`', '如 `{a: 猫, b: 狗}`')", ""),
        ("Words('{a}: {b}', '{a}：{b}')", ""),
        ("Words('{count} cats', '{number} 只猫')", "places differ"),
        ("Words('a cat, a dog', '猫,狗')", "half-width"),
        ("Words('a cat, a dog.', '猫, 狗。')", "half-width"),
        ("Words('a cat.', '猫.')", "half-width"),
        ("Words('a cat (old)', '猫(老)')", "half-width"),
        ("Words('a cat')", "both languages"),
        ("setting(1, en='a cat', zh='cat')", "no Chinese"),
        ("setting(1, en='a cat')", "both languages"),
        ("Words(en='a cat', zh='猫')", ""),
        ("Words('LoRA', 'LoRA')", ""),
        ("Words(f'a {cat}', '猫')", "not a plain text"),
        ("Words(text, other)", ""),  # built from other Words; what they hold is checked where it is written
    ],
)
def test_the_checker_catches(tmp_path: Path, source: str, problem: str) -> None:
    file = tmp_path / "a.py"
    file.write_text(source, "utf-8")
    found = problems(file)
    assert bool(found) == bool(problem)
    assert problem in "".join(found)


def sentences(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Words", "setting"):
            yield node


def problems(path: Path) -> list[str]:
    return [f"{path}:{call.lineno}: {problem}" for call in sentences(path) for problem in problems_of(call)]


def problems_of(call: ast.Call) -> list[str]:
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg in ("en", "zh")}
    if getattr(call.func, "id", "") == "Words":
        named |= dict(zip(("en", "zh"), call.args, strict=False))
    if any(isinstance(argument, ast.Starred) for argument in call.args) or None in [k.arg for k in call.keywords]:
        return []
    if set(named) != {"en", "zh"}:
        return ["needs both languages"]
    if any(isinstance(value, ast.JoinedStr) for value in named.values()):
        return ["not a plain text: use places and format, so that it can be read and checked"]
    texts = {key: value.value for key, value in named.items() if isinstance(value, ast.Constant)}
    if set(texts) != {"en", "zh"}:
        return []
    en, zh = str(texts["en"]), str(texts["zh"])
    words_en, words_zh = CODE.sub("", en), CODE.sub("", zh)
    checks = {
        "no English": bool(zh.strip()) and not en.strip(),
        "Chinese in the English": len(HAN.findall(en)) > len(re.findall("[A-Za-z]", en)),
        "no Chinese": bool(re.search("[A-Za-z]", words_en)) and not HAN.search(zh) and not NAMES.fullmatch(zh),
        "places differ": places(en) != places(zh),
        f"half-width punctuation in {zh!r}": bool(HALF_WIDTH.search(words_zh)),
    }
    return [name for name, wrong in checks.items() if wrong]


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)", text))
