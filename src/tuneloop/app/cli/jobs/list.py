"""`tuneloop jobs list`: the jobs, newest first."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

NONE = Words("No job yet. Start one with: tuneloop jobs create FILE", "还没有任务。创建：tuneloop jobs create 文件")
HEAD = [Words("job", "任务"), Words("model", "模型"), Words("status", "状态"), Words("step", "步数"), ""]


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the jobs, newest first.

    \b
    Examples:
      tuneloop jobs
    """
    from tuneloop.jobs.shaping import shaped
    from tuneloop.store import jobs

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found, _ = jobs.jobs(ws, limit=1000)
    if not found:
        screen.say(NONE)
    else:
        lines: list[list[object]] = [
            [
                job.id,
                job.fine_tuned_model or job.model,
                job.status,
                f"{max(0, job.told_step)}/{job.total_steps or '-'}",
                (job.error or {}).get("message", ""),
            ]
            for job in found
        ]
        screen.table(lines, [*HEAD])
    screen.result([shaped(job) for job in found])
