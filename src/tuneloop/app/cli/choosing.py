"""A choice and the catalogue as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import NotFoundError
from tuneloop.records import Advice, Candidate, Choice
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.models.catalogue import Listed

ON = Words("For {data}, goal {goal}, on: {machine}", "数据 {data}，用途 {goal}，机器：{machine}")
NO_DATA = Words("no data", "无数据")
CHANGE = Words("What to change for a larger base:", "若要使用更大的基座：")
LEFT_OUT = Words("Not considered: {reasons}", "未考虑：{reasons}")
NONE = Words("No base comes into question.", "没有可选的基座。")
HEAD = [
    Words("base", "基座"), Words("size", "规模"), Words("kind", "类型"), Words("tuner", "微调方法"),
    Words("memory", "内存"), Words("hours a pass", "每遍小时"), Words("bits per byte", "每字节比特"),
    Words("licence", "许可证"),
]  # fmt: skip
TOPICS = {
    "data": Words("data", "数据"),
    "base": Words("base", "基座"),
    "kind": Words("kind", "类型"),
    "objective": Words("objective", "训练目标"),
    "plan": Words("plan", "计划"),
    "tuner": Words("tuner", "微调方法"),
    "longest": Words("longest record", "最长样本"),
    "memory": Words("memory", "内存"),
    "rules of thumb": Words("rules of thumb", "经验公式"),
    "next": Words("then", "下一步"),
}
"""What an advice is about, where its topic is not the name of a setting."""
NOTE = Words("  {names}: {reason}", "  {names}：{reason}")
PLAIN = Words("{topic}: {text}", "{topic}：{text}")
VALUED = Words("{topic}: {value}  ({text})", "{topic}：{value}（{text}）")
AND = Words("; ", "；")
NOT_MEASURED = Words("not measured", "未测")
TOO_MUCH = Words("{size}, does not fit", "{size}，放不下")
WRITTEN = Words("A recipe to start from: {place}", "起步配方：{place}")
NEXT = Words("Next: tuneloop train --base {base}", "下一步：tuneloop train --base {base}")
COUNT = Words("Models: {count}", "模型数：{count}")


def show_choice(screen: Screen, choice: Choice) -> None:
    """The ranking, the advice with its reasons, and what to change."""
    from tuneloop.choose.machine import Machine

    machine = Machine(**{key: choice.machine[key] for key in ("memory", "gpu", "gpus", "cores", "here")})
    screen.say(ON.format(data=choice.data or NO_DATA, goal=choice.goal, machine=machine.words))
    if choice.candidates:
        screen.table([_row(one) for one in choice.candidates], list(HEAD))
        for reason, names in _notes(choice).items():
            screen.say(NOTE.format(reason=reason, names=", ".join(names)))
    else:
        screen.say(NONE)
    for one in choice.advice:
        topic, value = TOPICS.get(one.topic, one.topic), None if one.value is None else _value(one)
        screen.say((PLAIN if value is None else VALUED).format(topic=topic, value=value, text=one.text))
    if choice.changes:
        screen.say(CHANGE)
        for change in choice.changes:
            screen.say(f"  - {change}")
    if choice.left_out:
        screen.say(LEFT_OUT.format(reasons=str(AND).join(f"{count} × {reason}" for reason, count in choice.left_out)))
    if choice.best is not None and choice.best.reference is not None:
        screen.say(NEXT.format(base=choice.best.reference))


def write_recipe(screen: Screen, choice: Choice, place: Path) -> None:
    """The starting recipe as a file; refused where nothing was chosen."""
    from tuneloop.choose.starting import as_yaml
    from tuneloop.store.durable import storage_errors

    if not choice.recipe:
        raise NotFoundError("nothing fits, so there is no recipe to write", do="See what to change above")
    with storage_errors(place), place.open("x", encoding="utf-8") as file:
        file.write(as_yaml(choice))
    screen.say(WRITTEN.format(place=place))


def show_catalogue(screen: Screen, models: Sequence[Listed]) -> None:
    """The models with what one would choose them by; with `--json` every figure and its source."""
    rows: list[list[object]] = [
        [
            model.name,
            _size(model.get("parameters")),
            _kind(model),
            f"{model.get('context'):,}" if model.get("context") else "",
            _languages(model),
            model.get("licence") or "?",
            ", ".join((model.get("commercial") or "?", model.get("access") or "?")),
        ]
        for model in models
    ]
    head = [
        Words("model", "模型"), Words("size", "规模"), Words("kind", "类型"), Words("context", "上下文"),
        Words("languages", "语言"), Words("licence", "许可证"), Words("commercial use, access", "商用、获取"),
    ]  # fmt: skip
    screen.table(rows, list(head))
    screen.say(COUNT.format(count=len(models)))
    screen.result([_document(model) for model in models])


def _notes(choice: Choice) -> dict[Words, list[str]]:
    """What is to know of the candidates, with the names of those that each sentence is about."""
    notes: dict[Words, list[str]] = {}
    for one in choice.candidates:
        for reason in one.reasons:
            notes.setdefault(reason, []).append(one.name)
    return notes


def _row(one: Candidate) -> list[object]:
    from tuneloop.models import room

    memory: object = room.size(one.bytes) if one.memory else "?"
    if one.memory and not one.fits:
        memory = TOO_MUCH.format(size=memory)
    bits: object = NOT_MEASURED
    if one.bits_per_byte is not None:
        value, low, high = one.bits_per_byte
        bits = f"{value:.2f} ({low:.2f}–{high:.2f})"
    return [
        one.name,
        _size(one.parameters),
        one.kind or "?",
        " ".join([one.tuner or "", *(f"{key}={value}" for key, value in one.settings.items())]),
        memory,
        "" if one.hours is None else f"{one.hours:.1f}" if one.hours >= 0.1 else "<0.1",
        bits,
        one.licence or "?",
    ]


def _size(parameters: int | None) -> str:
    if parameters is None:
        return "?"
    return f"{parameters / 1e9:.3g}B" if parameters >= 0.9995e9 else f"{parameters / 1e6:.3g}M"


def _value(one: Advice) -> str:
    from tuneloop.models import room

    if one.topic == "memory":
        return room.size(one.value)
    return " → ".join(one.value) if isinstance(one.value, list) else str(one.value)


def _kind(model: Listed) -> str:
    architecture = model.get("architecture")
    kind = model.get("kind") or "?"
    return kind if architecture in (None, "decoder-only") else f"{kind}, {architecture}"


def _languages(model: Listed) -> str:
    named, count = model.get("languages") or (), model.get("language_count") or 0
    more = count - len(named)
    return " ".join([*named, *([f"+{more}" if named else str(more)] if more > 0 else [])])


def _document(model: Listed) -> dict[str, Any]:
    figures = {}
    for figure in model.stated():
        value, source = model.get(figure), model.source(figure)
        plain = value.words if hasattr(value, "words") else value
        about = {"source": source.at, "checked": source.checked.isoformat()} if source else {}
        figures[figure] = {"value": plain, **about}
    return {"name": model.name, "family": model.family, "title": model.title, "domain": model.get("domain"), **figures}
