"""A model judges the records of a review sample, one dimension of the standard after the other.

Its verdicts stand beside those of people and decide nothing: `review_result.py` says how often people agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.errors import StoppedError, UsageError
from tuneloop.prepare.review_file import shown, text_of
from tuneloop.prepare.taught import answers, question
from tuneloop.records import Progress, Record, Turn, Watcher, together, unwatched
from tuneloop.scores.judge import Answered, judges
from tuneloop.scores.standard import Dimension
from tuneloop.scores.standing import read_kept
from tuneloop.store import Workspace, datasets
from tuneloop.store.reviews import Review, Verdict, add_verdicts, items_of
from tuneloop.store.standards import standard_named

if TYPE_CHECKING:
    from tuneloop.runs import Lease

TOLD = 8  # records that are judged between two looks at whether to stop


def judge_review(
    ws: Workspace,
    one: Review,
    judge: str | Mapping[str, Any],
    *,
    lease: Lease | None = None,
    progress: Watcher = unwatched,
) -> int:
    """Let a judge (a member of `scores/judges` that takes a rubric) give verdicts; returns how many.

    A score of 0.5 and more passes; 1 to 5 is 1 + 4 × score.  Raises what the judge raises (a model that cannot be read
    or is not there), and then notes nothing.
    """
    watch = together(progress, lease.watch) if lease else progress
    standard = read_kept(standard_named(ws, one.standard))
    items = items_of(ws, one.name)
    found = shown(ws, datasets.version(ws, one.dataset), items)
    records = {item.record: Record.from_payload(found[item.record].payload) for item in items if item.record in found}
    spec = {"name": judge} if isinstance(judge, str) else dict(judge)
    named = str(spec.get("model") or spec["name"])
    if "rubric" not in judges.load(str(spec["name"])).model_fields:
        takers = [name for name in judges if "rubric" in judges.load(name).model_fields]
        raise UsageError(f"the judge {spec['name']!r} takes no rubric", expected=f"one that does: {', '.join(takers)}")
    given: list[Verdict] = []
    total = len(records) * len(standard.judged)
    for name, dimension in standard.judged.items():
        member = judges.create({**spec, "rubric": _rubric(dimension)}, path="judge").within(ws)
        ids = list(records)
        for start in range(0, len(ids), TOLD):
            if lease is not None and (reason := lease.should_stop()):
                raise StoppedError(f"judging was stopped ({reason})", do="Nothing was kept; start it again")
            part = ids[start : start + TOLD]
            scores = member.score_all([_answered(records[record]) for record in part])
            for record, score in zip(part, scores, strict=True):
                value = float(score >= 0.5) if dimension.scale == "pass" else dimension.told(min(1.0, max(0.0, score)))
                given.append(Verdict(record, name, value, named, "judge"))
            watch(Progress("judge", len(given), total, "verdicts"))
    return add_verdicts(ws, one, given)


def _rubric(dimension: Dimension) -> str:
    title, text = dimension.title.words, dimension.help.words
    return f"{title.en} / {title.zh}: {text.en} / {text.zh}"


def _answered(record: Record) -> Answered:
    told = list(answers(record))
    if not told:
        return Answered((Turn("user", ""),), text_of(record))
    return Answered(question(record), told[-1].text)
