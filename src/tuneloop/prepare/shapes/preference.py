"""Pairs of a better and a worse answer to the same prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.parting import is_whole, pair, prompt_turns, two_answers
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import history_turns, read_turns
from tuneloop.prepare.values import optional_text, shown
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Preference(Shape):
    """Two answers that share what came before; equal ones are refused."""

    title = Words("Preference pairs", "偏好对")
    help = Words(
        "A prompt (with an input and history, as Alpaca rows have them) or conversation with a chosen and a rejected "
        "answer, as texts or messages; OpenAI's preferred_output and non_preferred_output; or two whole conversations "
        "that part at the answer, with or without the prompt beside them (UltraFeedback), also as texts of Human: … "
        "Assistant: … (hh-rlhf); response_j and response_k; query, response and rejected_response.",
        "一个提示（可带 Alpaca 式的 input 和 history）或一段对话，加上 chosen 和 rejected 两个回答，可以是文本或消息；"
        "也支持 OpenAI 的 preferred_output / non_preferred_output，在回答处分岔的两段完整对话"
        "（旁边可以另有 prompt，如 UltraFeedback；也可以写成 Human: … Assistant: … 的文本，如 hh-rlhf），"
        "response_j / response_k，以及 query、response、rejected_response。",
    )
    fields = (
        Field(
            "chosen",
            ("preferred_output", "chosen_response", "response_j", "better", "偏好回答", "好回答", "response"),
        ),
        Field(
            "rejected",
            ("non_preferred_output", "rejected_response", "response_k", "worse", "拒绝回答", "差回答"),
        ),
        Field(
            "prompt",
            ("conversations", "conversation", "messages", "question", "instruction", "query", "问题", "指令", "input"),
            required=False,
        ),
        Field("input", ("context", "输入"), required=False),
        Field("history", required=False),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        rows = [(row.get(columns["chosen"]), row.get(columns["rejected"])) for row in sample]
        answers = sum(all(isinstance(one, str | list | Mapping | None) for one in both) for both in rows)
        return 0.99 * answers / len(rows)

    def find(self, sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The columns, without those that say nothing more: they are named as not used.

        `messages` beside two whole conversations repeat one of them; `input` and `history` belong to a prompt of text.
        """
        found = super().find(sample)
        prompt = [row.get(found["prompt"]) for row in sample] if "prompt" in found else []
        texts = all(isinstance(value, str | None) for value in prompt)
        if prompt and not texts and found["prompt"].lower() != "prompt" and _are_whole(found, sample):
            del found["prompt"]
        if "prompt" not in found or not texts:
            found.pop("input", None)
            found.pop("history", None)
        return found

    def record(self, values: Mapping[str, Any]) -> Record:
        prompt, tools = _prompt(values)
        chosen, rejected = two_answers(values, ("chosen", "rejected"), prompt)
        if isinstance(values.get("prompt"), Mapping) and (is_whole(chosen) or is_whole(rejected)):
            raise InputError(
                "the answer does not begin with the assistant",
                expected="an answer to the prompt",
                where=Where(field="chosen" if is_whole(chosen) else "rejected"),
            )
        return pair(prompt, chosen, rejected, system=optional_text(values, "system"), tools=tools)


def _are_whole(found: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> bool:
    """Do both answers begin with a turn that is not the assistant's, in the rows that can be read?"""
    read = [both for row in sample if (both := _both(row, found["chosen"], found["rejected"]))]
    return bool(read) and sum(is_whole(one) and is_whole(other) for one, other in read) >= 0.5 * len(read)


def _both(row: Mapping[str, Any], chosen: str, rejected: str) -> tuple[tuple[Turn, ...], tuple[Turn, ...]] | None:
    try:
        return two_answers(row, (chosen, rejected))
    except (InputError, KeyError):
        return None


def _prompt(values: Mapping[str, Any]) -> tuple[tuple[Turn, ...], tuple[Any, ...]]:
    """The shared turns and the tools; OpenAI nests both under `input`."""
    value = values.get("prompt")
    if isinstance(value, Mapping):
        if "messages" not in value:
            raise InputError(f"found {shown(value)}", expected="messages", where=Where(field="prompt"))
        return read_turns(value["messages"], "prompt"), read_tools(value) or read_tools(values)
    return (*history_turns(values.get("history")), *prompt_turns(values)), read_tools(values)
