"""Arithmetic written by a stranger: `0.7 * a + 0.3 * max(b, 0)`, read by a parser of its own and never executed.

    sum      = product (('+' | '-') product)*
    product  = power (('*' | '/' | '//' | '%') power)*
    power    = sign ('**' power)?            as in Python, -a ** 2 is -(a ** 2)
    atom     = number | name | function '(' sum (',' sum)* ')' | '(' sum ')'

Functions: min, max, abs, floor, ceil, exp, sqrt, log.  Length, nesting and the size of numbers are bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tuneloop.errors import InputError

MOST_CHARACTERS, MOST_DEPTH = 1000, 50

FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_ONE_ARGUMENT = frozenset({"abs", "floor", "ceil", "exp", "sqrt", "log"})
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|//|[-+*/%(),]))")

Value = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class Formula:
    """`names` are the values that it needs."""

    text: str
    names: frozenset[str]
    value: Value

    def __call__(self, values: Mapping[str, float]) -> float:
        """`InputError` where the arithmetic has no finite answer (a division by zero, a root of a negative number)."""
        try:
            found = float(self.value(values))
        except (ArithmeticError, ValueError, TypeError) as error:
            raise InputError(f"{self.text!r} cannot be computed with {dict(values)} ({error})") from None
        if not math.isfinite(found):
            raise InputError(f"{self.text!r} gives {found} with {dict(values)}", expected="a finite number")
        return found


def read_formula(text: str) -> Formula:
    """`InputError` with the place of what is no arithmetic."""
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"the formula has {len(text)} characters", expected=f"at most {MOST_CHARACTERS}")
    reader = _Reader(text)
    value = reader.sum(0)
    if reader.at < len(reader.tokens):
        raise reader.strange()
    return Formula(text, frozenset(reader.names), value)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.names = text, 0, set[str]()
        self.tokens: list[tuple[str, str, int]] = []
        place = 0
        bare = text.rstrip()
        while place < len(bare):
            found = _TOKEN.match(bare, place)
            if found is None:
                raise InputError(f"found {bare[place:].strip()[:20]!r} in {text!r}", expected="numbers, names, + - * /")
            number, name, sign = found.groups()
            kind, token = ("number", number) if number else ("name", name) if name else ("sign", sign)
            self.tokens.append((kind, token, found.start(found.lastindex or 0)))
            place = found.end()

    def sum(self, depth: int) -> Value:
        if depth > MOST_DEPTH:
            raise InputError("the formula is nested too deeply", expected=f"at most {MOST_DEPTH} levels")
        return self._chain(self._product, {"+": lambda a, b: a + b, "-": lambda a, b: a - b}, depth)

    def _product(self, depth: int) -> Value:
        signs: dict[str, Callable[[float, float], float]] = {
            "*": lambda a, b: a * b,
            "/": lambda a, b: a / b,
            "//": lambda a, b: a // b,
            "%": lambda a, b: a % b,
        }
        return self._chain(self._signed, signs, depth)

    def _chain(
        self, inner: Callable[[int], Value], signs: Mapping[str, Callable[[float, float], float]], depth: int
    ) -> Value:
        value = inner(depth)
        while (sign := self._sign(*signs)) is not None:
            value = _joined(signs[sign], value, inner(depth))
        return value

    def _signed(self, depth: int) -> Value:
        if depth > MOST_DEPTH:
            raise InputError("the formula is nested too deeply", expected=f"at most {MOST_DEPTH} levels")
        sign = self._sign("-", "+")
        if sign is None:
            return self._power(depth)
        value = self._signed(depth + 1)
        return (lambda values: -value(values)) if sign == "-" else value

    def _power(self, depth: int) -> Value:
        base = self._atom(depth)
        if self._sign("**") is None:
            return base
        return _joined(_power, base, self._signed(depth + 1))

    def _atom(self, depth: int) -> Value:
        if self.at >= len(self.tokens):
            raise InputError(f"{self.text!r} ends too early", expected="a number or a name")
        kind, token, _ = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            number = float(token)
            return lambda values: number
        if kind == "name" and self._sign("(") is not None:
            return self._call(token, depth)
        if kind == "name":
            self.names.add(token)
            return lambda values: values[token]
        if token == "(":
            value = self.sum(depth + 1)
            self._must(")")
            return value
        self.at -= 1
        raise self.strange()

    def _call(self, name: str, depth: int) -> Value:
        if name not in FUNCTIONS:
            raise InputError(f"found the function {name!r}", expected=f"one of {', '.join(FUNCTIONS)}")
        arguments = [self.sum(depth + 1)]
        while self._sign(",") is not None:
            arguments.append(self.sum(depth + 1))
        self._must(")")
        if (name in _ONE_ARGUMENT) != (len(arguments) == 1):
            expected = "one" if name in _ONE_ARGUMENT else "two or more"
            raise InputError(f"{name} was given {len(arguments)} arguments", expected=expected)
        function = FUNCTIONS[name]
        return lambda values: function(*(one(values) for one in arguments))

    def _sign(self, *wanted: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in wanted:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def _must(self, sign: str) -> None:
        if self._sign(sign) is None:
            raise self.strange()

    def strange(self) -> InputError:
        if self.at >= len(self.tokens):
            return InputError(f"{self.text!r} ends too early", expected="a closing bracket")
        _, token, place = self.tokens[self.at]
        return InputError(f"found {token!r} at character {place + 1} of {self.text!r}", expected="arithmetic")


def _joined(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    return lambda values: operation(left(values), right(values))


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)  # floats only: whole numbers could grow without bound
