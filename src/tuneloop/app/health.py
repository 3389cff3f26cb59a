"""What this machine can do and what is missing, for `tuneloop doctor`.

Each check returns findings: `fine`, `note` (works, and worth knowing) or `missing` (something will not work).  Nothing
is changed, and no network is asked.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tuneloop.errors import TuneloopError
from tuneloop.store import Workspace
from tuneloop.store.keys import key_file
from tuneloop.wording import Words

State = Literal["fine", "note", "missing"]
GIB = 1024**3
ENOUGH_MEMORY, ENOUGH_DISK = 2 * GIB, 2 * GIB
"""The starter model trains in less than 1 GiB; one checkpoint of a 1B model takes about 2 GiB on the disk."""


@dataclass(frozen=True)
class Finding:
    topic: Words
    state: State
    text: Words


def examine(ws: Workspace | None) -> list[Finding]:
    """All findings; `ws` is None where there is no workspace yet."""
    checks: list[Callable[[Workspace | None], Iterator[Finding]]] = [
        program, cores, memory, disk, graphics, precision, kernels, starter, key, workspace,
    ]  # fmt: skip
    return [finding for check in checks for finding in check(ws)]


def program(_: Workspace | None) -> Iterator[Finding]:
    names = ("tuneloop", "torch", "transformers", "pyarrow", "sqlalchemy", "duckdb")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    text = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}; {versions}"
    yield Finding(Words("program", "程序"), "fine", Words(text, text))


def cores(_: Workspace | None) -> Iterator[Finding]:
    from tuneloop.models.cores import usable

    words = Words("{usable} cores usable", "可用 {usable} 个 CPU 核").format(usable=usable())
    yield Finding(Words("processor", "处理器"), "fine", words)


def memory(_: Workspace | None) -> Iterator[Finding]:
    topic = Words("memory", "内存")
    total = _memory()
    if total is None:
        yield Finding(topic, "note", Words("this system does not tell how much there is", "此系统未提供内存大小"))
        return
    words = Words("{size:.1f} GiB", "{size:.1f} GiB，即本机可用的内存").format(size=total / GIB)
    yield Finding(topic, "fine" if total >= ENOUGH_MEMORY else "note", words)


def disk(ws: Workspace | None) -> Iterator[Finding]:
    place = ws.folder if ws else Path.cwd()
    free = shutil.disk_usage(place).free
    words = Words("{free:.1f} GiB free at {place}", "{place} 剩余 {free:.1f} GiB").format(free=free / GIB, place=place)
    yield Finding(Words("disk", "磁盘"), "fine" if free >= ENOUGH_DISK else "missing", words)


def graphics(_: Workspace | None) -> Iterator[Finding]:
    import torch

    topic = Words("graphics card", "显卡")
    if not torch.cuda.is_available():
        text = Words(
            "none that torch {version} can use; training runs on the processor, which suits models up to about 1B",
            "torch {version} 没有可用的显卡；训练在处理器上进行，适合约 1B 以下的模型",
        )
        yield Finding(topic, "note", text.format(version=torch.__version__))
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        text = Words("{name}, {size:.0f} GiB", "{name}，显存 {size:.0f} GiB")
        yield Finding(topic, "fine", text.format(name=about.name, size=about.total_memory / GIB))


def precision(_: Workspace | None) -> Iterator[Finding]:
    import torch

    from tuneloop.models.precision import choose

    chosen = choose("cuda" if torch.cuda.is_available() else "cpu")
    yield Finding(Words("precision", "计算精度"), "fine", chosen.why)


def kernels(_: Workspace | None) -> Iterator[Finding]:
    from tuneloop.models.kernels import compiled

    on, text = compiled.status()
    yield Finding(Words("compiled kernels", "编译内核"), "fine" if on else "note", text)


def starter(_: Workspace | None) -> Iterator[Finding]:
    from tuneloop.models import places

    topic = Words("starter model", "入门模型")
    try:
        folder = places.starter()
    except TuneloopError as error:
        yield Finding(topic, "missing", Words("{error}", "未找到入门模型：{error}").format(error=error))
        return
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    text = Words("there, {size:.0f} MB; no network needed", "已随安装提供，{size:.0f} MB，无需联网")
    yield Finding(topic, "fine", text.format(size=size / 1e6))


def key(ws: Workspace | None) -> Iterator[Finding]:
    topic, place = Words("key to originals", "原文密钥"), key_file()
    if ws is not None and ws.key() is not None:
        yield Finding(topic, "fine", Words("{place}", "位于 {place}").format(place=place))
        return
    text = Words(
        "not at {place}: it is made when personal data is first found; without it originals of personal data cannot"
        " be shown, everything else works",
        "{place} 处没有密钥：首次发现个人信息时会自动生成；没有密钥只是无法查看个人信息原文，其他功能不受影响",
    )
    yield Finding(topic, "note", text.format(place=place))


def workspace(ws: Workspace | None) -> Iterator[Finding]:
    topic = Words("workspace", "工作区")
    if ws is None:
        text = Words("none here yet; tuneloop prepare makes one", "此处还没有工作区；运行 tuneloop prepare 会自动创建")
        yield Finding(topic, "note", text)
        return
    try:
        from tuneloop.runs import queue
        from tuneloop.store import datasets, models

        counts = {"data": len(datasets.versions(ws)), "models": len(models.models(ws)), "runs": len(queue.list(ws))}
        stopped = [run.id for run in queue.list(ws) if run.interrupted]
    except TuneloopError as error:
        yield Finding(topic, "missing", Words("{error}", "无法使用：{error}").format(error=error))
        return
    text = Words(
        "{place}: {data} dataset versions, {models} models, {runs} runs",
        "{place}：{data} 个数据集版本，{models} 个模型版本，{runs} 次运行",
    )
    yield Finding(topic, "fine", text.format(place=ws.folder, **counts))
    if ws.readonly:
        text = Words("it cannot be written to; showing works", "该文件夹不可写入，只能查看")
        yield Finding(topic, "missing", text)
    if stopped:
        text = Words(
            "interrupted runs: {runs}; go on with: tuneloop train --resume",
            "中断的运行：{runs}；可用 tuneloop train --resume 继续",
        )
        yield Finding(topic, "note", text.format(runs=", ".join(stopped)))


def _memory() -> int | None:
    """Bytes this process may use: the machine's, or less where a container is limited (cgroup v2)."""
    if sys.platform == "win32":
        return None
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total
