"""Which models of the catalogue are not considered, each for one reason that is told."""

from __future__ import annotations

from collections.abc import Sequence

from tuneloop.choose.recipe import ChooseRecipe, Goal
from tuneloop.choose.seen import Seen
from tuneloop.models.catalogue import Listed
from tuneloop.wording import Words


def left_out(
    model: Listed, recipe: ChooseRecipe, seen: Seen, wanted: Sequence[str], chosen: str | None
) -> Words | None:
    """Why a model of the catalogue is not considered; None where it is."""
    if model.get("access") == "closed":
        return CLOSED
    refusal = refused(model, recipe, seen)
    if refusal is not None:
        return refusal
    if model.get("remote_code"):
        return OWN_CODE
    if model.get("files") == "pickle":
        return PICKLED
    encoder = model.get("architecture") == "encoder-only"
    if encoder != (chosen == "classify") and (encoder or recipe.goal == "classification"):
        return ENCODER if encoder else NO_ENCODER
    if (recipe.goal == "vision" or seen.images) and "image" not in (model.get("modality") or ()):
        return BLIND
    if not encoder and model.get("kind") not in wanted:
        return THINKER if model.get("kind") == "reasoning" else OTHER_KIND
    if model.get("domain") not in (None, "general") and model.get("domain") not in domains(recipe.goal, chosen):
        return FIELD
    return None


def refused(model: Listed, recipe: ChooseRecipe, seen: Seen) -> Words | None:
    """Whether the licence or the languages rule a model out, whatever it is for."""
    commercial = model.get("commercial")
    if recipe.commercial == "yes" and commercial != "yes":
        return UNFREE
    if recipe.commercial == "conditions" and commercial == "no":
        return UNCOMMERCIAL
    languages = recipe.languages if recipe.languages is not None else seen.main_languages
    named, count = model.get("languages"), model.get("language_count") or 0
    if named is not None and not set(languages) <= set(named) and count <= len(named):
        return TONGUE
    return None


CLOSED = Words(
    "closed: only through its provider, no weights, and data leaves the house",
    "闭源：只能通过提供方使用，不提供权重，数据须传出本地",
)
UNFREE = Words("no free commercial use, or not known", "不可自由商用或情况未知")
UNCOMMERCIAL = Words("commercial use is forbidden", "禁止商用")
OWN_CODE = Words("needs to run code out of its own folder", "需要运行其自带代码")
PICKLED = Words(
    "its files are pickled, which is refused; convert them to safetensors and name the folder",
    "权重为 pickle 格式，不予加载；可转换为 safetensors 后指定文件夹",
)
ENCODER = Words("encoder-only: it classifies and cannot write", "仅编码器结构：只能分类，不能生成")
NO_ENCODER = Words("plain classification takes an encoder", "普通分类应选编码器模型")
BLIND = Words("reads no images", "不能读取图像")
THINKER = Words(
    "a reasoning model needs answers with their reasoning, and these have none",
    "推理模型要求回答包含思考过程，而数据中没有",
)
OTHER_KIND = Words("of another kind than the rule for this data asks for", "类型不符合该数据的选型规则")
TONGUE = Words("does not know a language of the data", "不支持数据中的语言")
FIELD = Words("made for another field", "面向其他领域")
UNSIZED = Words("its size is not known, so no estimate can be made", "规模未知，无法估算")


def domains(goal: Goal, chosen: str | None) -> tuple[str, ...]:
    """The fields whose models fit a goal, beside general ones."""
    if chosen == "classify":
        return ("classification",)
    return {"code": ("code",), "medicine": ("medicine",), "law": ("law",), "vision": ("vision",)}.get(goal, ())
