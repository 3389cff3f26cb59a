"""What could be better in a file of questions and answers: the remediations of OpenAI's old `prepare_data`, as hints.

    empty, duplicates     rows that preparing leaves out or counts once, by their lines
    upper_case            more than a third of the letters are capitals
    prompt_prefix, …      what all prompts or all answers begin or end with, which teaches nothing
    separator, ending, leading_blank
                          what plain bases need, where prompts and completions were written for one
    split                 how that tool would have divided the rows: train = max(n - 1000, 0.8 n)

Only read: nothing in the file is changed.  Duplicates are looked for among the first `REMEMBERED` rows, by 64-bit
hashes.  Rows too long for a model are told as the warning `too_long` (checking.py), which knows tokens.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuneloop.prepare.checking_rows import Checked
from tuneloop.records import Record
from tuneloop.wording import Words

REMEMBERED, LISTED = 1_000_000, 20
LONG_PREFIX = 12
"""Characters that prompts may share at their beginning; of answers `SHORT`: the old tool's figures."""
SHORT = 5
USUAL = ".?!。？！ "
"""What questions and answers may well all end with."""
FEW = 2
"""Rows below which all may well begin and end alike."""
EMPTY = frozenset({"missing_content", "example_missing_assistant_message"})

HINTS = {
    "empty": Words(
        "{count} rows have an empty answer (lines {lines}). With tuneloop.on_bad_rows = set_aside they are left out.",
        "{count} 行的回答为空（第 {lines} 行）。设置 tuneloop.on_bad_rows = set_aside 后会跳过这些行。",
    ),
    "duplicates": Words(
        "{count} rows repeat an earlier one (lines {lines}). Preparing counts them once.",
        "{count} 行与前面的行重复（第 {lines} 行）。数据准备时只计一次。",
    ),
    "upper_case": Words(
        "More than a third of the letters in the {side} are capitals, which models read and write worse than usual"
        " writing. Write them in lower case.",
        "{side}中超过三分之一的字母为大写，模型处理全大写文本的效果较差。建议改为小写。",
    ),
    "prompt_prefix": Words(
        "All prompts begin with {text!r}. An instruction that never changes teaches nothing: leave it out, or make it"
        " the system message and send it in use, too.",
        "所有提示都以 {text!r} 开头。固定不变的指令没有训练作用：请删除，或改为 system 消息并在使用时同样带上。",
    ),
    "prompt_suffix": Words(
        "All prompts end with {text!r}. The chat template marks the end of a question by itself; keep it only if the"
        " model is asked with it, too.",
        "所有提示都以 {text!r} 结尾。对话模板会自动标记提问的结束；只有使用时也带上它才需要保留。",
    ),
    "completion_prefix": Words(
        "All answers begin with {text!r}. Leave it out: the model would only learn to write it first.",
        "所有回答都以 {text!r} 开头。请删除：模型只会学到先写这一段。",
    ),
    "completion_suffix": Words(
        "All answers end with {text!r}. The end of an answer is marked by itself; as a stop text it is not needed.",
        "所有回答都以 {text!r} 结尾。回答的结束会自动标记，不需要用它作为停止符。",
    ),
    "separator": Words(
        "Prompts have no common separator at their end. Bases with a chat template need none; to ask without a"
        " template, end every prompt with the same mark, such as {text!r}.",
        "提示末尾没有统一的分隔符。带对话模板的基座不需要；如果不用模板直接补全，"
        "请让每个提示以相同标记结尾，如 {text!r}。",
    ),
    "ending": Words(
        "Completions have no common ending. The end token is put behind each by itself, so none is needed; to use one"
        " as a stop text, end every completion with it.",
        "补全末尾没有统一的结束标记。训练时会自动加上结束词元，因此不是必需；如果要用作停止符，请统一加上。",
    ),
    "leading_blank": Words(
        "{count} completions do not begin with a blank. Behind a chat template none is needed; to ask without a"
        " template, begin every completion with one.",
        "{count} 条补全没有以空格开头。使用对话模板时不需要；如果不用模板直接补全，请统一以空格开头。",
    ),
    "split": Words(
        "The old tool would have trained on {train} rows and validated on {validation}; a job keeps a tenth by itself,"
        " or what tuneloop.validation_split says.",
        "旧工具会用 {train} 行训练、{validation} 行验证；任务默认自动留出十分之一，"
        "也可用 tuneloop.validation_split 指定。",
    ),
}
SIDES = {"prompts": Words("prompts", "提示"), "answers": Words("answers", "回答")}
SEPARATOR = "\n\n###\n\n"


@dataclass
class Side:
    """The texts of one side, seen one after another: what all share, and how many letters are capitals."""

    prefix: str | None = None
    suffix: str = ""
    upper: int = 0
    lower: int = 0
    blank: int = 0
    """Texts that begin with white space."""
    same: bool = True

    def add(self, text: str) -> None:
        if self.prefix is None:
            self.prefix = self.suffix = text
        else:
            self.same = self.same and text == self.prefix == self.suffix
            self.prefix = os.path.commonprefix([self.prefix, text])  # noqa: RUF071  (characters are meant)
            self.suffix = os.path.commonprefix([self.suffix[::-1], text[: -len(self.suffix) - 1 : -1]])[::-1]  # noqa: RUF071
        self.blank += text[:1].isspace()
        upper = sum(map(str.isupper, text))
        self.upper += upper
        self.lower += sum(map(str.islower, text))

    @property
    def shouted(self) -> bool:
        return self.upper * 2 > self.lower


@dataclass
class Hints:
    """`rows` counts questions with one answer each."""

    rows: int = 0
    prompts: Side = field(default_factory=Side)
    answers: Side = field(default_factory=Side)
    empty: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"empty": 0, "duplicates": 0})
    _seen: set[int] = field(default_factory=set)

    def add(self, one: Checked) -> None:
        fault = one.faults["supervised"]
        if fault is not None and fault.code in EMPTY:
            self._note("empty", self.empty, one.line)
        if one.record is None:
            return
        self._look_again(one.record, one.line)
        pair = _pair(one)
        if pair is not None:
            self.rows += 1
            self.prompts.add(pair[0])
            self.answers.add(pair[1])

    def _look_again(self, record: Record, line: int) -> None:
        mark = int(record.id.rpartition(":")[2][:16], 16)
        if mark in self._seen:
            self._note("duplicates", self.doubled, line)
        elif len(self._seen) < REMEMBERED:
            self._seen.add(mark)

    def _note(self, code: str, lines: list[int], line: int) -> None:
        self.counts[code] += 1
        if len(lines) < LISTED:
            lines.append(line)

    def told(self, *, completion: bool, usable: int) -> list[dict[str, Any]]:
        """As plain data, the sentence in both languages; `completion`: the file is of prompts and completions."""
        return [
            {"code": code, **values, "text": HINTS[code].format(**_shown(values))._asdict()}
            for code, values in self._found(completion, usable)
        ]

    def _found(self, completion: bool, usable: int) -> Iterator[tuple[str, dict[str, Any]]]:
        for code, lines in (("empty", self.empty), ("duplicates", self.doubled)):
            if self.counts[code]:
                yield code, {"count": self.counts[code], "lines": lines}
        if self.rows >= FEW:
            yield from self._alike(completion)
        if usable:
            train = max(usable - 1000, int(0.8 * usable))
            yield "split", {"train": train, "validation": usable - train}

    def _alike(self, completion: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, side in (("prompts", self.prompts), ("answers", self.answers)):
            if side.shouted:
                yield "upper_case", {"side": name}
        prompts, answers = self.prompts, self.answers
        if not prompts.same and len(prompts.prefix or "") > LONG_PREFIX:
            yield "prompt_prefix", {"text": prompts.prefix}
        if not prompts.same and prompts.suffix.strip(USUAL):
            yield "prompt_suffix", {"text": prompts.suffix}
        elif completion and not prompts.same:
            yield "separator", {"text": SEPARATOR}
        if not answers.same and len((answers.prefix or "").strip()) > SHORT:
            yield "completion_prefix", {"text": answers.prefix}
        if not answers.same and answers.suffix.strip(USUAL):
            yield "completion_suffix", {"text": answers.suffix}
        elif completion and not answers.suffix:
            yield "ending", {}
        if completion and answers.blank < self.rows:
            yield "leading_blank", {"count": self.rows - answers.blank}


def _pair(one: Checked) -> tuple[str, str] | None:
    """A row's question and answer as they were written; None for a longer conversation, and for two answers."""
    prompt, completion = one.row.get("prompt"), one.row.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return prompt, completion
    record = one.record
    if record is None or record.kind != "chat":
        return None
    turns = [turn for turn in record.messages if turn.role not in ("system", "developer")]
    if [turn.role for turn in turns] != ["user", "assistant"]:
        return None
    return turns[0].text, turns[1].text


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(values)
    if "lines" in shown:
        more = ", …" if shown["count"] > len(shown["lines"]) else ""
        shown["lines"] = ", ".join(map(str, shown["lines"])) + more
    if "side" in shown:
        shown["side"] = SIDES[shown["side"]]
    if "text" in shown:
        shown["text"] = shown["text"] if len(shown["text"]) <= 80 else shown["text"][:80] + "…"
    return shown
