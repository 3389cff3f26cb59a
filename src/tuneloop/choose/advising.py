"""What to do and why, as sentences; what to change where a base does not fit; and the recipe that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tuneloop.choose import fit, rules
from tuneloop.choose.candidates import Considered, offline
from tuneloop.choose.fit import Conditions, Plan
from tuneloop.choose.machine import HEADROOM
from tuneloop.choose.recipe import ChooseRecipe
from tuneloop.choose.rules import Ruled
from tuneloop.models import room, rules_of_thumb
from tuneloop.models.memory import TITLES
from tuneloop.models.shape import Shape
from tuneloop.records import Advice
from tuneloop.wording import Words

AT_LEAST = 100
"""Rows below which tuning is an experiment."""
WORTH_IT = 0.97
"""Share of the memory above which a saving is not worth telling."""
DEFAULT_LENGTH = 2048
"""`max_length` that training derives by itself where records are not longer."""


def advice(
    best: Considered | None, considered: int, ruled: Mapping[str, Ruled], recipe: ChooseRecipe, given: Conditions
) -> Iterator[Advice]:
    """Base, objective, tuner, settings and memory, in the order in which a person would ask; `best` is the first of
    the bases `considered`, None where none fits."""
    yield from _amount(given)
    if best is None:
        yield Advice("base", TOO_LARGE if considered else FILTERED)
    else:
        yield Advice("base", _why_base(best, recipe, given), best.reference or best.name)
    yield Advice("kind", ruled["kind"].reason, " → ".join(ruled["kind"].value))
    yield Advice("objective", ruled["objective"].reason, ruled["objective"].value)
    yield from _reasoning(recipe, given)
    if recipe.goal == "vision" or given.seen.images:
        yield Advice("plan", SIGHT)
    if best is None or best.plan is None or best.shape is None:
        return
    yield Advice("tuner", _why_tuner(best.plan, ruled["tuner"]), best.plan.tuner)
    yield from _settings(best.plan, given)
    yield Advice("memory", _memory(best.plan, given), best.plan.bytes)
    yield Advice("rules of thumb", _thumbs(best.shape, best.parameters or 0, best.plan), None)
    yield Advice("next", SMALLER)


SIGHT = Words(
    "training on images is not there yet: such a base learns from text alone here",
    "暂不支持用图像训练：此类基座目前只能从文本学习",
)
TOO_LARGE = Words(
    "none of the candidates fits; see what to change",
    "没有放得下的候选基座；请看可以调整的地方",
)
FILTERED = Words(
    "no model of the catalogue is left; below is what was not considered and why",
    "目录中没有符合条件的模型；未考虑的模型及原因见下文",
)
SMALLER = Words(
    "start with this, the largest that fits, to see what is possible; then go down in size to the smallest that is"
    " still good enough, which is cheaper to serve",
    "先用放得下的最大模型看看上限，再逐级换小，直到仍够用的最小模型，部署成本更低",
)


def changes(ranked: Sequence[Considered], best: Considered | None, given: Conditions) -> Iterator[Words]:
    """With numbers, for the next larger base: what it takes, what less would take, and which machine would do."""
    if given.machine.room is None:
        yield Words(
            "this system does not tell its memory: say it with --machine", "无法得知内存大小：请用 --machine 指定"
        )
        return
    large = best.parameters or 0 if best else 0
    tight = [base for base in ranked if not base.fits and base.plan and (base.parameters or 0) > large]
    if not tight:
        return
    base = min(tight, key=lambda one: one.plan.bytes if one.plan else 0)
    assert base.plan is not None
    assert base.shape is not None
    text = Words(
        "{name} would take {need} with {tuner} and every saving that changes nothing; here {room} may be used",
        "{name} 即使用 {tuner} 并启用所有不影响结果的省内存设置，也需 {need}；本机可用 {room}",
    )
    yield text.format(
        name=base.name, need=room.size(base.plan.bytes), tuner=base.plan.tuner, room=room.size(given.machine.room)
    )
    half = fit.shorter(base.shape, base.plan, given)
    if half.bytes < WORTH_IT * base.plan.bytes:
        text = Words("with records cut to {length} tokens: {need}", "把样本截到 {length} 个词元：{need}")
        yield text.format(length=half.work.longest, need=room.size(half.bytes))
    if "qlora" not in given.tuners:
        quarter = fit.plan(base.shape, "qlora", base.plan.settings, given)
        yield Words("with the base in 4 bits (qlora): {need}", "基座以 4 位存储（qlora）：{need}").format(
            need=room.size(quarter.bytes)
        )
    text = Words("a machine that has room for it: {need} or more", "能放下它的机器：至少 {need}")
    yield text.format(need=room.size(base.plan.bytes / HEADROOM))
    if best is not None:
        yield Words("or stay with {name}, which fits", "或使用放得下的 {name}").format(name=best.name)


def settings(best: Considered, objective: str, given: Conditions) -> dict[str, Any]:
    """The content of a recipe file: what the data and the machine decide; training derives everything else."""
    train: dict[str, Any] = {"base": best.reference or best.name}
    if given.seen.name is not None:
        train["data"] = given.seen.name
    train["objective"] = objective
    if best.plan is not None:
        train["tuner"] = best.plan.tuner
        train |= best.plan.settings
    length = _length(best, given)
    if length is not None:
        train["max_length"] = length
    return {"train": train}


def _length(best: Considered, given: Conditions) -> int | None:
    """A round number of tokens that the longest records fit into, where training's own limit is too low."""
    if given.longest <= DEFAULT_LENGTH or not given.seen.rows:
        return None
    context = best.get("context") or (best.shape.max_positions if best.shape else given.longest)
    return int(min(context, -(-given.longest // 512) * 512))


def _amount(given: Conditions) -> Iterator[Advice]:
    rows = given.seen.rows
    if given.seen.name is not None and rows < AT_LEAST:
        text = Words(
            "{rows} rows: at least {least} are wanted, 1000 and more are better. For a single experiment with a handful"
            " of samples, few-shot prompting is the better tool",
            "共 {rows} 条：至少需要 {least} 条，1000 条以上更好。只有少量样本的一次性试验，更适合用少样本提示",
        )
        yield Advice("data", text.format(rows=rows, least=AT_LEAST), rows)


def _why_base(best: Considered, recipe: ChooseRecipe, given: Conditions) -> Words:
    if recipe.base and best.bits_per_byte:
        text = Words(
            "of the named bases that fit it foresees your data best: {bits:.2f} bits per byte"
            " ({low:.2f} to {high:.2f})",
            "在指定且放得下的基座中，它对你的数据预测最准：每字节 {bits:.2f} 比特（{low:.2f} 至 {high:.2f}）",
        )
        bits, low, high = best.bits_per_byte
        return text.format(bits=bits, low=low, high=high)
    if best.slow(recipe.hours):
        text = Words(
            "it fits, but every candidate needs more than {hours:g} hours for one pass over the data here",
            "放得下，但所有候选在本机遍历一遍数据都超过 {hours:g} 小时",
        )
        return text.format(hours=recipe.hours)
    if given.machine.here and best.here and offline():
        return Words(
            "the best of those on this machine that fit; the network is switched off, so no other can be fetched",
            "本机已有且放得下的模型中最合适的；网络已关闭，无法下载其他模型",
        )
    if recipe.base:
        return Words("the largest of the named bases that fits", "指定的基座中放得下的最大一个")
    text = Words(
        "the largest of its kind that fits{time}, and of that size the newest; {where}",
        "同类中放得下{time}的最大模型，同等规模取最新；{where}",
    )
    hours = best.plan.hours if best.plan else None
    time = Words(" and takes about {hours:.1f} hours a pass", "且每遍约 {hours:.1f} 小时").format(hours=hours or 0)
    where = HERE if best.here else FETCHED
    return text.format(time=time if hours and hours >= 0.1 else Words("", ""), where=where)


HERE = Words("it is on this machine", "本机已有")
FETCHED = Words("it will be fetched when training begins", "训练开始时会下载")


def _reasoning(recipe: ChooseRecipe, given: Conditions) -> Iterator[Advice]:
    if recipe.goal == "reasoning" and given.seen.rows and given.seen.thinking < rules.THINKS:
        text = Words(
            "the answers hold no reasoning: train sft on them first, then grpo on questions whose answers can be"
            " checked; or have the reasoning written by a larger model",
            "回答中没有思考过程：可先用 sft 训练，再对答案可核验的问题做 grpo；或让更大的模型补写思考过程",
        )
        yield Advice("plan", text, ["sft", "grpo"])


def _why_tuner(plan: Plan, tuning: Ruled) -> Words:
    first = tuning.value[0]
    if plan.tuner == first:
        return tuning.reason
    text = Words("{reason}. Here {first} would not fit", "{reason}。此处 {first} 放不下")
    return text.format(reason=tuning.reason, first=first)


def _settings(plan: Plan, given: Conditions) -> Iterator[Advice]:
    if plan.settings.get("gradient_checkpointing"):
        text = Words("activations are computed twice, as they would not fit", "激活值改为重算，否则放不下")
        yield Advice("gradient_checkpointing", text, True)
    if "micro_tokens" in plan.settings:
        text = Words(
            "smaller forward passes, down to the longest record, as larger ones would not fit; the result is the same",
            "缩小单次前向（不小于最长样本），否则放不下；结果不变",
        )
        yield Advice("micro_tokens", text, plan.settings["micro_tokens"])
    if given.seen.rows:
        text = Words(
            "99 of 100 records have at most about this many tokens (estimated from their characters)",
            "99% 的记录不超过约这么多词元（按字符数估算）",
        )
        yield Advice("longest", text, given.longest)


def _memory(plan: Plan, given: Conditions) -> Words:
    parts = [
        Words("{title} {size}", "{title} {size}").format(title=TITLES[name], size=room.size(count))
        for name, count in plan.estimate.parts.items()
    ]
    text = Words(
        "about {need} at the peak ({parts}); here {room} may be used",
        "峰值约 {need}（{parts}）；本机可用 {room}",
    )
    listed = Words(", ".join(part.en for part in parts), "、".join(part.zh for part in parts))
    known = room.size(given.machine.room) if given.machine.room is not None else "?"
    return text.format(need=room.size(plan.bytes), parts=listed, room=known)


def _thumbs(shape: Shape, parameters: int, plan: Plan) -> Words:
    text = Words(
        "{sixteen:.1f} GiB by the rule of 16 bytes ({what16}); {eight:.1f} GB by the rule of 8 ({what8}). {applies}",
        "16 字节公式为 {sixteen:.1f} GiB（{what16}）；8 字节公式为 {eight:.1f} GB（{what8}）。{applies}",
    )
    return text.format(
        sixteen=rules_of_thumb.sixteen_bytes(parameters),
        what16=rules_of_thumb.SIXTEEN,
        eight=rules_of_thumb.eight_bytes(parameters),
        what8=rules_of_thumb.EIGHT,
        applies=rules_of_thumb.applies(plan.tuning, plan.work),
    )
