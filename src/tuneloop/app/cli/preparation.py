"""The report of a dataset version as a person reads it: what became of every item, what is in it, and advice.

All of it stands in the version, so an old one can be shown again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.records import DatasetVersion
from tuneloop.records.record import SCHEME
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen

OUTCOMES = {
    "kept": Words("kept", "保留"),
    "merged": Words("merged", "合并"),
    "dropped": Words("dropped", "丢弃"),
    "rejected": Words("rejected", "拒收"),
}
CLEANED = Words("cleaned", "清洗")
SKIPPED = Words("skipped", "跳过")
MORE = Words("{names} and {more} more", "{names}，另有 {more} 项")
UNLISTED = Words("skipped {count} more", "另有 {count} 项跳过")
SPLITS = {
    "train": Words("train", "训练集"),
    "validation": Words("validation", "验证集"),
    "test": Words("test", "测试集"),
}
MADE = Words("{name}: {records} records from {items} items", "{name}：由 {items} 个条目得到 {records} 条记录")
ALREADY = Words("{name} holds exactly this already; nothing was added.", "{name} 的内容与此完全相同，没有新增。")
TRIED = Words(
    "Dry run: {records} records from {items} items; nothing was kept.",
    "试运行：{items} 个条目可得到 {records} 条记录，没有保存任何内容。",
)
NEXT = Words(
    "Next: tuneloop preview shows what is trained on; tuneloop train; tuneloop restore lists what was left out.",
    "下一步：tuneloop preview 查看训练内容；tuneloop train 开始微调；tuneloop restore 列出未保留的条目。",
)
NAMED = 3
"""Skipped files and sheets named for each reason; `--json` lists all."""
EXAMPLES = 3
"""Examples shown of what was left out; `tuneloop restore` lists all."""
_RECORD = re.compile(rf"\b{SCHEME}[0-9a-f]{{64}}\b")
_ID = len(SCHEME) + 12


def show_report(screen: Screen, version: DatasetVersion) -> None:
    """Tables and sentences; with `--json` the document holds the same."""
    report = version.report
    screen.say(_headline(version))
    screen.table(list(_inputs(report)), [Words("input", "输入"), *OUTCOMES.values(), Words("read as", "读取方式")])
    for line in (*_skipped(report), *_reasons(report), *_examples(report), *_contents(version), *_advice(report)):
        screen.say(line)


def named(message: str, names: Mapping[str, str]) -> str:
    """The message with names in the places of the ids of records, and of an id without a name its beginning."""
    return _RECORD.sub(lambda found: names.get(found[0], f"{found[0][:_ID]}…"), message)


def _headline(version: DatasetVersion) -> Words:
    words = ALREADY if version.report.get("already_there") else MADE if version.name else TRIED
    items = f"{version.report.get('items', 0):,}"
    return words.format(name=version.name, records=f"{version.records:,}", items=items)


def _inputs(report: Mapping[str, Any]) -> Iterator[list[object]]:
    for one in report.get("inputs", ()):
        ways = {" · ".join(filter(None, (file["shape"], file["format"], file["encoding"]))) for file in one["files"]}
        yield [one["name"], *(f"{one[outcome]:,}" for outcome in OUTCOMES), ", ".join(sorted(ways)[:3])]


def _skipped(report: Mapping[str, Any]) -> Iterator[str]:
    """What was not looked at, by reason: hidden sheets, files that hold no data."""
    why: dict[Words, list[str]] = {}
    unlisted = 0
    for one in report.get("inputs", ()):
        unlisted += one.get("more_skipped", 0)
        for file in one.get("skipped", ()):
            why.setdefault(Words(**file["why"]), []).append(file["file"])
    for words, names in why.items():
        shown = ", ".join(names[:NAMED])
        if len(names) > NAMED:
            shown = str(MORE.format(names=shown, more=len(names) - NAMED))
        yield f"  {SKIPPED} {len(names):,}  {shown}: {words}"
    if unlisted:
        yield f"  {UNLISTED.format(count=f'{unlisted:,}')}"


def _reasons(report: Mapping[str, Any]) -> Iterator[str]:
    for one in report.get("reasons", ()):
        yield f"  {OUTCOMES[one['outcome']]} {one['count']:,}  {one['reason']}: {Words(**one['words'])}"
    for step in report.get("steps", ()):
        if step.get("replaced"):
            edits = ", ".join(f"{kind} {count:,}" for kind, count in step.get("edits", {}).items())
            yield f"  {CLEANED} {step['replaced']:,}  {step['name']}: {edits or Words(**step['title'])}"


def _examples(report: Mapping[str, Any]) -> Iterator[str]:
    """The sentences of rejected rows first: somebody may want to mend them."""
    from tuneloop.text.personal.hiding import hide

    examples = report.get("examples", {})
    shown = [*examples.get("rejected", ()), *examples.get("dropped", ())][:EXAMPLES]
    for one in shown:
        message = " ".join(named(one["message"] or one["excerpt"], {}).split())
        file = one["where"].partition(",")[0]
        placed = message.startswith((file, hide(file)))  # personal data is hidden in the message
        yield f"    {message if placed else one['where'] + ': ' + message}"


def _contents(version: DatasetVersion) -> Iterator[str]:
    parts = [f"{words} {version.splits.get(split, 0):,}" for split, words in SPLITS.items()]
    parts += [f"{kind} {count:,}" for kind, count in version.kinds.items()]
    parts += [f"{lang} {count:,}" for lang, count in version.report.get("languages", {}).items()]
    yield "  ".join(parts)


def _advice(report: Mapping[str, Any]) -> Iterator[str]:
    for one in report.get("advice", ()):
        yield f"* {Words(**one['text'])}"
