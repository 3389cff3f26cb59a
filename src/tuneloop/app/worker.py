"""A run's process: `python -m tuneloop.app.worker WORKSPACE RUN` claims the run and does its work.

It waits in the queue until it may start.  Exit codes: 0 done or stopped as asked, 1 failed; what happened stands in
the run, and output goes to the run's log.
"""

from __future__ import annotations

import math
import sys

from tuneloop.errors import ConflictError, StoppedError, TuneloopError


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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
