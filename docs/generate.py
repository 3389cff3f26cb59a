"""Writes docs/reference/ from the code: the commands, the recipe's keys, and every member of every registry.

python dev.py docs            write the pages
python dev.py docs --check    fail when a page is not what the code says (a test runs this)
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.update(COLUMNS="80", TUNELOOP_LANG="en")

from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from tuneloop.app.cli.main import COMMANDS, actions, main
from tuneloop.app.http import application
from tuneloop.app.members import registries
from tuneloop.config import Settings, setting_words
from tuneloop.recipes import RECIPES
from tuneloop.records.needs import missing
from tuneloop.registry import Registry
from tuneloop.train.objective import objectives
from tuneloop.train.tuner import tuners

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `python dev.py docs` from the code; edit the code instead. -->\n"


def pages() -> Iterator[tuple[str, str]]:
    """File name and text of every page."""
    yield "commands.md", commands()
    yield "recipes.md", recipes()
    yield "pairs.md", pairs()
    yield "routes.md", routes()
    for folder, registry in registries().items():
        yield f"{folder.replace('.', '-')}.md", members(folder, registry)


def commands() -> str:
    parts = [NOTE, "# Commands · 命令\n", _help([])]
    for name in COMMANDS:
        parts += [f"## tuneloop {name}\n", _help([name])]
        for action in actions(name):
            parts += [f"### tuneloop {name} {action}\n", _help([name, action])]
    return "\n".join(parts)


def _help(words: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main([*words, "--help"])
    return f"```text\n{out.getvalue().rstrip()}\n```\n"


def recipes() -> str:
    parts = [
        NOTE,
        "# Recipes · 配方\n",
        "A recipe file is YAML whose top-level keys are stages. Every key may be left out.\n",
        "配方文件为 YAML，顶层的键为各阶段名称；每个键都可以不写。\n",
    ]
    for stage, kind in RECIPES.items():
        parts += [f"## {stage}\n", _settings(kind)]
    return "\n".join(parts)


def members(folder: str, registry: Registry[Any]) -> str:
    parts = [NOTE, f"# {folder}\n", f"Recipes name them as `{registry.kind}`. · 配方中的键：`{registry.kind}`。\n"]
    for name in registry.names():
        kind = registry.load(name)
        parts += [
            f"## {name}\n",
            f"**{kind.title.en}** · **{kind.title.zh}**\n",
            f"{kind.help.en}\n",
            f"{kind.help.zh}\n",
        ]
        if kind.model_fields:
            parts.append(_settings(kind))
    return "\n".join(parts)


def pairs() -> str:
    """Objectives × tuners from what both declare, and what becomes of each tuner's result."""
    names = tuners.names()
    parts = [
        NOTE,
        "# Objectives and tuners · 训练目标与微调方法\n",
        "Which objective can be trained with which tuner: yes, or what the tuner lacks. A pair that lacks something is"
        " refused before anything loads.\n",
        "哪些训练目标可以搭配哪些微调方法：yes 表示可以，否则列出该方法缺少的能力；"
        "不可行的组合在加载任何内容之前就会被拒绝。\n",
        f"| objective · 训练目标 | {' | '.join(names)} |",
        f"| --- |{' --- |' * len(names)}",
    ]
    for name in objectives.names():
        needs = objectives.load(name).needs
        cells = (", ".join(missing(needs, tuners.load(tuner).traits)) or "yes" for tuner in names)
        parts.append(f"| `{name}` | {' | '.join(cells)} |")
    parts += [
        "\n## What a tuner leaves · 微调结果\n",
        "| tuner · 微调方法 | result · 结果 | can be merged into the base · 可合并进基座 |",
        "| --- | --- | --- |",
    ]
    for name in names:
        traits = tuners.load(name).traits
        whole = traits.form == "full"
        result, merged = "whole model · 完整模型" if whole else "adapter · 适配器", "yes" if traits.mergeable else "no"
        parts.append(f"| `{name}` | {result} | {'it is whole · 已是完整模型' if whole else merged} |")
    return "\n".join(parts) + "\n"


def routes() -> str:
    """Every route of the server with what a caller must be allowed."""
    parts = [
        NOTE,
        "# Routes · 接口\n",
        "A running server describes all of them, with the shapes of bodies and answers, at `/api/openapi.json`.\n",
        "完整的接口描述（含请求与响应的结构）见运行中的服务：`/api/openapi.json`。\n",
        "| route · 接口 | permission · 权限 | what it does |",
        "| --- | --- | --- |",
    ]
    found = sorted(application.routes(application.routers()), key=lambda one: one[0])
    for path, route in found:
        told = (route.description or route.name.replace("_", " ")).split("\n\n")[0].replace("\n", " ")
        methods = ", ".join(sorted(route.methods))
        parts.append(f"| `{methods} {path}` | {application.permission_of(route)} | {_cell(told)} |")
    return "\n".join(parts) + "\n"


def _settings(kind: type[Settings]) -> str:
    rows = ["| key · 键 | default · 默认值 | meaning | 含义 |", "| --- | --- | --- | --- |"]
    for name, field in kind.model_fields.items():
        words = setting_words(kind, name)
        rows.append(f"| `{name}` | {_cell(_default(field))} | {_cell(words.en)} | {_cell(words.zh)} |")
    return "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required · 必填"
    value = to_jsonable_python(field.get_default(call_default_factory=True))
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def run(words: list[str]) -> int:
    wanted = dict(pages())
    if words == ["--check"]:
        stale = [name for name, text in wanted.items() if _read(FOLDER / name) != text]
        stale += [file.name for file in FOLDER.glob("*.md") if file.name not in wanted]
        if stale:
            sys.stderr.write(f"Not what the code says: {', '.join(stale)}. Run: python dev.py docs\n")
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
