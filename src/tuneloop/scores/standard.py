"""Quality standards: what good data of a scenario is, as named dimensions with the least that must be reached.

A standard is a YAML file; the ready-made ones in `standards/` and a team's own have one form:

    title: {en: Service dialogue, zh: 客服对话}
    kinds: [chat]
    dimensions:
      polite:
        title: {en: Polite, zh: 礼貌得体}
        help: {en: Friendly and calm., zh: 语气友好、沉稳。}
        scale: pass            # pass or fail, the default; or five: 1 to 5
        least: 0.95            # share of the records that must pass, or the least mean of 1 to 5
        rule: well_formed      # checked on every record by a rule; without one, people judge a sample

A model may judge whatever people judge (`tuneloop quality judge`); what it says stands beside their verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import field_validator, model_validator

from tuneloop.config import Settings, read, read_yaml, setting
from tuneloop.errors import InputError, Where, nearest
from tuneloop.records import Kind
from tuneloop.scores.rules import RULES
from tuneloop.wording import Words

SHIPPED = Path(__file__).parent / "standards"
DEFAULTS: Mapping[str, str] = {
    "chat": "question_answering",
    "text": "raw_text",
    "label": "classification",
    "preference": "preference",
    "rating": "preference",
}
"""The standard that holds for a kind of record where nobody has set one."""
COLUMNS = ("review", "record", "number", "stratum", "tags", "sources", "language", "kind", "text", "note")
"""Columns of a review's file that are no dimensions."""


class Both(Settings):
    """A sentence in both languages."""

    en: str = setting(en="English", zh="英文", min_length=1)
    zh: str = setting(en="Chinese", zh="中文", min_length=1)

    @property
    def words(self) -> Words:
        return Words(self.en, self.zh)


class Dimension(Settings):
    title: Both = setting(en="its name for people", zh="名称")
    help: Both = setting(en="what a reviewer looks for", zh="评审时看什么")
    scale: Literal["pass", "five"] = setting("pass", en="pass or fail, or 1 to 5", zh="通过与否，或 1 到 5 分")
    least: float = setting(en="least share that passes, or least mean of 1 to 5", zh="通过比例的下限，或平均分的下限")
    rule: str | None = setting(
        None, en="the rule that checks it; without one people judge", zh="由哪条规则检查；不填由人评审"
    )

    @field_validator("rule")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in RULES:
            raise ValueError(f"no rule is called {name!r}; {nearest(name, RULES)}")
        return name

    @model_validator(mode="after")
    def _reachable(self) -> Dimension:
        low, high = (0.0, 1.0) if self.scale == "pass" else (1.0, 5.0)
        if not low <= self.least <= high:
            raise ValueError(f"least is {self.least:g}, and the scale {self.scale!r} goes from {low:g} to {high:g}")
        if self.rule is not None and self.scale != "pass":
            raise ValueError("a rule only says pass or fail")
        return self

    def unit(self, value: float) -> float:
        """A verdict or threshold on the scale from 0 to 1."""
        return value if self.scale == "pass" else (value - 1) / 4

    def told(self, unit: float) -> float:
        """A number from 0 to 1 on the scale of the dimension."""
        return unit if self.scale == "pass" else 1 + 4 * unit


class Standard(Settings):
    title: Both = setting(en="its name for people", zh="名称")
    help: Both | None = setting(None, en="what it is for", zh="用途")
    kinds: tuple[Kind, ...] = setting(
        (), en="kinds of record that it fits; none: any", zh="适用的记录类型；不填表示任意"
    )
    dimensions: dict[str, Dimension] = setting(en="what is looked at, by name", zh="评审维度，按名称", min_length=1)

    @field_validator("dimensions")
    @classmethod
    def _names(cls, dimensions: dict[str, Dimension]) -> dict[str, Dimension]:
        for name in dimensions:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) or name in COLUMNS:
                raise ValueError(
                    f"{name!r} is no name for a dimension: small letters, digits and _; not a column's name"
                )
        return dimensions

    @property
    def judged(self) -> dict[str, Dimension]:
        """The dimensions that people judge."""
        return {name: one for name, one in self.dimensions.items() if one.rule is None}

    @property
    def ruled(self) -> dict[str, Dimension]:
        """Those that rules check."""
        return {name: one for name, one in self.dimensions.items() if one.rule is not None}

    def as_data(self) -> dict[str, Any]:
        """Plain data, as a file would hold it."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def as_yaml(self) -> str:
        return yaml.safe_dump(self.as_data(), allow_unicode=True, sort_keys=False, width=120)


@cache
def shipped() -> dict[str, Standard]:
    """The ready-made standards by name."""
    files = sorted(SHIPPED.glob("*.yaml"))
    return {file.stem: read(Standard, read_yaml(file), file=file) for file in files}


def read_standard(named: str | Path) -> Standard:
    """A ready-made standard by its name, or one from a YAML file; raises `InputError` or `SettingError`."""
    name = str(named)
    if name in shipped():
        return shipped()[name]
    if Path(named).suffix.lower() in (".yaml", ".yml") or Path(named).is_file():
        return read(Standard, read_yaml(named), file=named)
    hint = nearest(name, shipped())
    raise InputError(
        f"no standard is called {name!r}",
        expected="a ready-made one, or a YAML file",
        where=Where(field="standard"),
        do=hint[0].upper() + hint[1:],
    )
