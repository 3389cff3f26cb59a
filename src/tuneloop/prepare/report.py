"""The report of a preparation, as plain data: counts of the conservation law, figures, examples and advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError
from tuneloop.prepare.advising import of_counts
from tuneloop.prepare.answerless import REASON
from tuneloop.prepare.commit import Ledgers, Membership, counts_of
from tuneloop.prepare.ingest import FileNote, Ingest, InputNote
from tuneloop.prepare.outcomes import Outcomes
from tuneloop.prepare.pipeline import Pipeline
from tuneloop.prepare.split import Splits
from tuneloop.prepare.terms import rank
from tuneloop.records import Advice
from tuneloop.wording import Words

LISTED_FILES = 100

_REJECTED = Words(
    "{share} % of the items could not be read ({count}); see the examples before training.",
    "有 {share}% 的条目无法读取（{count} 条）；训练前请先查看示例。",
)
_REPEATED = Words(
    "{share} % of the items repeat others ({count}) and were merged.",
    "有 {share}% 的条目与其他条目重复（{count} 条），已合并。",
)
_UNSURE = Words(
    "{file} was read as {shape} with little certainty ({confidence} %). Check an example, or set prepare.shape and "
    "prepare.mapping.",
    "{file} 按“{shape}”读取，但把握不大（{confidence}%）。请核对示例，或设置 prepare.shape 和 prepare.mapping。",
)
_UNUSED = Words(
    "{file}: the columns {columns} were not used.",
    "{file}：未使用的列：{columns}。",
)
_MIXED = Words(
    "The version holds several kinds of record ({kinds}); each objective trains on its own kind only.",
    "该版本包含多种记录（{kinds}）；每种训练目标只使用对应类型的记录。",
)
_CHANGED = Words(
    "{file} was changed while it was read; what was read may be of both states. Prepare it again when nobody writes "
    "to it.",
    "{file} 在读取过程中被修改，读到的内容可能新旧混杂。请在无人写入时重新准备。",
)
_ENCODINGS = Words(
    "{file} mixes encodings: {lines} (lines of ASCII alone are not counted). Each line was read in its own; what is in "
    "neither was rejected with its line. Look at some records, and save the file in one encoding.",
    "{file} 混用了多种编码：{lines}（不计纯 ASCII 的行）。已逐行按各自的编码读取，都不符合的行已拒收并注明行号。"
    "请抽查几条记录，并将文件统一保存为一种编码。",
)
_LINES = Words("{count} lines in {encoding}", "{encoding} {count} 行")
_ODD = Words(
    "{step} strikes {rate} % of the records {where}, several times more than elsewhere. Look at its examples: the rule "
    "may not fit them.",
    "“{step}”影响了{where} {rate}% 的记录，是其他部分的几倍。请查看示例，这条规则可能不适合它们。",
)
_WHERE = {
    "language": Words("in the language {value}", "语言为 {value} 的"),
    "source": Words("of {value}", "来自 {value} 的"),
    "tag": Words("with the tag {value}", "带有标签 {value} 的"),
}
_NO_ORDER = Words(
    "The grades {grades} have no place in an order, so they count as the worst where one of several repeats is kept. "
    "Say it with prepare.grades, the best first.",
    "等级 {grades} 没有先后顺序，在重复记录中取舍时会被当作最差。请用 prepare.grades 说明顺序，最好的在前。",
)
_NO_ORIGINALS = Words(
    "Originals of personal data were not kept, as there is no key for them.",
    "没有密钥，因此未保留个人信息的原文。",
)


def report(ingest: Ingest, pipeline: Pipeline, splits: Splits, made: Membership, ledgers: Ledgers) -> dict[str, Any]:
    """Plain data; sentences in both languages."""
    totals: Counter[str] = sum(ledgers.counts, Counter())
    counts = {name: totals.get(name, 0) for name in ("kept", "merged", "dropped", "rejected")}
    items = sum(counts.values())
    return {
        "items": items,
        "counts": counts,
        "inputs": [_input(note, count) for note, count in zip(ingest.notes, ledgers.counts, strict=True)],
        "reasons": [
            {
                "outcome": outcome,
                "step": step,
                "reason": reason,
                "count": count,
                "words": _words(pipeline, splits, reason),
            }
            for (outcome, step, reason), count in ledgers.reasons.most_common()
        ],
        "steps": [
            {
                "name": step.name,
                "title": step.title._asdict(),
                **tally.as_dict(),
                "spread": [one.as_dict() for one in spread.shares([note.name for note in ingest.notes])],
            }
            for step, tally, spread in zip(pipeline.steps, pipeline.tallies, pipeline.spreads, strict=True)
        ],
        "mended": dict(ingest.mended),
        "tags": {"rejected": dict(sorted(ingest.tagger.rejected.items()))} if ingest.tagger.rejected else {},
        "records": sum(made.splits.values()),
        "splits": counts_of(made.splits),
        "split_figures": dict(splits.figures),
        "kinds": dict(made.kinds),
        "languages": dict(made.languages.most_common()),
        "lengths": _lengths(made.lengths),
        "examples": {
            "rejected": _examples(ledgers, "rejected"),
            "dropped": _examples(ledgers, "dropped"),
            "merged": _examples(ledgers, "merged"),
            "changed": pipeline.examples,
        },
        "advice": [_advice(one) for one in [*_advise(ingest, ledgers, counts, items, made, pipeline), *splits.advice]],
    }


def _input(note: InputNote, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": note.name,
        "items": note.items,
        **{name: counts.get(name, 0) for name in ("kept", "merged", "dropped", "rejected")},
        "files": [_file(one) for one in note.notes[:LISTED_FILES]],
        "serves": [one.serves.as_dict(one.shown) for one in note.notes[:LISTED_FILES] if one.serves is not None],
        "more_files": max(0, len(note.notes) - LISTED_FILES),
        "skipped": [{"file": one.name, "why": one.why._asdict()} for one in note.skipped[:LISTED_FILES]],
        "more_skipped": max(0, len(note.skipped) - LISTED_FILES),
        "refused": [{"file": one.name, "message": one.message} for one in note.refused[:LISTED_FILES]],
    }


def _file(note: FileNote) -> dict[str, Any]:
    return {
        "name": note.shown,
        "format": note.format,
        "encoding": note.encoding,
        "shape": note.shape,
        "columns": note.columns,
        "unused": list(note.unused),
        "confidence": round(note.confidence, 2),
        "items": note.items,
        "rejected": note.rejected,
    }


def _words(pipeline: Pipeline, splits: Splits, reason: str) -> dict[str, str]:
    from tuneloop.prepare.reasons import REASONS
    from tuneloop.prepare.split import Splitter

    for known in (*(step.reasons for step in pipeline.steps), Splitter.reasons, REASONS):
        if reason in known:
            return known[reason]._asdict()
    return Words(reason, reason)._asdict()


def _lengths(lengths: Sequence[int]) -> dict[str, float]:
    """Characters of whole records: smallest, quartiles, 95 %, largest, mean and sum."""
    import numpy as np

    if not lengths:
        return {}
    values = np.array(lengths)
    marks = np.percentile(values, [0, 25, 50, 75, 95, 100])
    names = ("min", "p25", "median", "p75", "p95", "max")
    return {
        **dict(zip(names, map(float, marks), strict=True)),
        "mean": round(float(values.mean()), 1),
        "sum": int(values.sum()),
    }


def _examples(ledgers: Ledgers, outcome: str) -> list[dict[str, str]]:
    return [
        {"reason": reason, **example}
        for (one, reason), several in sorted(ledgers.examples.items())
        if one == outcome
        for example in several
    ]


def _advise(
    ingest: Ingest, ledgers: Ledgers, counts: Mapping[str, int], items: int, made: Membership, pipeline: Pipeline
) -> Iterable[Advice]:
    if made.splits.total():
        yield from of_counts(made.splits, made.languages)
    unreadable = counts["rejected"] - ledgers.reasons["rejected", "", REASON]
    if unreadable > 0.05 * items:
        yield Advice("rejected", _REJECTED.format(share=round(100 * unreadable / items), count=unreadable))
    if counts["merged"] > 0.2 * items:
        yield Advice("repeats", _REPEATED.format(share=round(100 * counts["merged"] / items), count=counts["merged"]))
    if len(made.kinds) > 1:
        yield Advice("kinds", _MIXED.format(kinds=", ".join(sorted(made.kinds))))
    for words in [said for one in ingest.notes for said in one.visit.said]:
        yield Advice("place", words)
    for note in [file for one in ingest.notes for file in one.notes][:LISTED_FILES]:
        if note.changed_meanwhile:
            yield Advice("changed", _CHANGED.format(file=note.name))
        if note.mixed:
            several = [_LINES.format(count=f"{many:,}", encoding=name.upper()) for name, many in note.mixed.items()]
            shown_lines = Words(", ".join(one.en for one in several), "，".join(one.zh for one in several))
            yield Advice("encodings", _ENCODINGS.format(file=note.shown, lines=shown_lines))
        if note.serves is not None:
            yield Advice("serves", note.serves.words(note.shown))
        if note.shape and note.confidence < 0.6:
            words = _UNSURE.format(file=note.shown, shape=note.shape, confidence=round(100 * note.confidence))
            yield Advice("shape", words, note.confidence)
        if note.unused:
            shown = ", ".join(note.unused[:12]) + (" …" if len(note.unused) > 12 else "")
            yield Advice("columns", _UNUSED.format(file=note.shown, columns=shown))
    for step, tally in zip(pipeline.steps, pipeline.tallies, strict=True):
        yield from step.advise(tally)
    for step, spread in zip(pipeline.steps, pipeline.spreads, strict=True):
        for share in spread.shares([note.name for note in ingest.notes]):
            if share.odd:
                where, rate = _WHERE[share.by].format(value=share.value), round(100 * share.rate)
                yield Advice("spread", _ODD.format(step=step.title, where=where, rate=rate), share.rate)
    grades = sorted({one.grade for one in ingest.terms if one.grade is not None})
    unplaced = [grade for grade in grades if rank(grade, ingest.recipe.grades) is None]
    if unplaced and len(grades) > 1:
        yield Advice("grades", _NO_ORDER.format(grades=", ".join(unplaced)))
    if pipeline.originals.seal and pipeline.originals.key is None:
        yield Advice("originals", _NO_ORIGINALS)


def _advice(one: Advice) -> dict[str, Any]:
    return {"topic": one.topic, "text": one.text._asdict(), "value": one.value}


def only_unanswered(outcomes: Outcomes) -> bool:
    """Is there any item, and does each end for want of an answer?"""
    import pyarrow.compute as pc

    reasons = {one for batch in outcomes.all() for one in pc.unique(batch.column("reason")).to_pylist()}
    return reasons == {REASON}


def nothing_left(outcomes: Outcomes, items: int) -> InputError:
    """The error when every item was rejected or dropped: the first sentence of each reason says why."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for batch in outcomes.all():
        for row in batch.to_pylist():
            counts[row["reason"]] += 1
            first.setdefault(row["reason"], row["message"] or f"{row['reason']} in {row['step']}")
    if items == 1:
        return InputError(next(iter(first.values())))
    told = [f"{sentence.rstrip('.')} ({counts[reason]} in all)" for reason, sentence in first.items()]
    return InputError(f"none of {items} items became a record. {'; '.join(told[:3])}")
