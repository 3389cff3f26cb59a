"""How a job stands, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store.jobs import Job

LINE = Words("{id}: {model}, {status}", "{id}：{model}，{status}")
MADE = Words("Model: {name}", "模型：{name}")
WRONG = Words("Error: {message}", "错误：{message}")


def tell(screen: Screen, job: Job) -> None:
    screen.say(LINE.format(id=job.id, model=job.model, status=job.status))
    if job.fine_tuned_model:
        screen.say(MADE.format(name=job.fine_tuned_model))
    if job.error:
        screen.say(WRONG.format(message=job.error["message"]))
