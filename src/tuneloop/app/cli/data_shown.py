"""What `tuneloop data tags` and `tuneloop data duplicates` show of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.prepare.tag_values import TagValue
    from tuneloop.store import Workspace

NO_REPEATS = Words("No repeats were merged in {name}.", "{name} 中没有合并过重复记录。")
CLUSTER = Words("{size} items, {split}: {text}", "{size} 个条目，{split}：{text}")
KEPT = Words("kept: {places}", "保留：{places}")
MORE = Words("and {count} more", "另有 {count} 个")
SHOWN = 10
UNTESTED = Words("{name} has no test records.", "{name} 没有测试集记录。")
TESTED = Words("{name}: {records} test records, of {of}.", "{name}：{records} 条测试集记录，来自 {of}。")
ALIKE = Words(
    "The same test set have: {names}. Evaluations on these versions can be compared.",
    "测试集相同的版本：{names}。这些版本上的评测可以直接比较。",
)
ALONE = Words("No other version has this test set.", "没有其他版本使用这个测试集。")
NO_TAGS = Words(
    "No record of {name} has a tag. Say where tags are in the recipe, such as prepare.tags: topic",
    "{name} 的记录没有标签。可在配方中指定标签的来源，如 prepare.tags: topic",
)
TAGS = (
    Words("tag", "标签"), Words("records", "记录"), Words("train", "训练集"), Words("test", "测试集"),
    Words("grades", "来源等级"), Words("length", "平均长度"), Words("merged", "合并"), Words("lost", "去除"),
    Words("versions", "版本"), Words("models", "模型"), Words("results, tuned - base", "结果（微调 - 基座）"),
)  # fmt: skip
RESULT = Words(
    "{model}: {metric} {base} → {tuned}, {change} ({low} to {high}) of {count}",
    "{model}：{metric} {base} → {tuned}，{change}（{low} 到 {high}），{count} 题",
)


def show_duplicates(ws: Workspace, screen: Screen, name: str, limit: int) -> None:
    """The largest clusters of repeats: what stayed, and what merged into it and why."""
    from tuneloop.prepare.duplicates import clusters
    from tuneloop.store import datasets

    version = datasets.version(ws, name)
    found = clusters(ws, version, limit=limit)
    if not found:
        screen.say(NO_REPEATS.format(name=version.name))
    for one in found:
        screen.say(CLUSTER.format(size=f"{one.size:,}", split=one.split, text=said(one.payload)))
        if one.kept:
            screen.say(f"  = {KEPT.format(places='; '.join(one.kept[:3]))}")
        for repeat in one.repeats[:SHOWN]:
            text = " ".join(repeat.excerpt.split())[:120]
            screen.say(f"  ~ {repeat.similarity:.2f} {repeat.source}, {repeat.locator}: {text} ({repeat.words})")
        if one.size - 1 > SHOWN:
            screen.say(f"  {MORE.format(count=one.size - 1 - SHOWN)}")
    screen.result(found)


def show_tags(ws: Workspace, screen: Screen, name: str) -> None:
    """Amount, quality, losses, use and results of each tag."""
    from tuneloop.prepare.tag_values import tag_values
    from tuneloop.store import datasets

    version = datasets.version(ws, name)
    found = tag_values(ws, version)
    if found:
        rows = [_tag_row(one) for one in found]
        filled = [place for place in range(len(TAGS)) if any(row[place] != "" for row in rows)]  # else too wide
        screen.table([[row[place] for place in filled] for row in rows], [TAGS[place] for place in filled])
    else:
        screen.say(NO_TAGS.format(name=version.name))
    screen.result(found)


def _tag_row(one: TagValue) -> list[object]:
    graded = any(one.grades)
    grades = " ".join(f"{grade or '-'}:{count:,}" for grade, count in one.grades.items()) if graded else ""
    merged = one.outcomes["merged"] / one.items if one.items else 0.0
    counts = [f"{count:,}" for count in (one.records, one.splits.get("train", 0), one.splits.get("test", 0))]
    uses = [len(one.versions), len(one.models)]
    return [
        one.tag,
        *counts,
        grades,
        f"{one.mean_length:,.0f}",
        f"{merged:.0%}",
        f"{one.lost:.0%}",
        *uses,
        _result(one),
    ]


def _result(one: TagValue) -> str:
    """The first result, which is of the newest evaluation."""
    if not one.results:
        return ""
    first = one.results[0]
    shown = {
        "base": f"{first.base:.0%}",
        "tuned": f"{first.tuned:.0%}",
        "change": f"{first.difference:+.0%}",
        "low": f"{first.low:+.0%}",
        "high": f"{first.high:+.0%}",
    }
    return str(RESULT.format(model=first.model, metric=first.metric, count=first.questions, **shown))


def said(payload: dict[str, Any]) -> str:
    """A record on one line."""
    from tuneloop.records import Record

    text = " ⏎ ".join(Record.from_payload(payload).full_text.split("\n"))
    return text[:200] + ("…" if len(text) > 200 else "")


def show_test_set(ws: Workspace, screen: Screen, name: str) -> None:
    """Whose test set a version has, and which versions share it."""
    from tuneloop.prepare.frozen import test_set
    from tuneloop.store import datasets

    version = datasets.version(ws, name)
    found = test_set(ws, version)
    if not found.records:
        screen.say(UNTESTED.format(name=version.name))
    else:
        screen.say(TESTED.format(name=version.name, records=f"{found.records:,}", of=found.of or version.name))
        screen.say(ALIKE.format(names=", ".join(found.same_as)) if found.same_as else ALONE)
    screen.result(found)
