"""The whole of a fine-tuning file looked at when it is uploaded, so that mistakes show before a job exists.

One pass in bounded memory: each line by `checking_rows.py`, then what OpenAI's cookbook warns of (missing system and
user messages, lengths in tokens, passes over the data).  Tokens are counted on a sample of lines, with one base's
tokenizer, which the result names.  CSV, TSV, JSON and text go through the importers and are told as they are read.

A line that is no JSON object is an InputError with the sentence of OpenAI's service.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.checking_rows import FIXES, METHODS, Checked, Fault, Format, Method, check_row, check_text
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.decoding import damaged, encoding_of, open_text
from tuneloop.prepare.hints import Hints
from tuneloop.prepare.importer import Item, Rejection, Row, importers, recognize
from tuneloop.prepare.lines import lines
from tuneloop.prepare.shape import read_rows
from tuneloop.prepare.source_file import SourceFile, disk_file
from tuneloop.prepare.strict_json import decode_at
from tuneloop.records import Record
from tuneloop.wording import Words

JSONL = (".jsonl", ".ndjson", ".jsonlines")
LISTED, SAMPLE, FIRST_ROWS = 50, 2000, 200
LEAST = 10
"""Lines that a file must have, usable or not."""

TOO_FEW = "Training file has {count} example(s), but must have at least {least} examples"

Count = Callable[[Sequence[Record]], list[int]]
"""Tokens of each record, by some base's tokenizer and template."""


@dataclass(frozen=True)
class Counting:
    """How tokens are counted: `base` names it, `limit` is how many one example may have there."""

    base: str
    limit: int
    count: Count


@dataclass
class Found:
    """What one pass saw.  `faults` are the first of each method, `counts` of all of them; lines are numbered from 1."""

    format: Format = "unknown"
    examples: int = 0
    usable: dict[Method, int] = field(default_factory=lambda: dict.fromkeys(METHODS, 0))
    faults: dict[Method, list[tuple[int, Fault]]] = field(default_factory=lambda: {one: [] for one in METHODS})
    counts: dict[Method, Counter[str]] = field(default_factory=lambda: {one: Counter() for one in METHODS})
    formats: Counter[str] = field(default_factory=Counter)
    without: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)
    encoding: str = "utf-8"
    read_as: str = "jsonl"
    sample: list[Record] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)

    def add(self, one: Checked, draw: random.Random) -> None:
        self.examples += 1
        self.formats[one.format] += 1
        for method in METHODS:
            fault = one.faults[method]
            if fault is None:
                self.usable[method] += 1
                continue
            self.counts[method][fault.code] += 1
            if len(self.faults[method]) < LISTED:
                self.faults[method].append((one.line, fault))
        self.strange.update(one.strange)
        self.hints.add(one)
        if one.record is not None:
            self._look(one.record, draw)

    def _look(self, record: Record, draw: random.Random) -> None:
        roles = {turn.role for turn in record.messages}
        self.without["system"] += not roles & {"system", "developer"}
        self.without["user"] += "user" not in roles
        seen = sum(self.formats.values())
        if len(self.sample) < SAMPLE:
            self.sample.append(record)
        elif (place := draw.randrange(seen)) < SAMPLE:  # every line is as likely to stay (Vitter's algorithm R)
            self.sample[place] = record


def check_file(path: Path, name: str, counting: Counting | None = None) -> dict[str, Any]:
    """The result as plain data, for `tuneloop.validation`; `name` is what the user calls the file.

    Raises `InputError` for a JSONL file with a line that is no JSON object, and for one of no known format.
    """
    file = disk_file(path, name)
    named = SourceFile(name, path=path)
    if not file.head.strip():
        raise InputError(TOO_FEW.format(count=0, least=LEAST), where=Where(field="file"))
    found = Found()
    draw = random.Random(0)
    for one in checked_rows(named, found):
        found.add(one, draw)
    found.format = _format(found)
    return _told(found, counting)


def checked_rows(file: SourceFile, found: Found | None = None) -> Iterator[Checked]:
    """Every example of a file; those of other formats than JSONL as the messages that their rows mean."""
    found = found or Found()
    if is_jsonl(file):
        found.encoding = encoding_of(file)
        yield from (check_row(row, line) for line, row in json_rows(file, found.encoding))
        return
    yield from _imported(file, found)


def is_jsonl(file: SourceFile) -> bool:
    """By its ending, and by its content where the ending says nothing."""
    if file.suffix in JSONL:
        return True
    head = file.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return file.suffix in ("", ".txt", ".json") and head.startswith(b"{") and recognize(file).importer.name == "jsonl"


def json_rows(file: SourceFile, encoding: str | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a JSONL file; blank lines are passed over."""
    with open_text(file, encoding) as stream:
        for line in lines(stream):
            text = line.text.strip().lstrip("\ufeff")
            if text:
                yield line.number, _object(text, line.number, cut=line.cut)


def _object(text: str, number: int, *, cut: bool) -> dict[str, Any]:
    if byte := damaged(text):
        raise InputError(
            f"Line {number} holds the byte {byte}, which is not UTF-8", do="Save the file as UTF-8 and upload it again"
        )
    try:
        value, end = decode_at(text, 0)
    except json.JSONDecodeError:
        value, end = None, -1
    except InputError as error:
        raise InputError(f"Line {number} {error.message}", expected=error.expected, do=error.do) from None
    if not isinstance(value, dict) or end != len(text) or cut:
        raise NotDictionary(number, text)
    return value


class NotDictionary(InputError):
    """The sentence of OpenAI's service, letter by letter."""

    def __init__(self, line: int, text: str) -> None:
        self.line_number, self.text = line, text
        super().__init__(
            "Expected file to have JSONL format, where every line is a JSON dictionary. "
            f'Line {line} is not a dictionary (HINT: line starts with: "{text[:3]}...")'
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return NotDictionary, (self.line_number, self.text)


def _imported(file: SourceFile, found: Found) -> Iterator[Checked]:
    """Rows of a table or document by the importers and shapes that `prepare` uses."""
    known = recognize(file)
    importer = importers.create(known.importer.name)
    found.encoding, found.read_as = known.encoding or "binary", importer.name
    items = importer.items(file, known.encoding)
    first: list[Item] = []
    for item in items:
        first.append(item)
        if len(first) >= FIRST_ROWS:
            break
    rows = [item.data for item in first if isinstance(item, Row)]
    reading = read_rows(rows) if rows else None
    number = 0
    for several in (first, items):
        for item in several:
            if isinstance(item, Skipped):
                continue
            number += 1
            line = (item.line if isinstance(item, Row) else None) or number
            if isinstance(item, Rejection) or reading is None:
                text = item.message if isinstance(item, Rejection) else "No row before it shows the columns."
                yield _rejected(line, f"Invalid file format. Line {line}: {text}")
                continue
            try:
                record = reading.record(item.data)
            except InputError as error:
                yield _rejected(line, f"Invalid file format. Line {line}: {error}")
                continue
            yield _of_record(record, line)


def _rejected(line: int, message: str) -> Checked:
    return Checked(line, "unknown", {}, dict.fromkeys(METHODS, Fault("unusable", message)))


def _of_record(record: Record, line: int) -> Checked:
    """A record as the line of a fine-tuning file that says the same."""
    if record.kind == "preference":
        row: dict[str, Any] = {
            "input": {"messages": _plain(record.messages), "tools": list(record.tools)},
            "preferred_output": _plain(record.chosen),
            "non_preferred_output": _plain(record.rejected),
        }
        return check_row(row, line)
    if record.kind == "chat":
        return check_row({"messages": _plain(record.messages), "tools": list(record.tools)}, line)
    if record.kind == "label":
        asked = _plain(record.messages) if record.messages else [{"role": "user", "content": record.text or ""}]
        return check_row({"messages": [*asked, {"role": "assistant", "content": str(record.label)}]}, line)
    if record.kind == "text":
        return check_text(record, line)
    return _rejected(line, f"Invalid file format. Line {line}: a {record.kind} record; expected a question and answer.")


def _plain(turns: Sequence[Any]) -> list[dict[str, Any]]:
    return [turn.payload() for turn in turns]


def _format(found: Found) -> Format:
    """Which one the file is in: the one of most lines, chat before reinforcement where both are there."""
    if found.formats["chat"]:
        return "chat" if found.formats["chat"] >= found.formats["reinforcement"] else "reinforcement"
    known: list[Format] = ["completion", "text", "preference", "reinforcement"]
    best = max(known, key=lambda one: found.formats[one])
    return best if found.formats[best] else "unknown"


METHOD_OF: Mapping[str, Method] = {
    "chat": "supervised",
    "completion": "supervised",
    "text": "supervised",
    "preference": "dpo",
    "reinforcement": "reinforcement",
    "unknown": "supervised",
}


def _told(found: Found, counting: Counting | None) -> dict[str, Any]:
    method = METHOD_OF[found.format]
    bad = found.examples - found.usable[method]
    told: dict[str, Any] = {
        "format": found.format,
        "method": method,
        "read_as": found.read_as,
        "encoding": found.encoding,
        "examples": found.examples,
        "usable": dict(found.usable),
        "unusable": bad,
        "valid": not bad and found.examples >= LEAST,
        "errors": dict(found.counts[method]),
        "problems": {
            one: [problem(line, fault) for line, fault in found.faults[one]] for one in METHODS if found.faults[one]
        },
    }
    if counting is not None and found.sample:
        told["tokens"] = tokens(found, counting)
    told["epochs"] = epochs(found.usable[method])
    if "tokens" in told:
        told["tokens"]["billed"] = round(told["tokens"]["mean_billed"] * found.usable[method])
        told["tokens"]["trained"] = told["tokens"]["billed"] * told["epochs"]
    told["warnings"] = list(_warnings(found, told))
    told["hints"] = found.hints.told(completion=found.format == "completion", usable=found.usable[method])
    return told


def problem(line: int, fault: Fault) -> dict[str, Any]:
    """One line's fault as plain data: what is wrong, and what to do in both languages."""
    return {"line": line, "code": fault.code, "message": fault.message, "fix": FIXES[fault.code]._asdict()}


def tokens(found: Found, counting: Counting) -> dict[str, Any]:
    """The distribution of lengths over the sample; `p5` and `p95` are the 0.05 and 0.95 quantiles."""
    import numpy as np

    lengths = np.array(counting.count(found.sample), dtype=np.int64)
    quantiles = np.quantile(lengths, [0.05, 0.5, 0.95])
    return {
        "counted_with": counting.base,
        "sampled": len(lengths),
        "limit": counting.limit,
        "min": int(lengths.min()),
        "max": int(lengths.max()),
        "mean": float(lengths.mean()),
        "median": float(quantiles[1]),
        "p5": float(quantiles[0]),
        "p95": float(quantiles[2]),
        "over_limit": int((lengths > counting.limit).sum()),
        "mean_billed": float(np.minimum(lengths, counting.limit).mean()),
    }


def epochs(examples: int) -> int:
    """OpenAI's default passes: 3, so that passes times examples lie in 100 … 25,000; from 1 to 25."""
    if examples * 3 < 100:
        return min(25, max(1, 100 // max(1, examples)))
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3


WARNINGS = {
    "missing_system": Words(
        "{count} examples have no system message; if the model is used with one, train with it.",
        "{count} 条样本没有 system 消息；如果使用时会带 system 消息，训练时也应带上。",
    ),
    "missing_user": Words("{count} examples have no message of a user.", "{count} 条样本没有 user 消息。"),
    "too_long": Words(
        "{count} of {sampled} examples looked at are longer than {limit} tokens, the limit of {base}; their end is cut"
        " when they are trained on. Shorten or split them.",
        "抽查的 {sampled} 条样本中有 {count} 条超过 {limit} 个词元（{base} 的上限），训练时会截掉末尾。请缩短或拆分。",
    ),
    "message_unrecognized_key": Words(
        "{count} messages have the key {key!r}, which means nothing here and is left out.",
        "{count} 条消息带有字段 {key!r}，该字段没有意义，会被忽略。",
    ),
    "few_examples": Words(
        "{count} usable examples: 50 to 100 good ones are a better beginning.",
        "只有 {count} 条可用样本；建议先准备 50 到 100 条高质量样本。",
    ),
    "encoding": Words(
        "The file is in {encoding}; it was read, but save it as UTF-8 for other tools.",
        "文件编码为 {encoding}，已成功读取；为兼容其他工具，建议另存为 UTF-8。",
    ),
    "converted": Words(
        "The file was read as {kind}: {usable} of {examples} rows became examples.",
        "文件按 {kind} 读取：{examples} 行中有 {usable} 行转换为样本。",
    ),
}


def _warnings(found: Found, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    usable = found.usable[METHOD_OF[found.format]]

    def warn(code: str, count: int, **values: Any) -> dict[str, Any]:
        text = WARNINGS[code].format(count=count, **values)
        return {"code": code, "count": count, "text": text._asdict()}

    if found.format == "chat":
        for role in ("system", "user"):
            if found.without[role]:
                yield warn(f"missing_{role}", found.without[role])
    for key, count in sorted(found.strange.items())[:10]:
        yield warn("message_unrecognized_key", count, key=key)
    about = told.get("tokens")
    if about and about["over_limit"]:
        limits = {"sampled": about["sampled"], "limit": about["limit"], "base": about["counted_with"]}
        yield warn("too_long", about["over_limit"], **limits)
    if usable < 50:
        yield warn("few_examples", usable)
    if found.encoding not in ("utf-8", "utf-8-sig", "ascii", "binary"):
        yield warn("encoding", 1, encoding=found.encoding)
    if found.read_as != "jsonl":
        yield warn("converted", usable, kind=found.read_as, usable=usable, examples=found.examples)
