"""A run's process: `python -m tuneloop.app.worker WORKSPACE RUN` claims the run and does its work.

It waits in the queue until it may start.  Without arguments it gets ready and is told its run on standard input (see
`LocalExecutor.getting_ready`).  Exit codes: 0 done or stopped as asked, 1 failed; what happened stands in the run, and
output goes to the run's log.
"""

from __future__ import annotations

import json
import math
import os
import sys
from importlib import import_module

from tuneloop.errors import ConflictError, StoppedError, TuneloopError

NEEDED = ("torch", "tuneloop.loop", "tuneloop.recipes", "tuneloop.train.fit", "tuneloop.models.fast")
"""What takes most of the time of starting a run."""


def main(folder: str, run: str) -> int:
    from tuneloop.app.wiring import work
    from tuneloop.runs import queue
    from tuneloop.store import Workspace

    # A bug is not caught: its traceback goes to the log, and the lease has recorded it.
    with Workspace.find(folder, create=False) as ws:
        try:
            lease = queue.claim(ws, run, wait=math.inf)
        except ConflictError as error:  # stopped before it began, or another process has it
            print(error, file=sys.stderr)
            return 1
        if lease is None:
            return 1
        try:
            with lease:
                work(ws, lease)
        except StoppedError as stopped:
            print(stopped, file=sys.stderr)
            return 0
        except TuneloopError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    return 0


def get_ready() -> int:
    """Load what a run needs, then do the run that standard input names; nothing when it closes without a name."""
    for module in NEEDED:
        import_module(module)
    line = sys.stdin.readline()
    if not line:
        return 0
    folder, run = json.loads(line)
    _speak_into_the_log(folder, run)
    return main(folder, run)


def _speak_into_the_log(folder: str, run: str) -> None:
    from tuneloop.runs.executors.local import log_file
    from tuneloop.store import Workspace

    with Workspace.find(folder, create=False) as ws, log_file(ws, run).open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 1 else get_ready())
