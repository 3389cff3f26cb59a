"""Makes answers fit the base: a reasoning model learns from answers with their reasoning, others from those without."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Drop, Replace
from tuneloop.prepare.step import Step
from tuneloop.records import Record, Turn
from tuneloop.text import thoughts
from tuneloop.wording import Words

Reasoning = Literal["auto", "required", "allowed", "absent"]


class ReasoningFormat(Step):
    """Reasoning may stand in a field of its own or between <think> tags; it goes on in its field, from which the base's
    template writes it in the base's way."""

    title = Words("Reasoning format", "思考过程格式")
    help = Words(
        "Makes answers fit the base. For a reasoning model an answer without its reasoning is dropped; for any other, "
        "reasoning is taken out (it can be learnt later by reinforcement). Reasoning between <think> tags moves into "
        "its own field; an answer with a broken tag is dropped.",
        "让回答符合基座模型：基座是推理模型时，缺少思考过程的回答会被丢弃；不是推理模型时，去除思考过程"
        "（推理能力可以之后用强化学习获得）。写在 <think> 标签里的思考会移到单独的字段；标签残缺的回答会被丢弃。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "no_reasoning": Words("The answer lacks the reasoning that the base needs", "缺少基座模型需要的思考过程"),
        "has_reasoning": Words(
            "The answer holds reasoning that the base must not have", "含有基座模型不应有的思考过程"
        ),
        "broken_reasoning": Words("A tag of reasoning is open, stray or stands twice", "思考标签残缺、多余或重复"),
    }

    base: str | None = setting(
        None, en="the base that will be tuned, as the catalogue names it", zh="要微调的基座模型（模型目录中的名称）"
    )
    reasoning: Reasoning = setting(
        "auto",
        en="required, allowed or absent; auto: as the base is (allowed where none is named)",
        zh="required 必须有，allowed 可有可无，absent 不能有；auto 按基座判断（未指定基座时不限）",
    )
    surplus: Literal["remove", "drop"] = setting(
        "remove",
        en="what happens where reasoning must be absent: it is removed, or the record is",
        zh="不应有思考过程时：remove 去除思考，drop 丢弃记录",
    )

    @field_validator("base")
    @classmethod
    def _listed(cls, name: str | None) -> str | None:
        from tuneloop.models.catalogue.reading import find, listed, nearest_name

        if name is not None and find(name, listed()) is None:
            hint = nearest_name(name, listed())
            raise ValueError(f"a model of the catalogue ({hint[0].lower() + hint[1:]})")
        return name

    @cached_property
    def _wanted(self) -> Reasoning:
        if self.reasoning != "auto" or self.base is None:
            return "allowed" if self.reasoning == "auto" else self.reasoning
        from tuneloop.models.catalogue.reading import get, listed

        kind = get(self.base, listed()).get("kind")
        return {"reasoning": "required", "hybrid": "allowed", None: "allowed"}.get(kind, "absent")  # type: ignore[return-value]

    def decide_one(self, record: Record) -> Decision:
        edits: Counter[str] = Counter()
        sides: list[tuple[Turn, ...]] = []
        for turns in (record.messages, record.chosen, record.rejected):
            made: list[Turn] = []
            for turn in turns:
                fitted = self._fit(turn, edits) if turn.role == "assistant" else turn
                if isinstance(fitted, Drop):
                    return fitted
                made.append(fitted)
            sides.append(tuple(made))
        if not edits:
            return KEEP
        changed = dataclasses.replace(record, messages=sides[0], chosen=sides[1], rejected=sides[2])
        return Replace(changed, dict(edits))

    def _fit(self, turn: Turn, edits: Counter[str]) -> Turn | Drop:
        if isinstance(turn.content, str):
            found = thoughts.split(turn.content)
            if found.broken:
                return Drop("broken_reasoning")
            if found.said != turn.content:
                edits["moved"] += 1
                turn = dataclasses.replace(turn, content=found.said, reasoning=turn.reasoning or found.thought)
        learnt = turn.weight != 0 and not turn.tool_calls
        if self._wanted == "required" and learnt and not turn.reasoning:
            return Drop("no_reasoning")
        if self._wanted == "absent" and turn.reasoning:
            if self.surplus == "drop":
                return Drop("has_reasoning")
            edits["removed"] += 1
            return dataclasses.replace(turn, reasoning=None)
        return turn

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_wanted"}
