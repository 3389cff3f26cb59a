"""The machine that would train: this one as it is now, or one that is described.

Sizes are read as they are written: GB is 10⁹ bytes, GiB 2³⁰.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tuneloop.errors import SettingError, Where, unknown_key
from tuneloop.models import cores, room
from tuneloop.wording import Words

UNITS = {"": 10**9, "MB": 10**6, "GB": 10**9, "TB": 10**12, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
HEADROOM = 0.9
"""Share of the free memory that a run may be estimated at: estimates err, and other programs live too."""

KEYS = ("memory", "gpu", "gpus", "cores")
WHERE = Where(field="choose.machine")


@dataclass(frozen=True)
class Machine:
    """`memory` bytes of RAM that a run could take (None: not known), `gpu` bytes of one graphics card (0: none)."""

    memory: int | None
    gpu: int = 0
    gpus: int = 0
    cores: int = 1
    here: bool = False

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        return "cuda" if self.gpu else "cpu"

    @property
    def room(self) -> int | None:
        """Bytes that a run may be estimated at; one graphics card counts, as a run uses one."""
        size = self.gpu or self.memory
        return None if size is None else int(size * HEADROOM)

    @property
    def words(self) -> Words:
        known = Words("{size} of memory free", "可用内存 {size}")
        memory = known.format(size=room.size(self.memory) if self.memory is not None else "?")
        if self.gpu:
            return Words(
                "graphics cards: {gpus} with {gpu} free, {memory}, cores: {cores}",
                "显卡 {gpus} 张（可用显存 {gpu}），{memory}，{cores} 核",
            ).format(gpus=self.gpus, gpu=room.size(self.gpu), memory=memory, cores=self.cores)
        return Words("no graphics card, {memory}, cores: {cores}", "无显卡，{memory}，{cores} 核").format(
            memory=memory, cores=self.cores
        )

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "device": self.device, "room": self.room}


def this_machine() -> Machine:
    """What is free now."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpu = room.free("cuda") or 0 if count else 0
    return Machine(room.free(), gpu, count, cores.usable(), here=True)


def described(text: str) -> Machine:
    """The machine of `memory=24GB,gpu=80GB,gpus=1,cores=8`; raises SettingError with what was found."""
    said: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in KEYS:
            raise unknown_key(key, KEYS, WHERE)
        if not equals or key in said:
            raise SettingError(f"found {part!r}", expected=f"{key}=… once", where=WHERE)
        said[key] = value
    if not said:
        raise SettingError(f"found {text!r}", expected="memory=24GB or memory=24GB,gpu=80GB", where=WHERE)
    memory, gpu = _bytes("memory", said.get("memory")), _bytes("gpu", said.get("gpu")) or 0
    gpus = _count("gpus", said.get("gpus"), 1 if gpu else 0)
    if gpus and not gpu:
        raise SettingError(f"found gpus={gpus} without a size", expected="gpu=80GB beside it", where=WHERE)
    if memory is None and not gpu:
        raise SettingError(f"found {text!r}", expected="memory=… or gpu=…", where=WHERE)
    return Machine(memory, gpu if gpus else 0, gpus, max(1, _count("cores", said.get("cores"), 1)))


def _bytes(key: str, value: str | None) -> int | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", value)
    unit = UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None or float(match[1]) <= 0:
        raise SettingError(f"found {key}={value!r}", expected="a size such as 24GB or 80GiB", where=WHERE)
    return int(float(match[1]) * unit)


def _count(key: str, value: str | None, otherwise: int) -> int:
    if value is None:
        return otherwise
    if not value.isdigit():
        raise SettingError(f"found {key}={value!r}", expected="a whole number", where=WHERE)
    return int(value)
