"""`tuneloop quality`: the standard of a scenario, samples for people to review, and what they found."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, NoteOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.prepare.review_result import ReviewResult
    from tuneloop.scores.standard import Standard
    from tuneloop.store import Workspace

ACTIONS = ("standard", "list", "set", "sample", "read", "judge", "result")
HOLDS = Words("{name} holds in the scenario {scenario}: {title}", "场景 {scenario} 采用 {name}：{title}")
UNSET = Words(
    "No standard is set in the scenario {scenario}; the ready-made one for its records is taken. Set one with: "
    "tuneloop quality set service_dialogue",
    "场景 {scenario} 尚未设定质量标准，将按记录类型采用现成标准。设定：tuneloop quality set service_dialogue",
)
HEAD = (
    Words("dimension", "维度"), Words("least", "下限"), Words("scored by", "评分方式"),
    Words("what is looked at", "看什么"),
)  # fmt: skip
READY = (Words("name", "名称"), Words("for", "用途"), Words("dimensions", "维度"))
PERSON, RULE = Words("people", "人工"), Words("rule {name}", "规则 {name}")
DRAWN = Words(
    "{name}: {items} of {records} records of {data}, in {strata} strata by {by}, judged by {standard}",
    "{name}：从 {data} 的 {records} 条记录中抽取 {items} 条，按{by}分为 {strata} 层，标准为 {standard}",
)
WRITTEN = Words(
    "Fill in the columns of the dimensions in {place}, then: tuneloop quality read {place}",
    "请在 {place} 中填写各维度的列，然后运行：tuneloop quality read {place}",
)
READ = Words("{count} verdicts of {person} noted for {review}", "已记录 {person} 对 {review} 的 {count} 个评审结论")
BYS = {
    "tag": Words("tag", "标签"),
    "source": Words("source", "来源"),
    "language": Words("language", "语言"),
    "kind": Words("kind", "类型"),
}
SEEN = Words(
    "{reviewed} of {sampled} records reviewed by {people}", "已评审 {reviewed} / {sampled} 条，评审人：{people}"
)
ALL = Words(
    "pass in every dimension: {mean:.1%} ({low:.1%} to {high:.1%})",
    "各维度均通过：{mean:.1%}（{low:.1%} 至 {high:.1%}）",
)
MORE = Words(
    "{more} more records for an interval of ±{half:g} points", "再评审 {more} 条，区间可缩小到 ±{half:g} 个百分点"
)
AGREE = Words("two people agree on {share:.0%} of {pairs}", "两人评审一致率 {share:.0%}（{pairs} 对）")
JUDGE = Words("models say {mean:.2f}; people agree with them on {share}", "模型评为 {mean:.2f}，与人工一致率 {share}")


def quality(
    action: Annotated[
        str, typer.Argument(metavar=f"[{'|'.join(ACTIONS)}]", help="What to do.", show_default=False)
    ] = "standard",
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A standard, version, file or review.", show_default=False),
    ] = None,
    scenario: Annotated[str, typer.Option(help="The use that the standard is for.")] = "main",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The sample (.csv, .jsonl) or standard.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="sample: how many records.")] = 200,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="STRATA", help="sample: tag, source, language or kind; repeat.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="sample: of the draw.")] = 0,
    half: Annotated[float, typer.Option(help="result: half the interval's width wanted.")] = 0.05,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="judge: the model that judges.", show_default=False)
    ] = None,
    person: PersonOption = None,
    note: NoteOption = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what good data is, and have a sample judged.

    A standard names dimensions with the least share that must pass. People judge a sample drawn by tag or source; rules
    look at every record. The result is accepted or rejected by its whole interval, not by the rate alone.

    \b
    Examples:
      tuneloop quality list
      tuneloop quality set service_dialogue
      tuneloop quality set our-standard.yaml --scenario returns
      tuneloop quality sample data-2 --count 200 --to review.csv
      tuneloop quality read review.csv --person Mei
      tuneloop quality result review-1
    """
    from tuneloop.app.cli.screen import Screen

    screen, who = Screen(as_json), person or getpass.getuser()
    with workspace_at(workspace, create=action in ("set", "list")) as ws:
        if action == "standard":
            _standard(ws, screen, scenario, name, to)
        elif action == "list":
            _list(ws, screen)
        elif action == "set":
            _set(ws, screen, _needed(name, "a ready-made standard or a YAML file"), scenario, who, note)
        elif action == "sample":
            _sample(ws, screen, name or "newest", count, seed, by or [], to, who)
        elif action == "read":
            _read(ws, screen, Path(_needed(name, "a filled-in file, as review.csv")), who)
        elif action == "judge":
            _judge(ws, screen, name or "newest", model)
        elif action == "result":
            _result(ws, screen, name or "newest", half)
        else:
            raise UsageError(f"found {action!r}", expected=" or ".join(ACTIONS), do="See: tuneloop quality --help")


def _needed(name: str | None, what: str) -> str:
    if name is None:
        raise UsageError("no name", expected=what, do="See: tuneloop quality --help")
    return name


def _standard(ws: Workspace, screen: Screen, scenario: str, name: str | None, to: Path | None) -> None:
    """What holds, or a ready-made or kept one by its name; `to` writes it as a file to change."""
    from tuneloop.scores.standard import read_standard
    from tuneloop.scores.standing import held_standard, read_kept
    from tuneloop.store.standards import standard_named

    if name is None:
        kept = held_standard(ws, scenario)
    else:
        kept = standard_named(ws, name) if name.startswith("standard-") else None
    if kept is not None:
        found = read_kept(kept)
        screen.say(HOLDS.format(name=kept.name, scenario=kept.scenario, title=found.title.words))
    elif name is None:
        screen.say(UNSET.format(scenario=scenario))
        screen.result(None)
        return
    else:
        found = read_standard(name)
    _show(screen, found)
    if to is not None:
        to.write_text(found.as_yaml(), encoding="utf-8")
    screen.result(kept or found)


def _show(screen: Screen, found: Standard) -> None:
    rows: list[list[object]] = [
        [
            f"{one.title.words} ({name})",
            f"{one.least:.0%}" if one.scale == "pass" else f"{one.least:g} / 5",
            RULE.format(name=one.rule) if one.rule else PERSON,
            one.help.words,
        ]
        for name, one in found.dimensions.items()
    ]
    screen.table(rows, list(HEAD))


def _list(ws: Workspace, screen: Screen) -> None:
    from tuneloop.scores.standard import shipped
    from tuneloop.store.standards import standards

    rows: list[list[object]] = [
        [name, one.help.words if one.help else one.title.words, ", ".join(one.dimensions)]
        for name, one in shipped().items()
    ]
    screen.table(rows, list(READY))
    kept = standards(ws)
    for one in kept:
        screen.say(f"{one.name}  {one.scenario}  {one.created}  {one.person}  {one.note}")
    screen.result({"ready": dict(shipped()), "kept": kept})


def _set(ws: Workspace, screen: Screen, name: str, scenario: str, person: str, note: str) -> None:
    from tuneloop.scores.standing import read_kept, set_standard

    kept = set_standard(ws, name, scenario=scenario, person=person, note=note)
    found = read_kept(kept)
    screen.say(HOLDS.format(name=kept.name, scenario=scenario, title=found.title.words))
    _show(screen, found)
    screen.result(kept)


def _sample(
    ws: Workspace, screen: Screen, name: str, count: int, seed: int, by: list[str], to: Path | None, person: str
) -> None:
    from tuneloop.prepare.review_file import check_ending, write_review
    from tuneloop.prepare.review_sample import chosen_strata, draw_review
    from tuneloop.store import datasets
    from tuneloop.store.reviews import items_of

    if to is not None:
        check_ending(to)
    version = datasets.version(ws, name)
    with screen.progress() as watch:
        made = draw_review(ws, version, count=count, seed=seed, by=chosen_strata(by), person=person, progress=watch)
    place = write_review(ws, made, to or Path(f"{made.name}.csv"))
    named = [BYS[one] for one in made.asked["by"]]
    screen.say(
        DRAWN.format(
            name=made.name,
            items=f"{len(items_of(ws, made.name)):,}",
            records=f"{version.records:,}",
            data=version.name,
            strata=len(made.strata),
            by=Words(", ".join(one.en for one in named), "、".join(one.zh for one in named)),
            standard=made.standard,
        )
    )
    screen.say(WRITTEN.format(place=place))
    screen.result({"review": made, "file": place})


def _read(ws: Workspace, screen: Screen, file: Path, person: str) -> None:
    from tuneloop.prepare.review_file import read_review
    from tuneloop.prepare.review_result import result

    review, count = read_review(ws, file, person=person)
    screen.say(READ.format(count=count, person=person, review=review.name))
    found = result(ws, review)
    _show_result(screen, found)
    screen.result(found)


def _judge(ws: Workspace, screen: Screen, name: str, model: str | None) -> None:
    from tuneloop.prepare.review_judging import judge_review
    from tuneloop.prepare.review_result import result
    from tuneloop.runs import queue
    from tuneloop.store.reviews import review

    if model is None:
        raise UsageError("no model", expected="--model with the model that judges")
    one = review(ws, name)
    judge = {"name": "local", "model": model}
    with screen.progress() as watch, queue.here(ws, "judge", {"review": one.name, "judge": judge}) as lease:
        count = judge_review(ws, one, judge, lease=lease, progress=watch)
        lease.finish({"review": one.name, "verdicts": count})
    screen.say(READ.format(count=count, person=model, review=one.name))
    found = result(ws, one)
    _show_result(screen, found)
    screen.result(found)


def _result(ws: Workspace, screen: Screen, name: str, half: float) -> None:
    from tuneloop.prepare.review_result import result
    from tuneloop.store.reviews import review

    found = result(ws, review(ws, name), half=half)
    _show_result(screen, found)
    screen.result(found)


def _show_result(screen: Screen, found: ReviewResult) -> None:
    people = ", ".join(found.people) or "-"
    screen.say(SEEN.format(reviewed=found.reviewed, sampled=found.sampled, people=people))
    for one in found.dimensions:
        screen.say(f"{one.title}: {one.sentence}")
        if one.rule is None and one.rate is not None and one.more:
            screen.say(f"  {MORE.format(more=one.more, half=100 * one.half)}")
        if one.agreement is not None:
            screen.say(f"  {AGREE.format(share=one.agreement, pairs=one.pairs)}")
        if one.judge is not None:
            share = "-" if one.judge_agreement is None else f"{one.judge_agreement:.0%}"
            screen.say(f"  {JUDGE.format(mean=one.judge.mean, share=share)}")
        for by, several in one.groups.items():
            if one.rule is None:
                parts = (f"{value} {rate.mean:.2f} ({rate.low:.2f}-{rate.high:.2f})" for value, rate in several.items())
                screen.say(f"  {BYS[by]}: {'  '.join(parts)}")
    if found.all is not None:
        screen.say(ALL.format(mean=found.all.mean, low=found.all.low, high=found.all.high))
