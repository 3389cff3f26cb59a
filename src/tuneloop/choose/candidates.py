"""Which bases come into question, what each would take, and in which order they stand.

The order: what fits, can be had (with the network switched off: what is here), and is done in the hours; models made
for the goal's field; the kind that the rule for the data prefers; those that know the data's languages for certain;
those whose licence is known; those that read text alone; those that our own decoder runs; then the largest, and of two
of about the same size the newer one.  What does not fit stands behind, the smallest first.  Bases that were named are
ordered by what they foresee of the data, once measured.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuneloop.choose import filters, fit, rules
from tuneloop.choose.fit import Conditions, Plan
from tuneloop.choose.recipe import ChooseRecipe
from tuneloop.choose.seen import Seen
from tuneloop.errors import ModelError, NotFoundError, Where
from tuneloop.models import catalogue, places, tunings
from tuneloop.models.catalogue import Listed
from tuneloop.models.family import families
from tuneloop.models.shape import Shape
from tuneloop.models.shape_from import from_config
from tuneloop.records import Candidate
from tuneloop.wording import Words

UNKNOWN = Words("not known", "未知")


@dataclass(frozen=True)
class Considered:
    """A base on its way to a candidate: `listed` is what the catalogue says of it (None: nothing), `plan` what it would
    take (None: its size is not known)."""

    name: str
    reference: str | None
    listed: Listed | None
    shape: Shape | None
    plan: Plan | None
    fits: bool
    here: bool
    bits_per_byte: tuple[float, float, float] | None = None
    unmeasured: Words | None = None

    def get(self, figure: str) -> Any:
        return self.listed.get(figure) if self.listed else None

    @property
    def parameters(self) -> int | None:
        if self.listed is not None and self.listed.get("parameters") is not None:
            return int(self.listed.get("parameters"))
        return tunings.parameters(self.shape) if self.shape else None

    def slow(self, hours: float) -> bool:
        return self.plan is not None and self.plan.hours is not None and self.plan.hours > hours


def from_catalogue(
    models: Iterable[Listed], recipe: ChooseRecipe, given: Conditions, wanted: Sequence[str]
) -> tuple[list[Considered], list[tuple[Words, int]]]:
    """All models that come into question with what they take, and how many were left out for which reason."""
    found: list[Considered] = []
    out: Counter[Words] = Counter()
    for model in models:
        reference = _name(model, recipe)
        reason = filters.left_out(model, recipe, given.seen, wanted, given.objective)
        if reason in (filters.OTHER_KIND, filters.THINKER) and _is_here(reference):
            reason = None  # what is on this machine can be tried at once, offline too
        considered = _considered(reference, model, given) if reason is None else None
        if considered is None or considered.plan is None:
            out[reason or filters.UNSIZED] += 1
        else:
            found.append(considered)
    return found, out.most_common()


def named(models: Sequence[Listed], recipe: ChooseRecipe, given: Conditions) -> list[Considered]:
    """The bases that the recipe names, whatever the rules say of them: of the catalogue, in a folder, or in a cache.

    Raises NotFoundError with the nearest name for one that is nowhere.
    """
    found = []
    for name in recipe.base:
        listed = catalogue.find(name, models)
        if listed is not None:
            found.append(_considered(_name(listed, recipe), listed, given))
            continue
        folder = places.here(name)
        if folder is None:
            hint = catalogue.nearest_name(name, models)
            raise NotFoundError(
                f"neither the catalogue nor this machine has a model called {name!r}",
                where=Where(field="choose.base"),
                do=f"{hint}; or give the folder of a model, or describe it in a catalogue file",
            )
        found.append(_in_folder(name, folder, given))
    return found


def ordered(
    bases: Iterable[Considered], recipe: ChooseRecipe, given: Conditions, wanted: Sequence[str]
) -> list[Considered]:
    """Best first."""
    bases = list(bases)
    if recipe.base and all(base.bits_per_byte for base in bases):
        return sorted(bases, key=lambda base: (not base.fits, base.bits_per_byte))
    fields = filters.domains(recipe.goal, given.objective)
    languages = recipe.languages if recipe.languages is not None else given.seen.main_languages

    def key(base: Considered) -> tuple[Any, ...]:
        kind = base.get("kind")
        return (
            not base.fits,
            base.plan.bytes if base.plan and not base.fits else 0,
            given.machine.here and offline() and not base.here,
            base.slow(recipe.hours),
            bool(fields) and base.get("domain") not in fields,
            min((place for place, one in enumerate(wanted) if _same(one, kind)), default=len(wanted)),
            not set(languages) <= set(base.get("languages") or ()),
            base.get("commercial") is None,
            base.get("architecture") == "vision-language" and recipe.goal != "vision",
            _is_plain(base.listed),
            -round(2 * math.log2(base.parameters or 1)),
            _newest_first(base.get("released")),
            base.name,
        )

    return sorted(bases, key=key)


def candidate(base: Considered, recipe: ChooseRecipe, given: Conditions, wanted: Sequence[str]) -> Candidate:
    """What a person gets to see of it."""
    return Candidate(
        name=base.name,
        reference=base.reference,
        parameters=base.parameters,
        kind=base.get("kind"),
        licence=base.get("licence"),
        commercial=base.get("commercial"),
        here=base.here,
        fits=base.fits,
        tuner=base.plan.tuner if base.plan else None,
        settings=base.plan.settings if base.plan else {},
        memory=base.plan.estimate.parts if base.plan else {},
        hours=base.plan.hours if base.plan else None,
        bits_per_byte=base.bits_per_byte,
        reasons=tuple(_reasons(base, recipe, given, wanted)),
    )


def offline() -> bool:
    """Whether somebody switched the network off."""
    return any(os.environ.get(name) for name in ("TUNELOOP_OFFLINE", "HF_HUB_OFFLINE"))


def _same(one: str, other: str | None) -> bool:
    """Whether two kinds stand on one step: a hybrid answers at once like an instruct model."""
    return one == other or {one, other} == {"instruct", "hybrid"}


def _considered(reference: str | None, model: Listed, given: Conditions) -> Considered:
    shape = fit.shape_of(model)
    own = given
    if not given.asked and model.get("architecture") == "encoder-only":
        own = replace(given, tuners=("full", "lora"), asked=True)
    elif not given.asked and _is_plain(model):
        own = replace(given, tuners=[name for name in given.tuners if name != "qlora"] or given.tuners)
    plan, fits = fit.best(shape, own) if shape else (None, False)
    return Considered(model.name, reference, model, shape, plan, fits, _is_here(reference))


def _is_plain(model: Listed | None) -> bool:
    """Whether transformers would run it, which is slower and loads it whole before it is held in 4 bits."""
    kind = model.get("model_type") if model else None
    encoder = model is not None and model.get("architecture") == "encoder-only"
    return kind is not None and not encoder and kind not in families.names()


def _is_here(reference: str | None) -> bool:
    return reference is not None and places.here(reference) is not None


def _in_folder(name: str, folder: Path, given: Conditions) -> Considered:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read ({error})", where=Where(file=folder / "config.json")) from None
    shape = from_config(config)
    plan, fits = fit.best(shape, given)
    return Considered(name, name, None, shape, plan, fits, here=True)


def _name(model: Listed, recipe: ChooseRecipe) -> str | None:
    if recipe.hub == "modelscope" and model.entry.modelscope is not None:
        return f"modelscope:{model.entry.modelscope}"
    return model.reference


def _newest_first(released: str | None) -> int:
    return -int((released or "0000-00").replace("-", ""))


def _reasons(base: Considered, recipe: ChooseRecipe, given: Conditions, wanted: Sequence[str]) -> Iterable[Words]:
    listed = base.listed
    if base.plan is None:
        yield filters.UNSIZED
    if given.machine.here and not base.here and offline():
        yield Words("cannot be fetched: the network is switched off", "无法下载：网络已关闭")
    if listed is not None and not any(_same(one, base.get("kind")) for one in wanted) and not recipe.base:
        yield filters.OTHER_KIND
    if base.slow(recipe.hours) and base.plan and base.plan.hours:
        text = Words(
            "one pass over the data takes about {hours:.0f} hours here", "在本机遍历一遍数据约需 {hours:.0f} 小时"
        )
        yield text.format(hours=base.plan.hours)
    if base.unmeasured is not None:
        yield base.unmeasured
    if listed is None:
        yield Words("not in the catalogue: licence and languages are not known", "不在目录中：许可证与语言未知")
        return
    yield from _terms(listed)
    yield from _limits(listed, given.seen, given.longest)
    if listed.get("kind") == "hybrid" and given.seen.thinking < rules.THINKS:
        yield Words(
            "thinks when asked to; rows without thoughts teach it to answer at once",
            "可按需思考；不含思考过程的数据会让它倾向于直接回答",
        )
    if listed.get("architecture") == "vision-language" and recipe.goal != "vision":
        yield Words("also reads images, which text alone does not need", "兼具图像能力，纯文本任务用不到")
    if _is_plain(listed):
        yield Words(
            "transformers runs it, not the faster decoder; it is loaded whole before it can be held in 4 bits",
            "由 transformers 运行，无法使用更快的自有解码器；须先完整加载，之后才能以 4 位存储",
        )
    if listed.get("active"):
        yield Words(
            "a mixture of experts: all experts lie in memory; the estimate is rough",
            "混合专家模型：所有专家都占内存；估算较粗略",
        )


def _terms(listed: Listed) -> Iterable[Words]:
    if listed.get("commercial") is None:
        yield Words("commercial use: not known, look at its page", "可否商用：未知，请查看其页面")
    elif listed.get("commercial") == "conditions":
        terms = listed.get("terms")
        text = Words("commercial use with conditions: {terms}", "有条件商用：{terms}")
        yield text.format(terms=terms.words if terms else listed.get("licence") or UNKNOWN)
    elif listed.get("commercial") == "no":
        yield filters.UNCOMMERCIAL
    if listed.get("access") == "ask":
        yield Words("must be asked for on its page first", "须先在其页面申请")
    if listed.get("files") == "pickle":
        yield filters.PICKLED
    if listed.get("remote_code"):
        yield filters.OWN_CODE


def _limits(listed: Listed, seen: Seen, longest: int) -> Iterable[Words]:
    context = listed.get("context")
    if context is not None and seen.rows and longest > context:
        text = Words(
            "reads {context:,} tokens; the longest records have about {longest:,} and would be cut",
            "最多读取 {context:,} 个词元；最长的记录约 {longest:,} 个，会被截断",
        )
        yield text.format(context=context, longest=longest)
    languages = set(seen.main_languages) - set(listed.get("languages") or ())
    if languages and listed.get("languages") is None:
        yield Words("its languages are not known", "支持的语言未知")
    elif languages:
        text = Words(
            "{count} languages in all; whether {codes} is among them is not listed",
            "共支持 {count} 种语言；是否包含 {codes} 未列出",
        )
        yield text.format(count=listed.get("language_count") or "?", codes=", ".join(sorted(languages)))
