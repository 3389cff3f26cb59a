"""Runs and models as a person reads them: what was planned and why, what came out, and where its files lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.app.cli.progress import figure
from tuneloop.app.cli.runs.told import kind_of, progress_of, state_of
from tuneloop.app.cli.screen import moment
from tuneloop.records import DatasetVersion, ModelVersion
from tuneloop.wording import Words, current_language

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.runs import Run
    from tuneloop.store import Workspace
    from tuneloop.train.recipe import Resolved, TrainRecipe

BEGINNING = Words(
    "{run}: tuning {base} on {data} ({records} records). Ctrl-C saves a checkpoint and stops.",
    "{run}：用 {data}（{records} 条记录）微调 {base}。按 Ctrl-C 会保存检查点并停止。",
)
RESUMING = Words("{run}: going on from its last checkpoint.", "{run}：从最近的检查点继续。")
A_NEW_MODEL = Words("a new model", "一个全新的模型")
WOULD = Words("{data} would be trained on like this:", "将这样用 {data} 训练：")
STAGE = Words("Stage {number} of {count}:", "第 {number} 阶段，共 {count} 个：")
TRAINED = Words(
    "{name}: {base}, tuned on {data} by {tuner} ({objective})",
    "{name}：{base}，用 {data} 微调（方法 {tuner}，目标 {objective}）",
)
NEXT = Words("Next: tuneloop evaluate, or tuneloop chat", "下一步：tuneloop evaluate 评测，或 tuneloop chat 对话")
SAMPLE = Words(
    "step {step}, reward {reward:.3g}: {question} → {answer}", "第 {step} 步，奖励 {reward:.3g}：{question} → {answer}"
)
ATTEMPT = Words("{run}: {kind}, {state}, attempt {attempt}", "{run}：{kind}，{state}，第 {attempt} 次尝试")
EVENTS = (Words("time", "时间"), Words("event", "事件"), Words("about", "内容"))
FILES = {
    "folder": Words("Files: {place}", "文件：{place}"),
    "recipe": Words("Every value with its origin: {place}", "全部参数及其来源：{place}"),
    "curve": Words("Loss curve: {place}", "损失曲线：{place}"),
    "log": Words("Log: {place}", "日志：{place}"),
}


def beginning(run: str, version: DatasetVersion, recipe: TrainRecipe) -> Words:
    base = recipe.base if isinstance(recipe.base, str) else A_NEW_MODEL
    return BEGINNING.format(run=run, base=base, data=version.name, records=f"{version.records:,}")


def show_plan(screen: Screen, ws: Workspace, version: DatasetVersion, recipe: TrainRecipe) -> None:
    """`train --dry-run`: every value that training would use, with where it is from."""
    from tuneloop.train import plan

    resolved = plan(version, recipe, workspace=ws)
    screen.say(WOULD.format(data=version.name))
    for number, stage in enumerate(resolved.stages, start=1):
        screen.say(STAGE.format(number=number, count=len(resolved.stages)))
        _show_values(screen, stage)
    if not resolved.stages:
        _show_values(screen, resolved)
    screen.result({"data": version.name, **resolved.as_dict()})


def _show_values(screen: Screen, resolved: Resolved) -> None:
    values = resolved.recipe.model_dump(mode="json")
    rows: list[list[object]] = []
    for key, origin in resolved.origins.items():
        top, _, inner = key.partition(".")
        value = values[top][inner] if inner else values[top]
        if value is not None:
            rows.append([key, value["name"] if isinstance(value, dict) and "name" in value else value, origin])
    screen.table(rows, [Words("setting", "参数"), Words("value", "取值"), Words("why", "理由")])
    for line in resolved.foreseen:
        screen.say(line)


def show_model(screen: Screen, ws: Workspace, model: ModelVersion) -> None:
    """A model with what it was made from, its last figures, and its files."""
    facts = {"name": model.name, "base": model.base, "data": model.dataset or "-", "tuner": model.tuner}
    screen.say(TRAINED.format(**facts, objective=model.objective))
    if model.metrics:
        screen.say("  ".join(f"{name.replace('_', ' ')} {figure(value)}" for name, value in model.metrics.items()))
    folder = ws.folder / model.folder
    screen.say(FILES["folder"].format(place=folder))
    screen.say(FILES["recipe"].format(place=folder / "recipe.yaml"))
    for line in _curve(ws, model.run):
        screen.say(line)
    for line in _memory(ws, model.run):
        screen.say(line)


def show_run(screen: Screen, ws: Workspace, run: Run) -> None:
    from tuneloop.runs import queue
    from tuneloop.runs.executors.local import log_file
    from tuneloop.train import sample_log

    screen.say(ATTEMPT.format(run=run.id, kind=kind_of(run), state=state_of(run), attempt=run.attempt))
    if told := progress_of(run):
        screen.say(told)
    for key, value in run.spec.items():
        screen.say(f"  {key}: {value}")
    screen.table([[moment(e.time), e.kind, _short(e.data)] for e in queue.events(ws, run.id)], list(EVENTS))
    points = queue.metrics(ws, run.id, ["loss"])
    if points:
        screen.say(f"loss {figure(points[0].value)} → {figure(points[-1].value)} ({points[-1].step} steps)")
    for row in sample_log.read(ws.folder / "runs" / run.id)[-3:]:
        words = {key: _one_line(row[key]) for key in ("question", "answer")}
        screen.say(SAMPLE.format(step=row["step"], reward=row["reward"], **words))
    if run.error:
        screen.say(f"Error: {run.error.get('message')}")
    for line in _curve(ws, run.id):
        screen.say(line)
    screen.say(FILES["log"].format(place=log_file(ws, run.id)))


def _memory(ws: Workspace, run: str | None) -> Iterator[Words]:
    """Estimate and measured peak, of each stage."""
    from tuneloop.runs import queue

    for event in queue.events(ws, run) if run else ():
        if event.kind == "memory":
            yield Words(**event.data["text"])


def _curve(ws: Workspace, run: str | None) -> Iterator[Words]:
    file = ws.folder / "runs" / (run or "") / f"loss.{current_language()}.svg"
    if file.exists():
        yield FILES["curve"].format(place=file)


def _one_line(text: str, most: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _short(data: Mapping[str, Any], most: int = 100) -> str:
    plain = {key: value for key, value in data.items() if value is not None and not isinstance(value, dict | list)}
    text = ", ".join(f"{key} {figure(value) if isinstance(value, float) else value}" for key, value in plain.items())
    return text if len(text) <= most else text[: most - 1] + "…"
