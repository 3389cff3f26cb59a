"""Values that nobody gave, derived from the size of the model and of the data, each with its reason.

Rules are smooth functions, so that a little more data never means a wholly different run.  Two anchors hold each curve:
what was measured on our own base of 6.5 M parameters (LoRA of rank 16: 17 % of facts learned at a learning rate of
1e-3, 70 % at 3e-3, 83 % at 6e-3), and what is customary at 7 B (LoRA 2e-4, full 2e-5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tuneloop.wording import Words

SMALL, LARGE = 6.5e6, 7e9  # parameters at the two anchors


@dataclass(frozen=True)
class Facts:
    """What the rules look at: `parameters` and `positions` of the model (`fresh`: made from nothing); `examples`,
    `tokens` (estimated from a sample) and `held_out` examples of the data; `kinds`: its records by kind,
    `labels`: the classes of its training records, sorted; `generates`: the model is no encoder;
    `longest`: tokens of the longest record of the sample."""

    parameters: int
    positions: int
    fresh: bool
    examples: int
    tokens: int
    held_out: int
    kinds: Mapping[str, int]
    replay: bool
    labels: tuple[str, ...] = ()
    generates: bool = True
    longest: int = 0


class Derived(NamedTuple):
    value: Any
    reason: Words


BY_KIND: Mapping[str, tuple[str, Words]] = {
    "chat": ("sft", Words("the data holds dialogues", "数据中有对话")),
    "preference": ("dpo", Words("the data holds pairs of answers", "数据为成对的优劣回答")),
    "rating": ("kto", Words("the data holds answers rated good or bad", "数据为标注好坏的回答")),
    "label": ("classify", Words("the data holds classes", "数据带有类别标签")),
    "text": ("cpt", Words("the data is plain text", "数据为纯文本")),
}
"""The objective for a kind of record, the first kind that the data holds deciding."""


def objective(facts: Facts) -> Derived:
    if facts.fresh:
        return Derived("cpt", Words("a new model learns every token", "新模型需要学习每个词元"))
    return Derived(*next(found for kind, found in BY_KIND.items() if facts.kinds.get(kind)))


def tuner(facts: Facts) -> Derived:
    if facts.fresh:
        return Derived("full", Words("a new model has no weights worth freezing", "新模型没有值得冻结的权重"))
    return Derived("lora", Words("small, quick, and keeps the base unchanged", "小巧、快速，且不改动基座"))


def optimizer(facts: Facts) -> Derived:
    if facts.fresh:
        return Derived("muon", Words("learns faster from nothing", "从零训练时学得更快"))
    return Derived("adamw", Words("the usual choice for fine-tuning", "微调的常规选择"))


def learning_rate(facts: Facts, form: str) -> Derived:
    """A straight line through the anchors on logarithmic axes; `form` is the tuner's, `full` or `adapter`."""
    if facts.fresh:
        value = _between(facts.parameters, 3e-3, 3e-4)
        why = Words("a new model of {size} parameters takes large steps", "{size} 参数的新模型适合大步长")
    elif form == "full" and not facts.generates:
        value = _between(facts.parameters, 2e-4, 2e-6)  # 3e-5 at 110 M and 1.5e-5 at 340 M, as is customary for BERT
        why = Words("full tuning of an encoder of {size} parameters", "全参微调 {size} 参数的编码器")
    elif form == "full":
        value = _between(facts.parameters, 1e-3, 2e-5)
        why = Words(
            "full tuning of {size} parameters: the larger, the gentler", "全参微调 {size} 参数：模型越大步长越小"
        )
    else:
        value = _between(facts.parameters, 5e-3, 2e-4)
        why = Words(
            "adapters on {size} parameters: a small model needs a large rate",
            "{size} 参数上的适配器：小模型需要大学习率",
        )
    return Derived(float(f"{value:.2g}"), why.format(size=_size(facts.parameters)))


def own_rate(facts: Facts, small: float, large: float, why: Words) -> dict[str, Derived]:
    """The learning rate of a tuner that has two anchors of its own."""
    value = _between(facts.parameters, small, large)
    return {"learning_rate": Derived(float(f"{value:.2g}"), why)}


FAR = Words("few weights move, and each far: a large rate", "要动的权重少，且每个要走得远：用大学习率")


def rank(facts: Facts) -> Derived:
    if facts.examples >= 10_000:
        return Derived(32, Words("10,000 examples or more hold more to learn", "样本不少于 1 万，需要更大容量"))
    if facts.parameters >= 1e9 and facts.examples < 300:
        return Derived(8, Words("few examples on a large model", "大模型、小数据"))
    return Derived(16, Words("enough for up to 10,000 examples", "足以应对 1 万条以内的数据"))


def epochs(facts: Facts) -> Derived:
    """From 20 passes at 100 examples (small model) or 5 (large), down with a power of the data's size to 1."""
    if facts.fresh:
        return Derived(1.0, Words("one pass; more data beats more passes", "一遍即可，更多数据胜过更多遍数"))
    large = _place(facts.parameters)
    start = math.exp((1 - large) * math.log(20) + large * math.log(5))
    power = 0.5 - 0.25 * large
    passes = start * (100 / max(1, facts.examples)) ** power
    value = float(max(1, round(min(passes, 2 * start))))
    why = Words("{n} examples, {size} parameters", "{n} 个样本，{size} 参数")
    return Derived(value, why.format(n=f"{facts.examples:,}", size=_size(facts.parameters)))


def batch(facts: Facts) -> Derived:
    """A power of two near examples^0.4, from 4 to 128: 100 → 8, 1,000 → 16, 10,000 → 32."""
    value = min(128, max(4, 2 ** round(0.4 * math.log2(max(2, facts.examples)))))
    return Derived(value, Words("grows with {n} examples", "随 {n} 个样本增大").format(n=f"{facts.examples:,}"))


def batch_tokens(facts: Facts) -> Derived:
    """A power of two near twice the root of all tokens, from 2,048 to 262,144: 14 M tokens → 8,192."""
    value = min(1 << 18, max(1 << 11, 2 ** round(1 + 0.5 * math.log2(max(2, facts.tokens)))))
    why = Words("text is counted in tokens; grows with about {n} of them", "文本按词元计；随约 {n} 词元增大")
    return Derived(value, why.format(n=f"{facts.tokens:,}"))


def micro_tokens(facts: Facts) -> Derived:
    return Derived(4096, Words("bounds the memory of one forward pass", "限制单次前向的内存"))


def max_length(facts: Facts) -> Derived:
    value = min(facts.positions, 2048)
    if value == facts.positions:
        return Derived(value, Words("the model's own limit", "模型自身的上限"))
    return Derived(
        value,
        Words("bounds memory; short examples cost nothing, as none is padded", "限制内存；不做填充，短样本不浪费"),
    )


def schedule(facts: Facts) -> Derived:
    if facts.fresh:
        return Derived("wsd", Words("a long run may be stopped and decayed later", "长训练可以提前停下再衰减"))
    return Derived("linear", Words("down to 0, the best use of a short run", "线性降到 0，短训练效果最好"))


def warmup(steps: int) -> Derived:
    return Derived(min(100, math.ceil(0.03 * steps)), Words("3 % of the steps, at most 100", "步数的 3%，至多 100"))


def weight_decay(facts: Facts) -> Derived:
    if facts.fresh:
        return Derived(0.1, Words("customary when training from nothing", "从零训练的惯例"))
    return Derived(0.0, Words("a short fine-tuning does not need it", "短时间微调不需要"))


def clip(facts: Facts) -> Derived:
    return Derived(1.0, Words("customary; catches single wild batches", "惯例；防止个别异常批次"))


def eval_every(facts: Facts, steps: int, steps_per_epoch: int) -> Derived:
    """Once an epoch, yet between 5 and 20 times a run."""
    if not facts.held_out:
        return Derived(0, Words("there is no validation split", "没有验证集"))
    value = min(max(steps_per_epoch, math.ceil(steps / 20)), math.ceil(steps / 5))
    return Derived(max(1, value), Words("5 to 20 looks over the run", "全程验证 5 到 20 次"))


def early_stopping(facts: Facts) -> Derived:
    if not facts.held_out:
        return Derived(0, Words("there is no validation split", "没有验证集"))
    return Derived(3, Words("three looks without gain; the best weights are kept", "三次无改善即停止；保留最佳权重"))


def no_replay(objective: str) -> Derived:
    why = Words("{name} cannot train on general examples", "{name} 无法训练通用样本")
    return Derived(0.0, why.format(name=objective))


def replay(facts: Facts) -> Derived:
    if not facts.replay:
        return Derived(
            0.0,
            Words(
                "the base brings no general examples; the shipped ones are few and come in when asked for",
                "基座没有自带通用样本；内置样本较少，需要时再指定比例",
            ),
        )
    if facts.examples >= 3000:
        return Derived(0.0, Words("3,000 examples or more are varied enough", "样本不少于 3000，已足够多样"))
    # At 30 % the tuned starter answers 1 of 14 unrelated questions with a fact, without replay 4.
    return Derived(
        0.3, Words("keeps the base from answering everything with the new facts", "避免模型用新知识回答一切问题")
    )


def _place(parameters: int) -> float:
    """Where a size lies between the anchors on a logarithmic axis: 0 (small) to 1 (large)."""
    return min(1.0, max(0.0, math.log(max(1, parameters) / SMALL) / math.log(LARGE / SMALL)))


def _between(parameters: int, small: float, large: float) -> float:
    share = _place(parameters)
    return math.exp((1 - share) * math.log(small) + share * math.log(large))


def _size(parameters: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if parameters >= size:
            return f"{parameters / size:.3g} {unit}"
    return str(parameters)


SIMPLE: dict[str, Callable[[Facts], Derived]] = {
    "optimizer": optimizer,
    "epochs": epochs,
    "micro_tokens": micro_tokens,
    "max_length": max_length,
    "schedule": schedule,
    "weight_decay": weight_decay,
    "clip": clip,
    "early_stopping": early_stopping,
    "replay": replay,
}
"""Keys whose rule needs the facts alone."""
