"""One training run of ours as a person starts it: `tuneloop train`, with its queue and its worker process.

For start-up and memory: this process only waits, and the clock starts when the command does.  The first step begins
when the run has noted its resolved settings, the last thing that it does before the loop.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

COMMAND = Path(sys.executable).with_name("tuneloop")


def main(workspace: str, *settings: str) -> None:
    start = time.time()
    assignments = [f"--set={one}" for one in settings]
    subprocess.run([str(COMMAND), "train", "-w", workspace, *assignments, "--json"], check=True)
    over = time.time() - start
    result = told(workspace, start) | {"command_seconds": over}
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(result))


def told(workspace: str, start: float) -> dict[str, object]:
    from importlib.metadata import version

    from sqlalchemy import select

    from tuneloop.runs import queue
    from tuneloop.store import Workspace
    from tuneloop.store.tables import run_events

    with Workspace.find(workspace, create=False) as ws:
        run = queue.show(ws).id
        with ws.db.read() as connection:
            columns = run_events.c
            query = select(columns.kind, columns.time, columns.data).where(columns.run == run)
            events = {kind: (when, data) for kind, when, data in connection.execute(query).tuples()}
        losses = [point.value for point in queue.metrics(ws, run, ["loss"])]
    return {
        "first_step": events["resolved"][0] - start,
        "losses": losses,
        "path": events["model"][1]["path"],
        "versions": {name: version(name) for name in ("tuneloop", "torch")},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
