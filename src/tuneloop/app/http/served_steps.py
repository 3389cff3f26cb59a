"""Which models the steps of a run that is begun over HTTP may use.

Whoever may begin runs must not make the server send data and keys to addresses of their choice, nor open its files.  So
a judge and a measure of perplexity are the starter or a model version, a spam classifier is one that a run of this
server fitted, and the test sets that records are compared with are dataset versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuneloop.errors import UsageError, Where
from tuneloop.models.versions import is_version
from tuneloop.prepare.spam_model import is_fitted_by_run
from tuneloop.store.datasets import is_version_name


def check_steps(recipe: Mapping[str, Any], where: str = "recipe") -> None:
    """Raises `UsageError` with the step's place for what only the command line may name."""
    for place, step in _steps(recipe.get("steps"), where):
        judge = step.get("judge")
        if isinstance(judge, Mapping):
            for key in ("url", "key_variable"):
                if judge.get(key):
                    raise _refused(f"{place}.judge.{key}", "a judge of this server: a model version", judge[key])
            _local(f"{place}.judge.model", judge.get("model"))
        if step.get("name") == "perplexity" and "model" in step:
            _local(f"{place}.model", step["model"])
        if step.get("name") == "spam" and step.get("model") and not is_fitted_by_run(str(step["model"])):
            raise _refused(f"{place}.model", "the run that fitted it", step["model"])
        against = step.get("against")
        for name in against if step.get("name") == "contamination" and isinstance(against, list | tuple) else ():
            if not is_version_name(str(name)):
                raise _refused(f"{place}.against", "dataset versions (data-1)", name)


def _steps(steps: Any, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Place and settings of each step that has any, in a list or by name (settings of the default steps)."""
    if isinstance(steps, Mapping):
        found = [
            (f".{name}", {"name": name, **one} if isinstance(one, Mapping) else one) for name, one in steps.items()
        ]
    else:
        found = [(f"[{number}]", one) for number, one in enumerate(steps if isinstance(steps, list | tuple) else ())]
    return [(f"{where}.steps{place}", one) for place, one in found if isinstance(one, Mapping)]


def check_base(place: str, base: str) -> None:
    """Raises `UsageError` for a folder of the server where the name of a model is asked for."""
    if base.startswith(("/", "\\", ".", "~")) or Path(base).exists():
        raise _refused(place, "a model by its name", base)


def _local(place: str, model: Any) -> None:
    if isinstance(model, str) and model != "starter" and not is_version(model):
        raise _refused(place, "starter or a model version (model-2)", model)


def _refused(place: str, expected: str, found: object) -> UsageError:
    return UsageError(
        f"found {str(found)[:200]!r}",
        expected=f"over HTTP only {expected}",
        where=Where(field=place),
        do="Anything else is named on the command line: tuneloop prepare --set …",
    )
