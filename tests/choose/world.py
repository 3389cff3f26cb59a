"""A stage that is called as the loop calls it, on a described machine, with a small catalogue or the shipped one."""

from __future__ import annotations

from typing import Any

from tuneloop.choose import ChooseRecipe, choose
from tuneloop.choose.seen import Seen
from tuneloop.records import Advice, Choice, DatasetVersion, Kind, ObjectiveNeeds, TunerTraits
from tuneloop.store import Workspace

ABLE = frozenset({"packing", "generation", "head"})
OBJECTIVES = {
    "sft": ObjectiveNeeds(("chat",)),
    "cpt": ObjectiveNeeds(("text",)),
    "dpo": ObjectiveNeeds(("preference",)),
    "kto": ObjectiveNeeds(("rating",)),
    "classify": ObjectiveNeeds(("label",), frozenset({"head"})),
    "grpo": ObjectiveNeeds(("chat",), frozenset({"generation"})),
}
TUNERS = {"full": TunerTraits(ABLE, form="full"), "lora": TunerTraits(ABLE), "qlora": TunerTraits(ABLE)}


def chosen(
    version: DatasetVersion | None = None,
    ws: Workspace | None = None,
    *,
    tuners: dict[str, TunerTraits] = TUNERS,
    **settings: Any,
) -> Choice:
    """What is chosen for a machine with 24 GB on its graphics card, unless `machine` says otherwise."""
    settings = {"machine": "memory=64GB,gpu=24GB,cores=8", **settings}
    return choose(version, ChooseRecipe(**settings), workspace=ws, objectives=OBJECTIVES, tuners=tuners)


def said(choice: Choice, topic: str) -> Advice:
    """The advice on one topic, of which there is exactly one."""
    (found,) = [one for one in choice.advice if one.topic == topic]
    return found


def rows(count: int, kind: Kind = "chat", **facts: Any) -> Seen:
    """Facts of a version of so many rows, each of 100 tokens."""
    facts = {"languages": {"zh": count // 2, "en": count - count // 2}, "longest": 400, "tokens": 100 * count, **facts}
    return Seen(name="data-1", rows=count, kinds={kind: count}, **facts)
