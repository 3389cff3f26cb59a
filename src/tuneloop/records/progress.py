"""What a long piece of work tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tuneloop.wording import Words


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units (total None: unknown); `values` are the figures of the moment, such as loss.

    `stage` and `unit` are keys of `STAGES` and `UNITS`; a stage that is not yet named there is shown as it is.
    """

    stage: str
    done: int
    total: int | None = None
    unit: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    note: Words | None = None


STAGES: Mapping[str, Words] = {
    "fetch": Words("fetch", "下载"),
    "prepare": Words("prepare", "读取"),
    "clean": Words("clean", "清洗"),
    "split": Words("split", "划分"),
    "commit": Words("commit", "写入"),
    "index": Words("index", "建索引"),
    "merge": Words("merge", "合并"),
    "check": Words("check", "检查"),
    "judge": Words("judge", "评审"),
    "gate": Words("gate", "入库检查"),
    "choose": Words("choose", "选型"),
    "encode": Words("encode", "编码"),
    "train": Words("train", "训练"),
    "trial": Words("trial", "试训"),
    "evaluate": Words("evaluate", "评测"),
    "export": Words("export", "导出"),
    "statistics": Words("statistics", "统计"),
    "forget": Words("forget", "删除"),
    "erase": Words("erase files", "清除文件"),
    "fit": Words("fit", "拟合"),
}
UNITS: Mapping[str, Words] = {
    "": Words("", ""),
    "items": Words("items", "个条目"),
    "records": Words("records", "条记录"),
    "rows": Words("rows", "行"),
    "rounds": Words("rounds", "轮"),
    "pages": Words("pages", "页"),
    "MiB": Words("MiB", "MiB"),
    "steps": Words("steps", "步"),
    "questions": Words("questions", "个问题"),
    "verdicts": Words("verdicts", "条评审"),
}


Watcher = Callable[[Progress], None]


def together(*watchers: Watcher) -> Watcher:
    """One watcher that tells several."""

    def tell(progress: Progress) -> None:
        for one in watchers:
            one(progress)

    return tell


def unwatched(_: Progress) -> None:
    """The watcher of work that nobody looks at."""
