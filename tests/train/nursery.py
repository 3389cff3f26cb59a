"""Starts training runs as processes that may be killed: everything heavy is imported once, each run is a fork.

start WORKSPACE RUN → the process's number      wait → its exit code
"""

from __future__ import annotations

import os
import signal
import sys

import torch

import tuneloop.models.loading
import tuneloop.train.assembly  # noqa: F401  what `train` would import on its way
from tuneloop.runs import queue
from tuneloop.store import Workspace, datasets
from tuneloop.train import TrainRecipe, train


def work(folder: str, run: str) -> int:
    with Workspace.find(folder, create=False) as ws:
        lease = queue.claim(ws, run, wait=20)
        if lease is None:
            return 3
        with lease:
            version = datasets.version(ws, lease.spec["data"])
            made = train(version, TrainRecipe(**lease.spec["train"]), workspace=ws, lease=lease)
            lease.finish({"model": made.name})
    return 0


def start(folder: str, run: str) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = work(folder, run)
    finally:
        os._exit(code)  # without the parent's clean-up


def answer(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    answer("ready")
    child = 0
    for line in sys.stdin:
        order, *rest = line.split("\t")
        if order == "start":
            child = start(rest[0], rest[1].strip())
            answer(str(child))
        else:
            answer(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


if __name__ == "__main__":
    main()
