"""Pairs of a better and a worse answer to the same prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import optional_text, shown, with_input
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Preference(Shape):
    """Two answers that share what came before; equal ones are refused."""

    title = Words("Preference pairs", "偏好对")
    help = Words(
        "A prompt (with an input, as Alpaca rows have it) or conversation with a chosen and a rejected answer, as "
        "texts or messages; OpenAI's preferred_output and non_preferred_output; or two whole conversations that part "
        "at the answer.",
        "一个提示（可带 Alpaca 式的 input）或一段对话，加上 chosen 和 rejected 两个回答，可以是文本或消息；也支持 "
        "OpenAI 的 preferred_output / non_preferred_output，以及在回答处分岔的两段完整对话。",
    )
    fields = (
        Field("chosen", ("preferred_output", "chosen_response", "better", "偏好回答", "好回答")),
        Field("rejected", ("non_preferred_output", "rejected_response", "worse", "拒绝回答", "差回答")),
        Field(
            "prompt",
            ("conversations", "conversation", "messages", "question", "instruction", "问题", "指令", "input"),
            required=False,
        ),
        Field("input", ("context", "输入"), required=False),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        return 0.99

    def record(self, values: Mapping[str, Any]) -> Record:
        chosen, rejected = _answer(values["chosen"], "chosen"), _answer(values["rejected"], "rejected")
        prompt, tools = _prompt(values)
        if not prompt:
            prompt, chosen, rejected = _part(chosen, rejected)
        system = optional_text(values, "system")
        if system and prompt[0].role != "system":
            prompt = (Turn("system", system), *prompt)
        for field, answer in (("chosen", chosen), ("rejected", rejected)):
            if not answer or answer[0].role != "assistant":
                raise InputError(
                    "the answer does not begin with the assistant",
                    expected="an answer to the prompt",
                    where=Where(field=field),
                )
            check_order((*prompt, *answer), field)
        if chosen == rejected:
            raise InputError(
                "chosen and rejected are the same",
                expected="two different answers",
                where=Where(field="rejected"),
                do="Remove the record: nothing can be learnt from it",
            )
        return Record("preference", messages=prompt, chosen=chosen, rejected=rejected, tools=tools)


def _answer(value: Any, field: str) -> tuple[Turn, ...]:
    if isinstance(value, str):
        return (Turn("assistant", value),)
    return read_turns([value] if isinstance(value, Mapping) else value, field)


def _prompt(values: Mapping[str, Any]) -> tuple[tuple[Turn, ...], tuple[Any, ...]]:
    """The shared turns and the tools; OpenAI nests both under `input`."""
    value = values.get("prompt")
    if value is None:
        return (), read_tools(values)
    if isinstance(value, Mapping):
        if "messages" not in value:
            raise InputError(f"found {shown(value)}", expected="messages", where=Where(field="prompt"))
        return read_turns(value["messages"], "prompt"), read_tools(value)
    if isinstance(value, str):
        return (Turn("user", with_input(value, values)),), read_tools(values)
    return read_turns(value, "prompt"), read_tools(values)


def _part(
    chosen: tuple[Turn, ...], rejected: tuple[Turn, ...]
) -> tuple[tuple[Turn, ...], tuple[Turn, ...], tuple[Turn, ...]]:
    """Two whole conversations: their common beginning, and what each goes on with."""
    common = 0
    while common < min(len(chosen), len(rejected)) and chosen[common] == rejected[common]:
        common += 1
    while common and common in (len(chosen), len(rejected)):
        common -= 1
    if not common:
        raise InputError(
            "found no prompt", expected="a prompt, or conversations that begin alike", where=Where(field="prompt")
        )
    return chosen[:common], chosen[common:], rejected[common:]
