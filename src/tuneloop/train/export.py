"""Export: a model version as files for other tools, proven to answer like the original before anybody gets them."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import ModelError, UsageError, Where
from tuneloop.records import ModelVersion, Progress, Watcher, unwatched
from tuneloop.registry import Member, Registry
from tuneloop.store.durable import publish, storage_errors, temporary_beside
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store.workspace import Workspace


@dataclass(frozen=True)
class Proof:
    """How the written files compare with the original: `figures` (see the member), and whether that is good enough."""

    figures: Mapping[str, float]
    passed: bool
    summary: Words


@dataclass(frozen=True)
class Exported:
    folder: Path
    form: str
    model: str
    proof: Proof


@dataclass(frozen=True)
class Original:
    """What is exported: `open` loads it in float32, its adapter (if any) on top and unmerged.

    `sequences` are token ids of the version's own data to compare answers on, held-out ones first.
    """

    version: ModelVersion
    open: Callable[[], LanguageModel]
    sequences: list[list[int]] = field(default_factory=list)


class Export(Member, ABC):
    @abstractmethod
    def write(self, original: Original, folder: Path) -> None:
        """Write the files into an empty folder."""

    @abstractmethod
    def prove(self, original: Original, folder: Path) -> Proof:
        """Load the files as another tool would and compare with the original; called after `write`."""


exports: Registry[Export] = Registry("tuneloop.train.exports", Export)


def export(
    version: ModelVersion,
    to: Path,
    spec: str | Mapping[str, Any] = "merged",
    *,
    workspace: Workspace,
    progress: Watcher = unwatched,
) -> Exported:
    """Write `version` into the new folder `to`; raises `ModelError` when the files do not answer like the original.

    The folder appears whole and proven, or not at all.
    """
    from tuneloop.train.originals import original_of

    member = exports.create(spec, path="form")
    if version.objective in ("classify", "reward"):
        raise UsageError(
            f"{version.name} answers by a head ({version.objective}), which no export form writes yet",
            expected="a model version that writes text",
            do=f"Its own files, head.safetensors among them, lie in {version.folder} of the workspace",
        )
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError("is not empty", expected="a new or empty folder", where=Where(file=to))
    _tell(progress, 0, Words("loading the model", "正在加载模型"))
    original = original_of(workspace, version)
    temporary = temporary_beside(to.absolute())
    try:
        with storage_errors(to):
            temporary.mkdir(parents=True)
            _tell(progress, 1, Words("writing the files", "正在写入文件"))
            proof = _written(member, original, temporary, progress)
            if to.exists():
                to.rmdir()
            publish(temporary, to.absolute())
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _tell(progress, 3, proof.summary)
    return Exported(to, member.name, version.name, proof)


def _written(member: Export, original: Original, folder: Path, progress: Watcher) -> Proof:
    member.write(original, folder)
    _tell(progress, 2, Words("comparing with the original", "正在与原模型比对"))
    proof = member.prove(original, folder)
    if not proof.passed:
        raise ModelError(
            f"the {member.name} files of {original.version.name} do not answer like the original: {proof.summary.en}",
            do="Nothing was written; export it in float32, or report this as a bug if it was",
        )
    return proof


def _tell(progress: Watcher, done: int, note: Words) -> None:
    progress(Progress("export", done, 3, "steps", note=note))
