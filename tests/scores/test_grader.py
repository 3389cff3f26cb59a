"""Graders: similarities against the usual packages, arithmetic against Python's, places, unreadable replies."""

from __future__ import annotations

import math
import random

import pytest

from tuneloop.errors import InputError, SettingError
from tuneloop.scores.formula import FUNCTIONS, read_formula
from tuneloop.scores.grader import Case, UnsupportedParameter, read_grader
from tuneloop.scores.judge import Answered, judges
from tuneloop.scores.similarities import SIMILARITIES, bleu, gleu, meteor, rouge_l, rouge_n

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "then", "dog", "ran", "after", "it", "quickly"]


def sentences(seed: int, count: int = 60) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    return [
        tuple(" ".join(draw.choices(WORDS, k=draw.randint(4, 15))) for _ in range(2))  # type: ignore[misc]
        for _ in range(count)
    ]


def test_on_english_the_figures_are_those_of_the_usual_packages() -> None:
    from nltk.translate import bleu_score, gleu_score, meteor_score
    from rouge_score.rouge_scorer import RougeScorer

    class NoWords:
        def synsets(self, *_: object) -> list[object]:
            return []

    class NoStems:
        def stem(self, word: str) -> str:
            return word

    scorer = RougeScorer([*(f"rouge{size}" for size in range(1, 6)), "rougeL"])
    smooth = bleu_score.SmoothingFunction().method1
    for said, wanted in sentences(1):
        usual = scorer.score(wanted, said)
        for size in range(1, 6):
            assert rouge_n(said, wanted, size) == pytest.approx(usual[f"rouge{size}"].fmeasure)
        assert rouge_l(said, wanted) == pytest.approx(usual["rougeL"].fmeasure)
        theirs = bleu_score.sentence_bleu([wanted.split()], said.split(), smoothing_function=smooth)
        assert bleu(said, wanted) == pytest.approx(theirs)
        assert gleu(said, wanted) == pytest.approx(gleu_score.sentence_gleu([wanted.split()], said.split()))
        exact = meteor_score.single_meteor_score(wanted.split(), said.split(), stemmer=NoStems(), wordnet=NoWords())
        assert meteor(said, wanted) == pytest.approx(exact)


@pytest.mark.parametrize("name", sorted(SIMILARITIES))
def test_chinese_is_compared_by_characters(name: str) -> None:
    measure = SIMILARITIES[name]
    same, near, far = "小猫坐在红色的垫子上面", "小猫坐在红色的垫子下面", "今天股票全线大涨百分十"
    assert measure(same, same) == pytest.approx(1.0, abs=0.01)
    assert 1 > measure(near, same) > measure(far, same)
    assert 0 <= measure(far, same) < 0.2
    assert measure("", same) == 0.0


def test_formulas_compute_as_python_does() -> None:
    draw = random.Random(0)
    names = {"a": 0.5, "b": -2.0, "c": 3.25}

    def made(depth: int) -> str:
        kind = draw.randrange(7 if depth < 4 else 2)
        if kind == 0:
            return f"{draw.uniform(0, 5):.2f}"
        if kind == 1:
            return draw.choice(list(names))
        if kind == 2:
            return f"({made(depth + 1)})"
        if kind == 3:
            return f"-{made(depth + 1)}"
        if kind == 4:
            return f"{draw.choice(['min', 'max'])}({made(depth + 1)}, {made(depth + 1)})"
        return f"{made(depth + 1)} {draw.choice(['+', '-', '*', '/', '//', '%', '**'])} {made(depth + 1)}"

    compared = 0
    for _ in range(2000):
        text = made(0)
        try:
            expected = eval(text, {"__builtins__": {}}, {**FUNCTIONS, **names})  # noqa: S307  (made above)
        except (ArithmeticError, ValueError, TypeError):  # TypeError: of complex numbers
            continue
        if isinstance(expected, complex) or not math.isfinite(expected):
            continue
        assert read_formula(text)(names) == pytest.approx(expected), text
        compared += 1
    assert compared > 1000


@pytest.mark.parametrize(
    "text",
    ["", "a +", "(a", "a b", "a..b", "f(a)", "min(a)", "a; b", "a.__class__", "__import__('os')", "[1]",
     "1 if a else 2", "lambda: 1", "a" * 1001, "(" * 100 + "a" + ")" * 100, "-" * 200 + "1", "max()", "a == b"],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_formula(text)


@pytest.mark.parametrize("text", ["1 / 0", "sqrt(0 - 1)", "10 ** 10 ** 10", "exp(10000)", "(0-1) ** 0.5"])
def test_what_has_no_finite_answer_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_formula(text)({})


def test_the_longest_formula_is_computed() -> None:
    assert read_formula("+".join("1" * 500))({}) == 500


@pytest.mark.parametrize(
    ("operation", "said", "wanted", "score"),
    [
        ("eq", "a", "a", 1), ("eq", "a", "A", 0), ("ne", "a", "A", 1), ("like", "a cat", "cat", 1),
        ("like", "a Cat", "cat", 0), ("ilike", "a Cat", "cAT", 1), ("ilike", "dog", "cat", 0),
    ],
)  # fmt: skip
def test_string_check(operation: str, said: str, wanted: str, score: int) -> None:
    grader = read_grader(
        {
            "type": "string_check",
            "name": "x",
            "operation": operation,
            "input": "{{sample.output_text}}",
            "reference": "{{ item.want }}",
        }
    )
    assert grader.grade(Case(said, {"want": wanted}), nobody).score == score


def nobody(*_: object) -> str:
    raise AssertionError("no model is asked")


def test_places() -> None:
    case = Case('{"name": "Mimi", "legs": [1, 2]}', {"a": {"b": ["x", {"c": 3}]}})
    assert case.fill("{{item.a.b[1].c}} {{sample.output_json.name}} {{sample.output_json.legs}}") == "3 Mimi [1, 2]"
    # what a place brings in is not read as a template again
    assert Case("{{item.secret}}", {"secret": "s"}).fill("{{sample.output_text}}") == "{{item.secret}}"
    for wrong in ("{{item.none}}", "{{item.a.b[7]}}", "{{sample.other}}"):
        with pytest.raises(InputError, match="names nothing"):
            case.fill(wrong)


def test_a_model_that_scores() -> None:
    data = {
        "type": "score_model",
        "name": "j",
        "model": "judge",
        "range": [0, 10],
        "input": [{"role": "user", "content": "Rate {{sample.output_text}}"}],
    }
    grader = read_grader(data)
    asked = []

    def ask(model: str, messages: object, how: object) -> str:
        asked.append((model, messages))
        return "I give it 7.5 out of 10"

    assert grader.grade(Case("this"), ask).score == 7.5
    assert asked == [("judge", [{"role": "user", "content": "Rate this"}])]
    lost = grader.grade(Case("this"), lambda *_: "no idea")
    assert (lost.score, len(lost.errors)) == (0.0, 1)
    with pytest.raises(SettingError):
        read_grader({**data, "range": [1, 0]})
    with pytest.raises(UnsupportedParameter):
        read_grader({**data, "sampling_params": {"magic": 1}})


def test_python_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedParameter, match="python"):
        read_grader({"type": "python", "name": "p", "source": "1"})


def test_as_a_judge_the_reference_is_the_line() -> None:
    grader = {
        "type": "text_similarity",
        "name": "t",
        "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}",
        "evaluation_metric": "rouge_l",
    }
    judge = judges.create({"name": "grader", "grader": grader})
    items = [Answered((), answer, '{"answer": "一只猫"}') for answer in ("一只猫", "两条狗")]
    assert judge.score_all(items) == [1.0, 0.0]
    with pytest.raises(InputError):
        judge.score_all([Answered((), "a", "no line")])


def test_what_would_fill_memory_or_take_hours_is_refused() -> None:
    case = Case("a" * 1000, {"deep": "x", "long": "b" * 100_000})
    with pytest.raises(InputError, match="too long"):
        case.fill("{{item.long}}" * 100)
    nested = Case("[" * 900 + "]" * 900, {})
    with pytest.raises(InputError):
        nested.fill("{{sample.output_json[0][0].name}}")
    similar = {"type": "text_similarity", "name": "x", "evaluation_metric": "meteor", "input": "{{item.long}}"}
    graded = read_grader({**similar, "reference": "{{sample.output_text}}"}).grade(case, lambda *_: "")
    assert (graded.score, len(graded.errors)) == (0.0, 1)
    assert "100000 characters" in graded.errors[0]
