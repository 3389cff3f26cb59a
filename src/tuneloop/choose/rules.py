"""The rules of thumb by which a base, an objective and tuners are chosen, each with its reason.

A rule says what usually works; the measured ladder of an evaluation overrules it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuneloop.choose.recipe import ChooseRecipe, Goal
from tuneloop.choose.seen import Seen
from tuneloop.errors import SettingError, Where, nearest
from tuneloop.records import ObjectiveNeeds, TunerTraits
from tuneloop.records.needs import missing
from tuneloop.wording import Words

FEW, MANY = 300, 1000
"""Rows under which a base should be able to answer already, and above which it may learn answering from them."""
PLENTY = 10_000
"""Rows from which on full tuning has enough to learn from without forgetting more than it gains."""
THINKS = 0.5
"""Share of answers with thoughts from which on the data counts as reasoning data."""

OWN: Mapping[str, str] = {
    "text": "cpt",
    "chat": "sft",
    "preference": "dpo",
    "rating": "kto",
    "label": "classify",
}
"""The objective that a kind of record is made for."""


@dataclass(frozen=True)
class Ruled:
    """A decision with its reason; `value` None where nothing can be decided."""

    value: Any
    reason: Words


def objective(recipe: ChooseRecipe, seen: Seen, known: Mapping[str, ObjectiveNeeds]) -> Ruled:
    """The objective of the data's main kind, or the one that was asked for; raises SettingError for one that is not
    there or cannot use the data."""
    if recipe.objective is not None:
        return _asked_objective(recipe.objective, seen, known)
    kind = seen.kind
    if kind is None:
        name = "classify" if recipe.goal == "classification" else "sft"
        reason = Words("no data was looked at; this is the usual one for the goal", "未查看数据；这是该用途的常规选择")
        return Ruled(name if name in known else None, reason)
    name, own = OWN[kind], seen.kinds[kind]
    reason = _OBJECTIVE[kind].format(count=f"{own:,}", rows=f"{seen.rows:,}")
    if name in known:
        return Ruled(name, reason)
    others = sorted(other for other, needs in known.items() if kind in needs.kinds)
    if others:
        return Ruled(others[0], reason)
    gone = Words(
        "{count} of {rows} records are of kind {kind}, made for {name}, which this installation does not have",
        "{rows} 条记录中有 {count} 条为 {kind} 类型，适用 {name}，但当前安装没有该训练目标",
    )
    return Ruled(None, gone.format(count=f"{own:,}", rows=f"{seen.rows:,}", kind=kind, name=name))


def _asked_objective(name: str, seen: Seen, known: Mapping[str, ObjectiveNeeds]) -> Ruled:
    where = Where(field="choose.objective")
    if name not in known:
        hint = nearest(name, known)
        raise SettingError(f"no objective is called {name!r}", where=where, do=hint[0].upper() + hint[1:])
    kinds = known[name].kinds
    if seen.kinds and not any(kind in kinds for kind in seen.kinds):
        raise SettingError(
            f"{seen.name} holds {', '.join(seen.kinds)} records, which the objective {name!r} does not train on",
            expected=f"records of kind {' or '.join(kinds)}",
            where=where,
        )
    return Ruled(name, Words("asked for", "按要求指定"))


_OBJECTIVE: Mapping[str, Words] = {
    "text": Words(
        "{count} of {rows} records are plain text: continued pre-training learns every token of it",
        "{rows} 条记录中有 {count} 条为纯文本：继续预训练会学习其中每个词元",
    ),
    "chat": Words(
        "{count} of {rows} records are dialogues: the assistant's answers are learned",
        "{rows} 条记录中有 {count} 条为对话：学习助手的回答",
    ),
    "preference": Words(
        "{count} of {rows} records prefer one answer to another: DPO learns the preference without a reward model",
        "{rows} 条记录中有 {count} 条为偏好对：DPO 无需奖励模型即可学习偏好",
    ),
    "rating": Words(
        "{count} of {rows} records rate single answers good or bad: KTO learns from them without pairs",
        "{rows} 条记录中有 {count} 条为单个回答的好坏评价：KTO 无需成对数据",
    ),
    "label": Words(
        "{count} of {rows} records carry a class: a classifier is smaller, faster and easier to measure than a chat"
        " model",
        "{rows} 条记录中有 {count} 条带类别标签：分类模型比对话模型更小、更快，也更易评测",
    ),
}


def kinds(seen: Seen, goal: Goal, chosen: str | None) -> Ruled:
    """Which kinds of base to take, the preferred first; all that are not named are left out."""
    if chosen == "cpt":
        return Ruled(
            ("base",),
            Words(
                "continued pre-training wants a base model: one that already answers would unlearn it",
                "继续预训练应选基座（base）模型：指令模型会因此丢失对话能力",
            ),
        )
    if chosen == "classify":
        return Ruled(
            ("base", "instruct", "hybrid"),
            Words(
                "a classifier replaces the last layer, so a model that can chat has no advantage",
                "分类模型会替换最后一层，会对话的模型并无优势",
            ),
        )
    if chosen in ("dpo", "kto", "simpo", "ppo", "grpo", "reward"):
        return Ruled(
            ("instruct", "hybrid", *(["reasoning"] if chosen == "grpo" or seen.thinking >= THINKS else [])),
            Words(
                "preferences and rewards sharpen answers that the base can already give: take an instruct model, or one"
                " that you tuned by sft first",
                "偏好与奖励只能强化模型已有的回答能力：应选指令模型，或先用 sft 微调过的模型",
            ),
        )
    if seen.thinking >= THINKS:
        return Ruled(
            ("reasoning", "hybrid"),
            Words(
                "{share:.0%} of the answers hold their reasoning: a reasoning model goes on thinking as it learnt to",
                "{share:.0%} 的回答包含思考过程：推理模型可以延续其思考方式",
            ).format(share=seen.thinking),
        )
    return _by_rows(seen)


def _by_rows(seen: Seen) -> Ruled:
    rows = f"{seen.rows:,}"
    if not seen.rows:
        return Ruled(
            ("instruct", "hybrid", "base"),
            Words(
                "with data: more than {many} rows → a base model, {few} to {many} of high quality → base or instruct,"
                " fewer → instruct",
                "有数据后：超过 {many} 条用基座模型，{few} 至 {many} 条高质量数据用基座或指令模型，更少则用指令模型",
            ).format(many=MANY, few=FEW),
        )
    if seen.rows > MANY:
        return Ruled(
            ("base", "instruct", "hybrid"),
            Words(
                "{rows} rows, more than {many}: enough for a base model to learn how to answer from your data alone,"
                " without habits of somebody else's",
                "共 {rows} 条，超过 {many} 条：足以让基座模型只从你的数据学会回答，不受他人习惯影响",
            ).format(rows=rows, many=MANY),
        )
    if seen.rows >= FEW:
        return Ruled(
            ("instruct", "base", "hybrid"),
            Words(
                "{rows} rows, {few} to {many}: base or instruct, if the rows are of high quality; look at a sample"
                " first. The instruct model is the safer start",
                "共 {rows} 条，介于 {few} 与 {many} 之间：若质量高，基座或指令模型均可，请先抽样检查；指令模型更稳妥",
            ).format(rows=rows, few=FEW, many=MANY),
        )
    return Ruled(
        ("instruct", "hybrid"),
        Words(
            "{rows} rows, fewer than {few}: too few to learn answering from, so take a model that already can",
            "共 {rows} 条，不足 {few} 条：不足以从头学会回答，应选已具备对话能力的指令模型",
        ).format(rows=rows, few=FEW),
    )


def tuners(
    recipe: ChooseRecipe, seen: Seen, chosen: str | None, needs: Mapping[str, ObjectiveNeeds],
    known: Mapping[str, TunerTraits], encoder: bool,
) -> Ruled:  # fmt: skip
    """The tuners to try in order; raises SettingError for one that was asked for and cannot carry the objective."""
    need = needs.get(chosen or "", ObjectiveNeeds(()))
    able = [name for name, traits in known.items() if not missing(need, traits)]
    if recipe.tuner is not None:
        if recipe.tuner not in known:
            hint = nearest(recipe.tuner, known)
            where = Where(field="choose.tuner")
            raise SettingError(f"no tuner is called {recipe.tuner!r}", where=where, do=hint[0].upper() + hint[1:])
        if recipe.tuner not in able:
            raise SettingError(
                f"the objective {chosen!r} cannot be trained with the tuner {recipe.tuner!r}",
                expected=f"one of {', '.join(able)}",
                where=Where(field="choose.tuner"),
            )
        return Ruled((recipe.tuner,), Words("asked for", "按要求指定"))
    if encoder:
        order: Sequence[str] = ("full", "lora")
        why = Words(
            "an encoder is so small that moving every weight costs little and learns most",
            "编码器模型很小，全参微调代价低、效果好",
        )
    elif seen.rows >= PLENTY or (chosen == "cpt" and seen.tokens >= 1000 * PLENTY):
        order = ("full", "lora", "qlora")
        why = Words(
            "much data: full tuning where memory leaves a quarter free, else LoRA, else LoRA on a base in 4 bits",
            "数据较多：内存富余四分之一以上用全参微调，否则用 LoRA，再不够则用 4 位量化基座上的 LoRA",
        )
    else:
        order = ("lora", "qlora")
        why = Words(
            "LoRA: little memory, a small file, and the base forgets less; on a base in 4 bits (QLoRA) where that alone"
            " fits",
            "LoRA：省内存、文件小、遗忘少；若仍放不下，则用 4 位量化基座（QLoRA）",
        )
    found = tuple(name for name in order if name in able)
    return Ruled(found or tuple(able), why)
