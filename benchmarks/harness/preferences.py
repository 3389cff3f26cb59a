"""Preferences of our own making, and the cell that the preference objectives share.

The taste: an answer that takes the question up and helps is better than one that is curt, turns away or wanders off.
Held-out pairs have other topics than those trained on, and half of them are in phrases that are not trained on either
(the last one of each kind).  Half of it is Chinese.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tuneloop.models import load
from tuneloop.models.versions import load_version
from tuneloop.records import ModelVersion, Record, Turn
from tuneloop.store import Workspace

TRAINED, HELD_OUT = 96, 60  # pairs

_EN = (
    "tea soup rice bread cheese apples flowers gardens rain snow stars rivers boats trains bicycles roads bridges"
    " maps clocks lamps chairs doors windows paint paper letters books poems songs drums games chess football"
    " swimming walking sleep dreams coats hats shoes buttons needles wool cotton dogs cats birds bees horses fish"
    " trees leaves grass stones sand hills caves islands markets shops prices schools lessons exams festivals"
    " candles mirrors keys boxes bottles spoons knives plates kitchens stairs roofs"
)
_ZH = (
    "茶叶 米饭 面条 豆腐 苹果 鲜花 花园 下雨 下雪 星星 河流 小船 火车 自行车 公路 大桥 地图 钟表 台灯 椅子 大门"
    " 窗户 油漆 白纸 书信 图书 诗歌 歌曲 打鼓 游戏 象棋 足球 游泳 散步 睡觉 做梦 大衣 帽子 鞋子 纽扣 针线 羊毛 棉花"
    " 小狗 小猫 小鸟 蜜蜂 马匹 金鱼 树木 叶子 青草 石头 沙子 山丘 山洞 小岛 集市 商店 价格 学校 功课 考试 节日 蜡烛"
    " 镜子 钥匙 盒子 瓶子 勺子 小刀 盘子 厨房 楼梯 屋顶"
)
TOPICS = {"en": _EN.split(), "zh": _ZH.split()}
ASKED = {
    "en": ["Can you tell me about {}?", "I would like to know more about {}.", "What should I know about {}?"],
    "zh": ["可以给我讲讲{}吗？", "我想多了解一些{}的知识。", "关于{}，我应该知道什么？"],
}
GOOD = {
    "en": [
        "Of course. {} can be simple once you know the first steps. Let us begin with the basics.",
        "Gladly. There is a lot to say about {}; here is a short overview to begin with.",
        "A good question. The most important thing about {} is to take your time. I can help you with it.",
        "Yes, with pleasure. First a few words on what {} are for, and then how people use them.",
    ],
    "zh": [
        "当然可以。{}其实并不难，我们先从基础知识说起。",
        "很高兴为您介绍。关于{}有很多内容，先给您一个简单的概述。",
        "这是一个好问题。了解{}最重要的是慢慢来，我可以帮助您。",
        "好的，非常乐意。先说说{}有什么用，再说说人们怎样使用。",
    ],
}
BAD = {
    "en": [
        "No. Look it up yourself.",
        "{}? Who cares about that.",
        "I do not want to talk about {}. Ask somebody else.",
        "Whatever. My cousin bought a red car last week.",
    ],
    "zh": [
        "不知道，自己去查。",
        "{}？这有什么好问的。",
        "我不想谈{}，去问别人吧。",
        "随便吧。我表弟上周买了一辆红色的车。",
    ],
}


def pairs(seed: int = 0) -> tuple[list[Record], list[Record]]:
    """Pairs to train on and pairs to hold out, of different topics."""
    draw = random.Random(seed)
    trained: list[Record] = []
    held_out: list[Record] = []
    for lang, topics in TOPICS.items():
        order = draw.sample(topics, len(topics))
        share = HELD_OUT // 2
        held_out += [_pair(lang, topic, draw, unseen=bool(place % 2)) for place, topic in enumerate(order[:share])]
        own = order[share:]
        trained += [_pair(lang, own[place % len(own)], draw, unseen=False) for place in range(TRAINED // 2)]
    return list({one.id: one for one in trained}.values()), held_out


def _pair(lang: str, topic: str, draw: random.Random, *, unseen: bool) -> Record:
    asked, good, bad = (
        (phrases[lang][-1] if unseen else draw.choice(phrases[lang][:-1])).format(topic)
        for phrases in (ASKED, GOOD, BAD)
    )
    return Record(
        "preference",
        messages=(Turn("user", asked),),
        chosen=(Turn("assistant", good),),
        rejected=(Turn("assistant", bad),),
    )


def rated(pair: Record) -> list[Record]:
    """A pair as a good answer and a bad one."""
    return [
        Record("rating", messages=(*pair.messages, *answer), label=good)
        for answer, good in ((pair.chosen, True), (pair.rejected, False))
    ]


@dataclass(frozen=True)
class PreferenceCell:
    """`settings` with the objective's name; `units` of its metrics.

    margin      the chosen answer's reward less the rejected one's, in the objective's own unit
    accuracy    whether it is above 0; a margin of exactly 0 counts half
    """

    settings: Mapping[str, Any]
    units: Mapping[str, str] = field(
        default_factory=lambda: {"margin": "margin", "accuracy": "accuracy (a tie counts half)"}
    )
    ratings: bool = False

    def write(self, folder: Path, data: Sequence[Path]) -> Path:
        if data:
            raise SystemExit("the preference cells hold out pairs of their own making and take no --data")
        rows = pairs()[0]
        file = folder / "preferences.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for place, row in enumerate(rows):
                given = _rating_row(rated(row)[place % 2]) if self.ratings else _pair_row(row)
                out.write(json.dumps(given, ensure_ascii=False) + "\n")
        return file

    def measure(self, ws: Workspace, model: ModelVersion) -> dict[str, list[float]]:
        """Values of each held-out pair."""
        rewards = _rewards(ws, model, pairs()[1], self.settings["objective"])
        margins = [good - bad for good, bad in rewards]
        return {"margin": margins, "accuracy": [1.0 if one > 0 else 0.5 if one == 0 else 0.0 for one in margins]}


def _pair_row(row: Record) -> dict[str, str]:
    return {"prompt": row.messages[0].text, "chosen": row.chosen[0].text, "rejected": row.rejected[0].text}


def _rating_row(row: Record) -> dict[str, Any]:
    return {"prompt": row.messages[0].text, "completion": row.messages[1].text, "label": row.label}


def _rewards(ws: Workspace, model: ModelVersion, rows: Sequence[Record], name: Any) -> list[tuple[float, float]]:
    """The rewards of both answers of each pair, as the objective defines them, by the model and its base."""
    import torch

    from tuneloop.models.heads import Head
    from tuneloop.store.models import model_folder
    from tuneloop.train.batches import Batches, Size
    from tuneloop.train.examples import Item, write
    from tuneloop.train.learner import Scene
    from tuneloop.train.objective import objectives
    from tuneloop.train.recipe import TrainRecipe

    # A rated answer's reward is DPO's: β times the log-ratio.  So both are measured as pairs.
    objective = objectives.create("dpo" if name == "kto" else name)
    base = load(model.base, "float32")
    with TemporaryDirectory() as place, torch.no_grad():
        folder = Path(place)
        examples = write([Item(row) for row in rows], objective, base, base.config.max_positions, folder / "rows", {})
        batches = Batches(examples, Size(4096, examples=1), 0, None)
        learner: Any = objective.start(Scene(base, batches, None, TrainRecipe(), 1, folder, ws))
        learner.lm = load_version(ws, model, dtype="float32")
        if name == "reward":
            learner.head = Head.load(model_folder(ws, model))
        found: dict[int, tuple[float, float]] = {}
        for step in range(len(examples)):
            [batch] = learner.micro_batches(step)
            learner.survey([batch])
            told = learner.loss(batch).metrics
            found[int(batch.numbers[0])] = (told["chosen_reward"], told["rejected_reward"])
    if len(found) != len(rows):
        raise SystemExit(f"{len(found)} of {len(rows)} held-out pairs could be encoded")
    return [found[place] for place in range(len(rows))]
