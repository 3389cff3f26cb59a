"""The benchmark of personal data: its numbers obey their rules, its spans lie where they say, and its scores add up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_check_digits_are_those_of_published_examples() -> None:
    from personal import numbers

    assert numbers.mod_11_2("11010519491231002") == "X"  # the example of GB 11643
    assert numbers.luhn("7992739871") == "3"
    source = random.Random(0)
    for _ in range(50):
        number = numbers.iban(source).upper().replace(" ", "")
        assert int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


def test_spans_lie_where_they_say_and_a_seed_gives_one_set() -> None:
    from personal.generate import TRUE, formats, persons

    rows = list(formats(600, 3))
    assert rows == list(formats(600, 3))
    assert rows != list(formats(600, 4))
    assert {item.kind for row in rows for item in row.items} == set(TRUE)
    true, false = (sum(len(getattr(row, name)) for row in rows) for name in ("items", "lookalikes"))
    assert abs(true - false) <= 1
    for row in [*rows, *persons(200, 3)]:
        for item in (*row.items, *row.lookalikes):
            assert row.text[item.start : item.end].strip() == row.text[item.start : item.end] != ""


def test_scores_count_what_is_found_and_what_is_wrong() -> None:
    from personal.generate import Item, Row
    from personal.score import judge

    text = "电话 010-62313333 与 order 4111111111111111"
    row = Row(text, "zh", [Item("landline", 3, 15)], [Item("bank_card", 24, 40)])
    found = judge([row], [[Item("phone", 7, 15), Item("bank_card", 24, 40)]])
    landline, card = found.of("landline"), found.of("bank_card")
    assert (landline.true, landline.found, landline.exact, landline.covered) == (1, 1, 0, 0)
    assert (found.of("phone").spans, found.of("phone").right) == (1, 1)
    assert (card.lookalikes, card.hit, card.spans, card.right) == (1, 1, 1, 0)
    other = judge([row], [[Item("email", 3, 15)]]).of("landline")
    assert (other.found, other.covered) == (0, 1)


def test_what_a_changed_text_hides_is_read_from_it() -> None:
    from peers.run_pii import _differences

    marks = {"[EMAIL]": "email", "[IP]": "ip_address"}
    assert _differences("a@b.cn 与 1.2.3.4", "[EMAIL] 与 [IP]", marks) == [(0, 6, "email"), (9, 16, "ip_address")]
    assert _differences("nothing", "nothing", marks) == []
