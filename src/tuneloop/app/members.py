"""Every registry of the package by the name of its folder: for the reference pages, and for whoever lists members."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tuneloop.registry import Registry

CONTRACTS = (
    "tuneloop.prepare.container",
    "tuneloop.prepare.importer",
    "tuneloop.prepare.place",
    "tuneloop.prepare.shape",
    "tuneloop.prepare.step",
    "tuneloop.prepare.split",
    "tuneloop.prepare.layout",
    "tuneloop.prepare.writer",
    "tuneloop.train.objective",
    "tuneloop.train.tuner",
    "tuneloop.train.optimizer",
    "tuneloop.train.backend",
    "tuneloop.train.export",
    "tuneloop.scores.metric",
    "tuneloop.scores.judge",
    "tuneloop.models.family",
    "tuneloop.models.engine",
    "tuneloop.text.personal.kind",
    "tuneloop.runs.executor",
    "tuneloop.serve.backend",
)
"""The modules that hold a contract and its registry; a test looks for one that is not listed."""


def registries() -> dict[str, Registry[Any]]:
    """Folder (`prepare.steps`) → registry, in the order of the loop."""
    found = [value for name in CONTRACTS for value in vars(import_module(name)).values() if isinstance(value, Registry)]
    return {registry.folder.removeprefix("tuneloop."): registry for registry in found}
