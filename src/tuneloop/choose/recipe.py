"""What a person may say about choosing."""

from __future__ import annotations

from typing import Literal

from tuneloop.config import Settings, setting

Goal = Literal[
    "any", "knowledge", "style", "format", "classification", "preference", "reasoning", "code", "vision", "medicine",
    "law",
]  # fmt: skip
Commercial = Literal["any", "conditions", "yes"]


class ChooseRecipe(Settings):
    """The `choose:` part of a recipe file."""

    data: str | None = setting(None, en="dataset version; the newest when left out", zh="数据集版本；不填则取最新")
    goal: Goal = setting(
        "any",
        en="what the tuned model is for: knowledge, style, format, classification, preference, reasoning, code, vision,"
        " medicine, law or any",
        zh="用途：knowledge 知识、style 风格、format 格式、classification 分类、preference 偏好、reasoning 推理、"
        "code 代码、vision 视觉、medicine 医疗、law 法律，或 any 不限",
    )
    machine: str | None = setting(
        None,
        en="another machine than this one: memory=24GB,gpu=80GB,gpus=1,cores=8",
        zh="目标机器，不填为本机：memory=24GB,gpu=80GB,gpus=1,cores=8",
    )
    base: tuple[str, ...] = setting(
        (),
        en="these bases only: names of the catalogue, hub names or folders",
        zh="只比较这些基座：目录名、模型库名或文件夹",
    )
    objective: str | None = setting(None, en="this objective, instead of the data's own", zh="指定训练目标")
    tuner: str | None = setting(None, en="this tuner, instead of what fits", zh="指定微调方法")
    languages: tuple[str, ...] | None = setting(
        None,
        en="languages the base must know; those of the data when left out",
        zh="基座须支持的语言；不填则取数据中的语言",
    )
    commercial: Commercial = setting(
        "conditions",
        en="licences to consider: yes (free commercial use), conditions (with conditions too, and unknown ones), any",
        zh="许可证范围：yes 可自由商用，conditions 含有条件商用及未知，any 不限",
    )
    hub: Literal["huggingface", "modelscope"] = setting(
        "huggingface", en="whose names the recipe uses", zh="配方中使用哪个模型库的名称"
    )
    catalogue: tuple[str, ...] = setting(
        (), en="further catalogue files or folders, beside the workspace's catalogue/", zh="附加的模型目录文件或文件夹"
    )
    max_length: int | None = setting(
        None,
        ge=16,
        en="tokens of the longest record; from the data when left out",
        zh="最长样本的词元数；不填则由数据得出",
    )
    sample: int = setting(
        48,
        ge=0,
        en="records on which bases of this machine are measured; 0 measures none",
        zh="用多少条记录测量本机已有的基座；0 表示不测",
    )
    hours: float = setting(24.0, gt=0, en="hours that one pass over the data may take", zh="遍历一遍数据可接受的小时数")
    candidates: int = setting(8, ge=1, en="bases that are shown", zh="显示的候选基座数")
    seed: int = setting(0, ge=0, en="seed of the sample and its interval", zh="抽样与置信区间的随机种子")
