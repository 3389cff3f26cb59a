"""How a run stands, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.runs import Run

KINDS = {
    "prepare": Words("prepare", "数据准备"),
    "merge": Words("merge", "合并"),
    "export": Words("export", "导出"),
    "statistics": Words("statistics", "统计"),
    "forget": Words("forget", "删除"),
    "review": Words("review", "抽样评审"),
    "judge": Words("judge", "模型评审"),
    "trial": Words("trial", "试训"),
    "spam_model": Words("spam_model", "垃圾分类器"),
    "train": Words("train", "训练"),
    "evaluate": Words("evaluate", "评测"),
    "tune": Words("tune", "微调任务"),
}
STATES = {
    "queued": Words("queued", "排队中"),
    "running": Words("running", "运行中"),
    "pausing": Words("pausing", "暂停中"),
    "paused": Words("paused", "已暂停"),
    "cancelling": Words("cancelling", "取消中"),
    "cancelled": Words("cancelled", "已取消"),
    "succeeded": Words("succeeded", "已完成"),
    "failed": Words("failed", "失败"),
    "interrupted": Words("interrupted", "中断"),
}
TOLD = Words("{run}: {state}", "{run}：{state}")


def state_of(run: Run) -> Words:
    """A run whose process is gone without a word is interrupted, whatever it wrote last."""
    return STATES["interrupted" if run.interrupted else run.state]


def kind_of(run: Run) -> Words:
    return KINDS.get(run.kind, Words(run.kind, run.kind))


def took(run: Run) -> str:
    """From its beginning to its end; empty before."""
    from datetime import datetime

    from tuneloop.app.cli.progress import duration

    if run.started is None or run.finished is None:
        return ""
    return duration((datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)).total_seconds())


def progress_of(run: Run) -> str:
    """`clean 1,200/5,000 records  40 s left`; empty where it has told nothing, or is over."""
    from tuneloop.app.cli.progress import LEFT, duration
    from tuneloop.runs.run import FINISHED

    told = run.progress
    if told is None or run.state in FINISHED:
        return ""
    count = f"{told.done:,}" + ("" if told.total is None else f"/{told.total:,}")
    parts = [f"{told.title} {count} {told.units}".rstrip()]
    if told.seconds_left and run.active:
        parts.append(str(LEFT.format(time=duration(told.seconds_left))))
    return "  ".join([*parts, *([str(told.note)] if told.note else [])])


def tell(screen: Screen, run: Run) -> None:
    """The run after something was asked of it."""
    screen.result(run, TOLD.format(run=run.id, state=state_of(run)))
