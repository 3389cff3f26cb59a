"""`tuneloop data`: the dataset versions of a workspace, what lies between them, and where their records are from."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.prepare.forgetting import Touched
    from tuneloop.store import Workspace

ACTIONS = (
    "list",
    "sources",
    "statistics",
    "tags",
    "duplicates",
    "test-set",
    "diff",
    "trace",
    "merge",
    "export",
    "forget",
    "reveal",
    "new-key",
    "spam-model",
)
NONE = Words(
    "No dataset version yet. Make one with: tuneloop prepare FILE", "还没有数据集版本。创建：tuneloop prepare 文件"
)
HEAD = (
    Words("name", "名称"), Words("made", "创建时间"), Words("records", "记录"), Words("train", "训练集"),
    Words("validation", "验证集"), Words("test", "测试集"), Words("test set as", "测试集同"), Words("kinds", "类型"),
)  # fmt: skip
SOURCES = (
    Words("source", "来源"), Words("name", "名称"), Words("kind", "类型"), Words("grade", "等级"),
    Words("licence", "许可证"), Words("consent", "同意情况"), Words("added", "加入时间"),
)  # fmt: skip
KINDS = {
    "added": Words("added", "新增"),
    "removed": Words("removed", "移除"),
    "edited": Words("edited", "改动"),
    "moved": Words("moved to another split", "换了划分"),
}
PAGE = Words("With pictures: {place}", "图表页面：{place}")
MERGED = Words(
    "{name}: {records} records of {names}; {again} stood in several, {bridges} were left out, as they are close to two "
    "splits.",
    "{name}：由 {names} 合并，共 {records} 条记录；{again} 条重复出现，{bridges} 条因同时接近两个划分而未收入。",
)
TOUCHED = Words(
    "{items} items; {records} records come from there alone; {shared} records came from elsewhere too and stay.",
    "涉及 {items} 个条目；{records} 条记录只来自这里，{shared} 条记录也来自别处，会保留。",
)
HOLDING = Words(
    "Versions: {versions}. Models: {models}. Evaluations: {evaluations}. Files to look at: {sources}.",
    "数据集版本：{versions}。模型：{models}。评测：{evaluations}。请自行处理的原始文件来源：{sources}。",
)
BESIDE = Words(
    "{beside} items of others had merged into these records, nearly the same, and go with them.",
    "另有 {beside} 个他人的条目因近似重复已并入这些记录，会一并删除。",
)
TRIAL = Words("Nothing was erased. Add --yes to erase it.", "尚未删除任何内容。确认删除请加 --yes。")
ERASED = Words("Erased. {old} → {new}", "已删除。{old} → {new}")
REBUILT = Words(
    "{model} is trained again as {run}; remove the old one when it is done.",
    "{model} 将由 {run} 重新训练，完成后请移除旧模型。",
)


def data(
    action: Annotated[
        str,
        typer.Argument(metavar=f"[{'|'.join(ACTIONS)}]", help="What to do.", show_default=False),
    ] = "list",
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES...]", help="Versions, a record's id, pseudonyms, a file.", show_default=False),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="NAME", help="forget: the person, as the data names them.", show_default=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="forget: the source, as source-3.", show_default=False)
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For statistics, export, spam-model: the file.", show_default=False),
    ] = None,
    layout: Annotated[str, typer.Option(help="export: openai, sharegpt, alpaca or columns.")] = "openai",
    split: Annotated[
        str | None, typer.Option(help="export: train, validation or test; else all.", show_default=False)
    ] = None,
    beside: Annotated[
        str, typer.Option(metavar="NAMES", help="export: also id, split, weight, tags.", show_default=False)
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="export: write over a file that is there.")] = False,
    base: Annotated[str, typer.Option(metavar="MODEL", help="statistics: whose tokens are counted.")] = "starter",
    yes: Annotated[bool, typer.Option("--yes", help="forget, new-key: do it, and not only say what would be.")] = False,
    rebuild: Annotated[bool, typer.Option(help="forget: queue the training of touched models again.")] = True,
    limit: Annotated[int, typer.Option(min=1, help="How many differences or clusters are shown.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at data versions; compare, trace, merge, export, forget.

    \b
    Examples:
      tuneloop data
      tuneloop data statistics data-2 --to stats.html
      tuneloop data tags data-2
      tuneloop data duplicates data-2
      tuneloop data test-set data-2
      tuneloop data diff data-1 data-2
      tuneloop data trace r1:6b1f…
      tuneloop data merge data-1 data-3
      tuneloop data export data-2 --to train.jsonl --split train
      tuneloop data forget --subject customer-7 --yes
      tuneloop data reveal '[MOBILE-K7QM2XVB]'
      tuneloop data spam-model examples.csv --to spam.npz
    """
    from tuneloop.app.cli.data_exported import export_data
    from tuneloop.app.cli.data_shown import show_duplicates, show_tags, show_test_set
    from tuneloop.app.cli.revealed import show_new_key, show_revealed
    from tuneloop.app.cli.screen import Screen
    from tuneloop.app.cli.spam_shown import show_spam_model

    screen = Screen(as_json)
    given = names or []
    if action == "spam-model":
        show_spam_model(screen, _taken(given, 1, "examples.csv")[0], to)
        return
    with workspace_at(workspace, create=False) as ws:
        if action == "list":
            _list(ws, screen)
        elif action == "sources":
            _sources(ws, screen)
        elif action == "statistics":
            _statistics(ws, screen, (given or ["newest"])[0], to, base)
        elif action == "tags":
            show_tags(ws, screen, (given or ["newest"])[0])
        elif action == "duplicates":
            show_duplicates(ws, screen, (given or ["newest"])[0], limit)
        elif action == "test-set":
            show_test_set(ws, screen, (given or ["newest"])[0])
        elif action == "diff":
            _diff(ws, screen, _taken(given, 2, "data-1 data-2"), limit)
        elif action == "trace":
            _trace(ws, screen, _taken(given, 1, "r1:…")[0])
        elif action == "merge":
            _merge(ws, screen, given)
        elif action == "export":
            name = (given or ["newest"])[0]
            export_data(ws, screen, name, to, layout=layout, split=split, beside=beside, replace=replace)
        elif action == "forget":
            _forget(ws, screen, subject, source, yes, rebuild)
        elif action == "reveal":
            show_revealed(ws, screen, given)
        elif action == "new-key":
            show_new_key(ws, screen, yes)
        else:
            raise UsageError(f"found {action!r}", expected=" or ".join(ACTIONS), do="See: tuneloop data --help")


def _taken(given: list[str], count: int, example: str) -> list[str]:
    if len(given) != count:
        raise UsageError(f"found {len(given)} names", expected=f"{count}, as {example}")
    return given


def _list(ws: Workspace, screen: Screen) -> None:
    from tuneloop.store import datasets

    versions = datasets.versions(ws)[::-1]
    if not versions:
        screen.say(NONE)
    else:
        first = {one.report["test_set"]: one.name for one in versions if "test_set" in one.report}
        rows: list[list[object]] = [
            [
                one.name,
                one.created,
                one.records,
                *[one.splits.get(split, 0) for split in ("train", "validation", "test")],
                first.get(one.report.get("test_set"), ""),
                ", ".join(one.kinds),
            ]
            for one in versions
        ]
        screen.table(rows, list(HEAD))
    screen.result(versions)


def _sources(ws: Workspace, screen: Screen) -> None:
    from tuneloop.store.sources import sources

    found = sources(ws)[::-1]
    rows: list[list[object]] = [
        [one.id, one.name, one.kind, one.grade or "", one.licence or "", one.consent or "", one.created]
        for one in found
    ]
    screen.table(rows, list(SOURCES))
    screen.result(found)


def _statistics(ws: Workspace, screen: Screen, name: str, to: Path | None, base: str) -> None:
    from tuneloop.prepare.statistics import statistics
    from tuneloop.prepare.statistics_page import page
    from tuneloop.store import datasets

    version = datasets.version(ws, name)
    found = statistics(ws, version, tokenizer=base)
    place = to or ws.path("pages") / f"{version.name}.html"
    place.write_text(page(found, version), encoding="utf-8")
    for words, value in (
        (Words("records", "记录数"), f"{found.records:,}"),
        (Words("median tokens", "词元数中位数"), f"{found.tokens.percentiles.get(50, 0):,.0f}"),
        (Words("near-repeats", "近似重复"), f"{found.near_repeats:.1%}"),
        (Words("different pieces in answers", "回答多样性"), f"{found.distinct:.0%}"),
    ):
        screen.say(f"{words}: {value}")
    for one in version.report.get("advice", ()):
        screen.say(f"* {Words(**one['text'])}")
    for advice in found.advice:
        screen.say(f"* {advice.text}")
    screen.say(PAGE.format(place=place))
    screen.result(found)


def _diff(ws: Workspace, screen: Screen, names: list[str], limit: int) -> None:
    from tuneloop.app.cli.data_shown import said
    from tuneloop.prepare import differing
    from tuneloop.store import datasets

    old, new = (datasets.version(ws, name) for name in names)
    counts = differing.counts(ws, old, new)
    shown = differing.differences(ws, old, new, limit=limit)
    screen.say("  ".join(f"{KINDS[kind]} {count:,}" for kind, count in counts.items()))
    for one in shown:
        split = "" if one.old_split in (None, one.new_split) else f" {one.old_split} → {one.new_split or '-'}"
        screen.say(f"{KINDS[one.kind]} {one.old or one.new}{split}")
        for mark, payload in (("-", one.old_payload), ("+", one.new_payload)):
            if payload is not None and one.kind != "moved":
                screen.say(f"  {mark} {said(payload)}")
    screen.result({"counts": counts, "differences": shown})


def _trace(ws: Workspace, screen: Screen, record: str) -> None:
    from tuneloop.app.cli.data_shown import said
    from tuneloop.prepare.passport import passport

    found = passport(ws, record)
    screen.say(said(found.payload))
    for one in found.origins:
        tags = f" [{', '.join(one.tags)}]" if one.tags else ""
        screen.say(f"  ← {one.source}: {one.file}, {one.locator}{tags}")
    for edit in found.edits:
        screen.say(f"  ← {edit.step}: {said(edit.before) if edit.before else edit.parent}")
    for name, split in found.versions.items():
        screen.say(f"  → {name} ({split})")
    for model in found.models:
        results = ", ".join(one.evaluation for one in found.results if one.model == model)
        screen.say(f"  → {model}{f' → {results}' if results else ''}")
    screen.result(found)


def _merge(ws: Workspace, screen: Screen, names: list[str]) -> None:
    from tuneloop.prepare.merging import merge
    from tuneloop.runs import queue

    with screen.progress() as watch, queue.here(ws, "merge", {"versions": names}) as lease:
        made = merge(ws, names, lease=lease, progress=watch)
    report = made.report
    words = MERGED.format(
        name=made.name,
        records=f"{made.records:,}",
        names=", ".join(names),
        again=report.get("already_there", 0),
        bridges=report.get("bridges", 0),
    )
    screen.say(words)
    screen.result(made)


def _forget(ws: Workspace, screen: Screen, subject: str | None, source: str | None, yes: bool, rebuild: bool) -> None:
    from tuneloop.prepare import forgetting

    found = forgetting.touched(ws, subject=subject, source=source)
    _say_touched(screen, found)
    if not yes:
        screen.say(TRIAL)
        screen.result(found)
        return
    done = forgetting.forget(ws, found, person=getpass.getuser(), rebuild=rebuild)
    for old, new in done.versions.items():
        screen.say(ERASED.format(old=old, new=new))
    for model, run in done.rebuilds.items():
        screen.say(REBUILT.format(model=model, run=run))
    screen.result(done)


def _say_touched(screen: Screen, found: Touched) -> None:
    screen.say(TOUCHED.format(items=found.items, records=len(found.records), shared=found.shared))
    if found.beside:
        screen.say(BESIDE.format(beside=found.beside))
    parts = {name: ", ".join(getattr(found, name)) or "-" for name in ("versions", "models", "evaluations", "sources")}
    screen.say(HOLDING.format(**parts))
