"""Files that runs make to be taken away or looked at: exports, pages of statistics, reports of dry runs.

They lie in the workspace's `exports/`, a folder for each run, for `KEPT_DAYS` days or until their data is forgotten.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tuneloop.store import Workspace, durable

FOLDER = "exports"
MAKERS = ("export", "statistics", "prepare")
"""The kinds of runs that make some; one that prepares, when it only tries, makes its report."""
KEPT_DAYS = 7


def place_for(ws: Workspace, run: str, name: str) -> Path:
    """Where a run puts the file `name`; what an earlier attempt of it left half written is gone."""
    folder = ws.path(FOLDER, run)
    for part in folder.glob(f"{durable.TEMPORARY}*"):
        part.unlink(missing_ok=True)
    return folder / name


def put(ws: Workspace, run: str, name: str, text: str) -> Path:
    """Write a text whole or not at all; raises `StorageError` when the disk refuses."""
    place = place_for(ws, run, name)
    temporary = durable.temporary_beside(place)
    with durable.storage_errors(place):
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                durable.flush(file.fileno())
            durable.publish(temporary, place)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return place


def made_by(ws: Workspace, run: str, name: str) -> Path | None:
    """A file that a run made; None when its time is over, or its data was forgotten."""
    file = ws.folder / FOLDER / run / name
    return file if file.is_file() else None


def remove_old(ws: Workspace) -> list[str]:
    """Remove what is older than `KEPT_DAYS` days; returns the runs' ids."""
    folder, oldest = ws.folder / FOLDER, time.time() - KEPT_DAYS * 86_400
    old = [one for one in folder.iterdir() if one.stat().st_mtime < oldest] if folder.is_dir() else []
    for one in old:
        shutil.rmtree(one, ignore_errors=True)
    return [one.name for one in old]
