"""The rows from templates: none of what the starter is measured by, half Chinese, the same ones for the same seed."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from rows import REPLAY, ROWS, clean, rows, write
from wordings import allowed, asked, bare, choices, facts, forbidden, off_limits, templates

COUNT = 400
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def made() -> dict[str, list[list[dict[str, str]]]]:
    return {part: list(rows(part, COUNT, seed=0)) for part in ROWS}


def is_chinese(row: list[dict[str, str]]) -> bool:
    text = "".join(message["content"] for message in row)
    return len(CHINESE.findall(text)) * 2 > len(re.findall(r"[A-Za-z]", text))


@pytest.mark.parametrize("part", ROWS)
def test_half_of_the_rows_are_chinese(made: dict[str, list[list[dict[str, str]]]], part: str) -> None:
    share = sum(map(is_chinese, made[part])) / COUNT
    assert 0.44 <= share <= 0.56


@pytest.mark.parametrize("part", ROWS)
def test_rows_take_turns_and_say_something(made: dict[str, list[list[dict[str, str]]]], part: str) -> None:
    for row in made[part]:
        roles = [message["role"] for message in row if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in row)
        assert not any("{" in message["content"] for message in row)


@pytest.mark.parametrize("part", ROWS)
def test_no_value_and_no_question_of_the_facts_is_in_a_row(
    made: dict[str, list[list[dict[str, str]]]], part: str
) -> None:
    texts = [message["content"] for row in made[part] for message in row]
    values = [str(value) for fact in facts() for value in (fact["value"], *fact.get("accept", ()))]
    chinese = [value for value in values if not value.isascii()]
    assert not [(text, value) for text, value in itertools.product(texts, chinese) if value in text]
    assert not any(forbidden().search(text) for text in texts)
    assert not {bare(text) for text in texts} & off_limits()


def test_a_row_that_breaks_the_promise_is_not_clean() -> None:
    value, question = facts()[0]["value"], facts()[0]["asked"][0]
    good = [{"role": "user", "content": "林家的狗叫什么？"}, {"role": "assistant", "content": "叫毛毛。"}]
    assert clean(good)
    assert not clean([good[0], {"role": "assistant", "content": f"叫{value}。"}])
    assert not clean([{"role": "user", "content": question}, good[1]])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_wording_can_become_an_asked_question(lang: str) -> None:
    """Whatever subject is put in: checked by taking each asked question apart, not by the generator's own filter."""
    for kind in templates(f"{lang}-kinds").values():
        for wording in allowed(kind["ask"]):
            before, mark, after = wording.replace("{s's}", "{s}").partition("{s}")
            start, end = bare(before), bare(after.replace("{s}", ""))
            fitting = [one for one in asked() if mark and one.startswith(start) and one.endswith(end)]
            inside = [one[len(start) : len(one) - len(end)] for one in fitting if len(one) >= len(start) + len(end)]
            assert not inside or wording.count("{s") > 1, (wording, fitting)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_kind_of_question_has_many_wordings(lang: str) -> None:
    kinds = templates(f"{lang}-kinds")
    assert len(kinds) >= 70
    counts = {name: len(allowed(kind["ask"])) for name, kind in kinds.items()}
    assert min(counts.values()) >= 8, min(counts, key=lambda name: counts[name])
    assert all(set(kind["value"]) and len(kind["say"]) >= 3 for kind in kinds.values())


def test_the_worlds_are_the_same_in_every_row(made: dict[str, list[list[dict[str, str]]]]) -> None:
    """A question that is asked twice is answered with the same fact, though perhaps in other words."""
    answers: dict[str, list[str]] = {}
    for row in itertools.chain(made["worlds"], rows("worlds", 3 * COUNT, 5)):
        if row[0]["role"] == "user":
            answers.setdefault(row[0]["content"], []).append(row[1]["content"])
    again = [several for several in answers.values() if len(several) > 1]
    assert not [several for several in again if not shared_piece(several)]


def shared_piece(several: list[str]) -> bool:
    pieces = [set(re.findall(r"[A-Za-z0-9:$]+|[\u4e00-\u9fff]", text)) for text in several]
    return bool(set.intersection(*pieces))


def test_passages_hold_their_answer(made: dict[str, list[list[dict[str, str]]]]) -> None:
    unknown = {*templates("zh-talk")["unknown"], *templates("en-talk")["unknown"]}
    told = [row for row in made["passages"] if row[-1]["content"] not in unknown]
    assert 0.8 <= len(told) / COUNT <= 0.97
    held = 0
    for row in told:
        words = re.findall(r"[A-Za-z0-9:$]{3,}|[\u4e00-\u9fff]{2}", row[-1]["content"])
        held += any(word in row[0]["content"] for word in words)
    assert held / len(told) > 0.9  # the rest answers in words of one or two letters


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, 0.002, seed=3)
    write(tmp_path / "other", 0.002, seed=4)
    for part in ROWS:
        one, two, other = ((tmp_path / name / f"rows-{part}.jsonl").read_bytes() for name in ("one", "two", "other"))
        assert one == two
        assert one != other


def test_choices_of_a_pattern() -> None:
    assert choices("(a|b) c(|d)") == ["a c", "a cd", "b c", "b cd"]


def test_the_shipped_replay_file_comes_from_the_same_generator() -> None:
    file = Path(__file__).resolve().parents[2] / "src/tuneloop/models/starter/replay.jsonl"
    shipped = [json.loads(line)["messages"] for line in file.read_text(encoding="utf-8").splitlines()]
    again = [row for part, count in REPLAY.items() for row in rows(part, count, 0, "replay")]
    assert shipped == again
    assert all(map(clean, shipped))
    assert Counter(map(is_chinese, shipped))[True] > len(shipped) * 0.4
