"""Make the library of compiled kernels: built once by the machine's C compiler, kept in the user's cache.

A library is named by everything it depends on: the sources, the compiler's version, the processor's features and
torch's OpenMP library.  Before it is published it must agree with the torch twins (`check.py`, in a process of its own,
so that a crash there is only a failed check).

Linux only.  The library is linked to the OpenMP that torch has loaded, so both share one pool of threads.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from tuneloop.models import cores
from tuneloop.wording import Words

HERE = Path(__file__).parent
FLAGS = ("-std=gnu11", "-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-fPIC")
"""No -ffast-math: infinities, NaN and the order of sums keep their meaning."""
KINDS = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
"""The tensors that each source is compiled for, and the ending of its functions' names."""
PATIENCE = 300
"""Seconds for one compilation and for the check; they take a few, except on an overloaded machine."""
LOCK = "making.lock"
OLD = 6 * 3600
"""Seconds after which nobody still works on a library."""


class NotMade(Exception):
    """There will be no library; `text` says why."""

    def __init__(self, text: Words) -> None:
        super().__init__(text.en)
        self.text = text


def published() -> Path:
    """The library's file; built and checked first where it is not there.

    Raises NotMade, and OSError or SubprocessError where a folder or the compiler does not do its part.
    """
    if sys.platform != "linux":
        raise NotMade(Words("made on Linux only", "仅支持在 Linux 上编译"))
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise NotMade(Words("need a C compiler (cc), and there is none", "需要 C 编译器（cc），本机没有"))
    pool, folder = _openmp(), _folder()
    file = folder / f"{_key(compiler, pool)}.so"
    if not file.exists():
        with _alone(folder):
            if not file.exists():  # another process may have made it meanwhile
                _make(compiler, pool, folder, file)
    return file


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One process makes kernels at a time: a server's engines and workers all want them in the same moment, and on two
    processors nine who compiled at once took four minutes instead of half a one.  The lock ends with its process."""
    import fcntl

    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(compiler: str, pool: Path, folder: Path, file: Path) -> None:
    """Built beside its place and moved there whole: who looks without the lock sees all of it or nothing."""
    for left in folder.glob("making-*"):
        if left.stat().st_mtime < time.time() - OLD:  # a process that was killed left it
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as making:
        made = build(compiler, pool, Path(making))
        _check(made)
        made.replace(file)


def _folder() -> Path:
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("tuneloop")) / "kernels"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    about = folder.stat()
    if about.st_uid != os.getuid() or about.st_mode & 0o022:
        raise NotMade(Words("{folder} can be written by others", "其他用户可写入 {folder}").format(folder=folder))
    return folder


def _openmp() -> Path:
    """The OpenMP library that torch brings and has loaded."""
    folder = Path(torch.__file__).parent / "lib"
    for pattern in ("libgomp*.so*", "libiomp5*.so*", "libomp*.so*"):
        for found in sorted(folder.glob(pattern)):
            return found
    raise NotMade(Words("need the OpenMP library of torch, not found", "未找到 torch 自带的 OpenMP 库"))


def _key(compiler: str, pool: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(HERE.glob("*.[ch]")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=PATIENCE).stdout
    for part in (version, " ".join(FLAGS).encode(), pool.name.encode(), _processor().encode()):
        digest.update(part + b"\0")
    return digest.hexdigest()[:24]


def _processor() -> str:
    """What the processor can do, in the operating system's words."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = [line for line in lines if line.startswith(("model name", "flags", "Features", "isa"))]
    return "\n".join([platform.machine(), *dict.fromkeys(found)])


def build(compiler: str, pool: Path, folder: Path) -> Path:
    """Compile every source for every kind of tensor, and link them; raises NotMade with the compiler's complaint."""
    steps = []
    for source in sorted(HERE.glob("*.c")):
        for kind in KINDS.values():
            target = folder / f"{source.stem}-{kind}.o"
            steps.append([compiler, *FLAGS, f"-DKIND_{kind}", "-c", str(source), "-o", str(target)])
    with ThreadPoolExecutor(min(4, cores.usable())) as pool_of_runs:
        list(pool_of_runs.map(_run, steps))
    made = folder / "kernels.so"
    # without -fopenmp here, which would add a second OpenMP runtime to torch's
    _run([compiler, "-shared", *(step[-1] for step in steps), str(pool), "-lm", "-o", str(made)])
    return made


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines() or [f"ended with {done.returncode}"]
        complaint = next((line for line in lines if "error" in line), lines[0])
        text = Words("could not be compiled ({complaint})", "编译失败（{complaint}）")
        raise NotMade(text.format(complaint=complaint[:200]))


def _check(made: Path) -> None:
    command = [sys.executable, "-m", "tuneloop.models.kernels.check", str(made)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines() or [f"ended with {done.returncode}"]
        text = Words("do not agree with torch ({words})", "编译结果与 torch 不一致（{words}）")
        raise NotMade(text.format(words=lines[-1][:200]))
