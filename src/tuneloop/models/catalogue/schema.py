"""What a family's file may say.

    title: {en: Qwen3, zh: 通义千问 Qwen3}
    licence: Apache-2.0            # what holds for all models of the family stands at the top …
    sizes:
      8B: {parameters: 8200000000, hidden: 4096, layers: 36}
    models:
      - {name: Qwen3-8B-Base, hub: Qwen/Qwen3-8B-Base, size: 8B, kind: base}     # … and a model may say otherwise
    sources:
      - {of: [licence, parameters], at: "https://…", checked: 2026-11-21}

A source of the family counts for every model; one of a size or a model goes before it.
"""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import field_validator

from tuneloop.config import Settings, setting
from tuneloop.wording import Words

Commercial = Literal["yes", "no", "conditions"]
Access = Literal["open", "ask", "closed"]
Architecture = Literal["decoder-only", "encoder-only", "vision-language", "mixture of experts"]
Kind = Literal["base", "instruct", "reasoning", "hybrid"]
"""`reasoning` always thinks before it answers, `hybrid` only when asked to."""
Domain = Literal["general", "code", "vision", "medicine", "law", "classification"]
Modality = Literal["text", "image", "audio", "video"]
Files = Literal["safetensors", "pickle"]

FIGURES = (
    "parameters", "active", "hidden", "layers", "heads", "kv_heads", "head_dim", "intermediate", "vocab", "tied",
    "context", "languages", "language_count", "licence", "commercial", "terms", "access", "architecture", "model_type",
    "modality", "trained_on", "template", "kind", "released", "files", "remote_code", "hub", "modelscope",
)  # fmt: skip
"""What needs a source where it is stated; names, titles and the domain are our own words."""


class Text(Settings):
    """A sentence in both languages."""

    en: str = setting(en="English", zh="英文")
    zh: str = setting(en="Chinese", zh="中文")

    @property
    def words(self) -> Words:
        return Words(self.en, self.zh)


class Source(Settings):
    """Where figures are from, and the day on which somebody looked."""

    of: tuple[str, ...] = setting(min_length=1, en="the figures that it states", zh="出自该来源的数据项")
    at: str = setting(min_length=1, en="address or document", zh="网址或文件")
    checked: datetime.date = setting(en="the day it was looked at, YYYY-MM-DD", zh="核对日期，YYYY-MM-DD")

    @field_validator("of")
    @classmethod
    def _known(cls, of: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(of) - set(FIGURES))
        if unknown:
            raise ValueError(f"no figure is called {unknown[0]!r}; known: {', '.join(FIGURES)}")
        return of


class Size(Settings):
    """The numbers of one size of a family, shared by its models; counts are of elements, not bytes."""

    parameters: int | None = setting(None, ge=1, en="weights in all", zh="参数总数")
    active: int | None = setting(None, ge=1, en="weights that one token uses (experts)", zh="每个词元激活的参数数")
    hidden: int | None = setting(None, ge=1, en="width", zh="隐藏层宽度")
    layers: int | None = setting(None, ge=1, en="layers", zh="层数")
    heads: int | None = setting(None, ge=1, en="attention heads", zh="注意力头数")
    kv_heads: int | None = setting(None, ge=1, en="key and value heads", zh="键值头数")
    head_dim: int | None = setting(None, ge=1, en="width of a head", zh="每头宽度")
    intermediate: int | None = setting(None, ge=1, en="width of the feed-forward layer", zh="前馈层宽度")
    vocab: int | None = setting(None, ge=1, en="tokens in the vocabulary", zh="词表大小")
    tied: bool | None = setting(None, en="embeddings and output share weights", zh="输入与输出嵌入是否共享")
    sources: tuple[Source, ...] = setting((), en="where these numbers are from", zh="数据来源")


class Shared(Settings):
    """What a family says of all its models, and a model may say otherwise."""

    languages: tuple[str, ...] | None = setting(None, en="two-letter codes that its maker names", zh="语言代码")
    language_count: int | None = setting(None, ge=1, en="languages in all", zh="支持的语言总数")
    licence: str | None = setting(None, en="licence of the weights", zh="权重许可证")
    commercial: Commercial | None = setting(None, en="yes, no or conditions", zh="可否商用：yes、no 或 conditions")
    terms: Text | None = setting(None, en="the conditions in a sentence", zh="商用条件")
    access: Access | None = setting(None, en="open, ask (must be asked for) or closed", zh="获取方式")
    architecture: Architecture | None = setting(None, en="kind of network", zh="模型结构")
    model_type: str | None = setting(None, en="model_type in its config.json", zh="config.json 中的 model_type")
    modality: tuple[Modality, ...] | None = setting(None, en="what it reads", zh="输入模态")
    domain: Domain | None = setting(None, en="field that it was made for", zh="适用领域")
    context: int | None = setting(None, ge=1, en="positions, in tokens", zh="上下文长度（词元）")
    trained_on: Text | None = setting(None, en="pre-training data", zh="预训练数据")
    template: str | None = setting(None, en="form of its chat template", zh="对话模板形式")
    released: str | None = setting(None, pattern=r"^\d{4}-\d{2}$", en="month of release, YYYY-MM", zh="发布年月")
    files: Files | None = setting(None, en="safetensors or pickle", zh="权重文件格式")
    remote_code: bool | None = setting(None, en="needs code out of its own folder", zh="需运行其自带代码")

    @field_validator("commercial", mode="before")
    @classmethod
    def _yaml_yes(cls, value: Any) -> Any:
        return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value  # YAML reads yes so


class Entry(Shared):
    """One model; what is left out is as the family says."""

    name: str = setting(en="what people call it", zh="名称")
    hub: str | None = setting(None, en="name on Hugging Face", zh="Hugging Face 名称")
    modelscope: str | None = setting(None, en="name on ModelScope", zh="ModelScope 名称")
    size: str | None = setting(None, en="a key of `sizes`", zh="sizes 中的键")
    kind: Kind | None = setting(None, en="base, instruct, reasoning or hybrid", zh="类型")
    sources: tuple[Source, ...] = setting((), en="where this model's figures are from", zh="数据来源")


class Family(Shared):
    """A family's file."""

    title: Text = setting(en="name of the family", zh="系列名称")
    maker: str | None = setting(None, en="who made it", zh="开发者")
    note: Text | None = setting(None, en="what else one should know", zh="备注")
    sizes: dict[str, Size] = setting({}, en="numbers by size", zh="各规模的数据")
    models: tuple[Entry, ...] = setting(min_length=1, en="its models", zh="模型列表")
    sources: tuple[Source, ...] = setting((), en="where the figures are from", zh="数据来源")
