"""Graders as OpenAI's fine-tuning writes them: a sample and an item in, a number out.

    string_check      1 or 0: eq, ne, like (contains), ilike (contains, whatever the case)
    text_similarity   0 to 1, by a measure of `similarities.py`
    score_model       a model is asked for a number within `range`
    multi             arithmetic over other graders' numbers (`formula.py`)

Texts hold places such as {{item.answer}}, {{sample.output_text}} and {{sample.output_json.name}}.  `python` graders
would run a stranger's code and are refused.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tuneloop.config import Settings, read, setting
from tuneloop.errors import InputError, SettingError, UsageError, Where
from tuneloop.scores.formula import read_formula
from tuneloop.scores.similarities import SIMILARITIES

_PLACE = re.compile(r"\{\{\s*(item|sample)((?:\.[\w-]+|\[\d+\])*)\s*\}\}")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

MOST_FILLED = 2_000_000
MOST_COMPARED = 50_000
"""Characters of each text whose likeness is measured: some measures take the product of both lengths."""

Ask = Callable[[str, Sequence[Mapping[str, str]], Mapping[str, Any]], str]
"""Asks a model (name, messages, sampling settings) and gives its answer."""


class UnsupportedParameter(UsageError):
    """A parameter that is known, and that this program does not have."""

    code = "unsupported_parameter"


@dataclass
class Case:
    """What is graded: the model's answer and the line of the file that asked for it."""

    output: str
    item: Mapping[str, Any] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """The text with its places filled; an InputError for a place that names nothing, or a text that grows too long:
        a few megabytes of places, each with a few megabytes, would fill any memory."""
        pieces, end, size = [], 0, len(text)
        for found in _PLACE.finditer(text):
            try:
                value = self._value(found[1], found[2], found[0])
            except RecursionError:
                raise InputError(f"{found[0]} is nested too deeply") from None
            size += len(value)
            if size > MOST_FILLED:
                raise InputError(
                    "a text with its places filled is too long", expected=f"at most {MOST_FILLED} characters"
                )
            pieces += [text[end : found.start()], value]
            end = found.end()
        return "".join([*pieces, text[end:]])

    def _value(self, root: str, path: str, place: str) -> str:
        value: Any = self.item if root == "item" else {"output_text": self.output, **self._parsed(path)}
        for name, index in _STEP.findall(path):
            try:
                value = value[name] if name else value[int(index)]
            except (KeyError, IndexError, TypeError):
                raise InputError(f"{place} names nothing here", expected="a field of the item or sample") from None
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def _parsed(self, path: str) -> dict[str, Any]:
        if not path.startswith(".output_json"):
            return {}
        try:
            return {"output_json": json.loads(self.output)}
        except ValueError:
            return {"output_json": None}


@dataclass
class Graded:
    """`parts` are a multi grader's own numbers by name; `errors` what went wrong on the way, as sentences."""

    score: float
    parts: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class Grader(Settings, ABC):
    name: str = setting(min_length=1, max_length=64, en="name of the grader", zh="评分器名称")

    def texts(self) -> list[str]:
        """All texts with places."""
        return []

    @abstractmethod
    def grade(self, case: Case, ask: Ask) -> Graded: ...


class StringCheck(Grader):
    type: Literal["string_check"]
    input: str = setting(en="what is compared", zh="待比较的文本")
    reference: str = setting(en="what it is compared with", zh="参考文本")
    operation: Literal["eq", "ne", "like", "ilike"] = setting(en="how", zh="比较方式")

    def texts(self) -> list[str]:
        return [self.input, self.reference]

    def grade(self, case: Case, ask: Ask) -> Graded:
        said, wanted = case.fill(self.input), case.fill(self.reference)
        passed = {
            "eq": said == wanted,
            "ne": said != wanted,
            "like": wanted in said,
            "ilike": wanted.casefold() in said.casefold(),
        }
        return Graded(float(passed[self.operation]))


class TextSimilarity(Grader):
    type: Literal["text_similarity"]
    input: str = setting(en="what is compared", zh="待比较的文本")
    reference: str = setting(en="what it is compared with", zh="参考文本")
    evaluation_metric: Literal[
        "cosine", "fuzzy_match", "bleu", "gleu", "meteor",
        "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l",
    ] = setting(en="measure", zh="相似度指标")  # fmt: skip

    def texts(self) -> list[str]:
        return [self.input, self.reference]

    def grade(self, case: Case, ask: Ask) -> Graded:
        said, wanted = case.fill(self.input), case.fill(self.reference)
        longest = max(len(said), len(wanted))
        if longest > MOST_COMPARED:
            told = f"a text of {longest} characters is too long to compare; expected at most {MOST_COMPARED}"
            return Graded(0.0, errors=[told])
        return Graded(SIMILARITIES[self.evaluation_metric](said, wanted))


class Message(Settings):
    role: Literal["system", "developer", "user", "assistant"] = setting(en="who speaks", zh="角色")
    content: str = setting(en="text", zh="文本")
    type: Literal["message"] = setting("message", en="kind", zh="类型")


class ScoreModel(Grader):
    type: Literal["score_model"]
    model: str = setting(min_length=1, en="model that is asked", zh="评分所用模型")
    input: list[Message] = setting(en="what it is asked", zh="提问内容", min_length=1)
    range: tuple[float, float] = setting((0.0, 1.0), en="lowest and highest score", zh="分数范围")
    sampling_params: dict[str, Any] = setting({}, en="temperature, top_p, seed, max_completions_tokens", zh="采样参数")

    def texts(self) -> list[str]:
        return [message.content for message in self.input]

    def grade(self, case: Case, ask: Ask) -> Graded:
        """The first number of the reply within the range; a reply without one scores lowest, and is told."""
        messages = [{"role": one.role, "content": case.fill(one.content)} for one in self.input]
        reply = ask(self.model, messages, self.sampling_params)
        low, high = self.range
        for found in _NUMBER.findall(reply):
            if low <= float(found) <= high:
                return Graded(float(found))
        return Graded(low, errors=[f"{self.model} wrote {reply[:100]!r}, which has no number from {low:g} to {high:g}"])


class Multi(Grader):
    type: Literal["multi"]
    graders: dict[str, dict[str, Any]] = setting(en="graders by the name that the formula uses", zh="各评分器")
    calculate_output: str = setting(en="formula over their names", zh="由各评分器名称组成的算式")

    def inner(self, path: str = "grader") -> dict[str, Grader]:
        return {name: read_grader(one, f"{path}.graders.{name}", inside=True) for name, one in self.graders.items()}

    def texts(self) -> list[str]:
        return [text for one in self.inner().values() for text in one.texts()]

    def grade(self, case: Case, ask: Ask) -> Graded:
        found = {name: one.grade(case, ask) for name, one in self.inner().items()}
        parts = {name: one.score for name, one in found.items()}
        errors = [error for one in found.values() for error in one.errors]
        return Graded(read_formula(self.calculate_output)(parts), parts, errors)


KINDS: Mapping[str, type[Grader]] = {
    "string_check": StringCheck,
    "text_similarity": TextSimilarity,
    "score_model": ScoreModel,
    "multi": Multi,
}


def read_grader(data: Any, path: str = "grader", *, inside: bool = False) -> Grader:
    """Check a grader's data as a whole: its fields, its places, its formula; raises with the field's path."""
    if not isinstance(data, Mapping):
        raise SettingError(f"found {data!r:.60}", expected="a grader", where=Where(field=path))
    kind = data.get("type")
    where = Where(field=f"{path}.type")
    if kind == "python":
        raise UnsupportedParameter(
            "graders of the type python would run code and are not supported",
            where=where,
            do="Write it with string_check, text_similarity, score_model or multi",
        )
    if not isinstance(kind, str) or kind not in KINDS or (inside and kind == "multi"):
        known = [name for name in KINDS if not (inside and name == "multi")]
        raise SettingError(f"found {kind!r}", expected=f"one of {', '.join(known)}", where=where)
    grader = read(KINDS[kind], data, path=path)
    for text in grader.texts():
        if "{{" in _PLACE.sub("", text):
            raise SettingError(
                f"found {text[:80]!r}",
                expected="places as {{item.x}} or {{sample.output_text}}",
                where=Where(field=path),
            )
    if isinstance(grader, Multi):
        inner = grader.inner(path)
        place = Where(field=f"{path}.calculate_output")
        try:
            formula = read_formula(grader.calculate_output)
        except InputError as error:
            raise SettingError(error.message, expected=error.expected, where=place) from None
        if unknown := sorted(formula.names - inner.keys()):
            raise SettingError(f"found {unknown[0]!r}", expected=f"one of {', '.join(inner)}", where=place)
    if isinstance(grader, ScoreModel):
        _check_score_model(grader, path)
    return grader


SAMPLING = {"temperature", "top_p", "seed", "max_completions_tokens"}


def _check_score_model(grader: ScoreModel, path: str) -> None:
    if grader.range[0] >= grader.range[1]:
        raise SettingError(
            f"found {list(grader.range)}", expected="a lower and a higher number", where=Where(field=f"{path}.range")
        )
    for key, value in grader.sampling_params.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise SettingError(
                f"found {value!r:.60}", expected="a number", where=Where(field=f"{path}.sampling_params.{key}")
            )
        if key not in SAMPLING:
            raise UnsupportedParameter(
                f"found {key!r}",
                expected=f"one of {', '.join(sorted(SAMPLING))}",
                where=Where(field=f"{path}.sampling_params.{key}"),
            )


def models_of(grader: Grader) -> set[str]:
    """The models that a grader asks."""
    if isinstance(grader, Multi):
        return {name for one in grader.inner().values() for name in models_of(one)}
    return {grader.model} if isinstance(grader, ScoreModel) else set()
