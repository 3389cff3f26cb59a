"""Does a dataset version help?  Both sides are trained for the same few steps and measured on the same held-out rows.

    against the base    the base untuned; and a control: the same rows with their answers exchanged among the questions.
                        What the control reaches is tone and form; only what lies beyond it is in the answers.
    against a version   the same run on that version
    without a part      the same run on the version without a tag or a source

The loss of the reference answers is compared record by record (`scores/paired.py`).  It says what the model would
foresee, not how its own answers would be liked, and a few steps on a small model say little about many on a large one:
a set that helps here is worth a real run, one that does not is worth a look first.

Trained is on dialogues and texts; preferences, ratings and classes have no reference answer whose loss could be told.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuneloop.config import read
from tuneloop.errors import InputError, StoppedError
from tuneloop.prepare.review_sample import groups_of
from tuneloop.records import DatasetVersion, Progress, Record, Watcher, together, unwatched
from tuneloop.runs import queue
from tuneloop.scores import held_out
from tuneloop.scores.held_out import HeldOut
from tuneloop.scores.paired import Change, change
from tuneloop.store import Workspace
from tuneloop.train.recipe import TrainRecipe
from tuneloop.trial import outcome
from tuneloop.trial.outcome import TrialResult, as_data
from tuneloop.trial.settings import TrialSettings
from tuneloop.trial.sides import Rows, Sides, check
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.runs import Lease

LOOK_SECONDS = 0.5
MOST_GROUPS = 30
"""Tags or sources of which figures are told, the most frequent first."""
TUNED, OTHER, CONTROL = (
    Words("training on the data", "正在用该数据训练"),
    Words("training the other side", "正在训练比较对象"),
    Words("training on exchanged answers", "正在用打乱的回答训练"),
)
MEASURING = Words("measuring", "正在测量")


def trial(
    version: DatasetVersion,
    settings: TrialSettings | None = None,
    *,
    workspace: Workspace,
    lease: Lease | None = None,
    progress: Watcher = unwatched,
) -> TrialResult:
    """Try a version out; without a `lease` as a run of this process.

    Raises `UsageError` for what cannot be tried (`check`), and `StoppedError` when a person stopped it.
    """
    settings = settings or TrialSettings()
    found = check(workspace, version, settings)
    if lease is not None:
        return _Trial(workspace, version, settings, found, lease, progress).run()
    spec = {"data": version.name, "trial": settings.model_dump(mode="json", exclude_unset=True)}
    with queue.here(workspace, "trial", spec, scenario=version.scenario) as own:
        result = _Trial(workspace, version, settings, found, own, progress).run()
        own.finish(as_data(result))
    return result


class _Trial:
    def __init__(
        self,
        ws: Workspace,
        version: DatasetVersion,
        settings: TrialSettings,
        sides: Sides,
        lease: Lease,
        progress: Watcher,
    ) -> None:
        self.ws, self.version, self.settings, self.sides = ws, version, settings, sides
        self.lease, self.progress = lease, together(progress, lease.watch)
        self.recipe = read(TrainRecipe, {"tuner": "lora", **settings.train, "base": settings.base}, path="train")
        self.rows: dict[str, int] = {}
        self.aside = 0
        self._looked = 0.0
        self._done = 0

    def run(self) -> TrialResult:
        from tuneloop.models.versions import load_named

        began = time.monotonic()
        rows = Rows(self.ws, self.version, self.settings, self.sides)
        ours, theirs, control = rows.arms()
        tests, leaked = rows.tests()
        self.rows = {"data": len(ours), **({"other": len(theirs)} if theirs is not None else {})}
        self._total = (1 + (theirs is not None) + (control is not None)) * self.settings.seeds * self.settings.steps
        lm = load_named(self.ws, self.settings.base)
        before = [self._measured(lm, tests)]
        tuned = self._trained(lm, ours, tests, TUNED)
        baseline = before if theirs is None else self._trained(lm, theirs, tests, OTHER)
        exchanged = None if control is None else self._trained(lm, control, tests, CONTROL)
        if not before[0].records:
            raise InputError(
                f"the base {self.settings.base!r} can read none of the {len(tests)} held-out records",
                expected="records that its template and length allow",
            )
        self.progress(Progress("trial", self._total, self._total, "steps"))
        measured = [tests[place] for place in before[0].places]
        return self._told(measured, baseline, tuned, exchanged, leaked, time.monotonic() - began)

    def _trained(
        self, lm: LanguageModel, records: Sequence[Record], tests: Sequence[Record], note: Words
    ) -> list[HeldOut]:
        from tuneloop.train.trying import tried

        found: list[HeldOut] = []
        for number in range(self.settings.seeds):
            begun = self._done
            seed = self.settings.seed + number

            def told(step: int, begun: int = begun) -> None:
                self._done = begun + step
                self._look(note)

            with tried(self.ws, lm, records, self.recipe, steps=self.settings.steps, seed=seed, told=told) as counts:
                if note is TUNED and not number:
                    self.aside = sum(counts.aside.values())
                found.append(self._measured(lm, tests))
        return found

    def _measured(self, lm: LanguageModel, tests: Sequence[Record]) -> HeldOut:
        return held_out.measure(lm, tests, lambda done: self._look(MEASURING))

    def _look(self, note: Words) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if how := self.lease.should_stop():
            raise StoppedError(f"the trial was stopped ({how})", do="Nothing was kept; start it again")
        self.progress(Progress("trial", self._done, self._total, "steps", note=note))

    def _told(
        self,
        tests: Sequence[Record],
        baseline: Sequence[HeldOut],
        tuned: Sequence[HeldOut],
        exchanged: Sequence[HeldOut] | None,
        leaked: int,
        seconds: float,
    ) -> TrialResult:
        settings, sides = self.settings, self.sides
        octets = [count for _, count in tuned[0].each]
        everywhere = range(len(tests))
        whole = _change(baseline, tuned, octets, everywhere)
        control = None if exchanged is None else _change(exchanged, tuned, octets, everywhere)
        found = outcome.verdict(whole, control)
        advice = outcome.what_next(found, whole, control, self.version.name, settings.steps, settings.seeds)
        if leaked:
            advice.append(outcome.LEAKED.format(count=leaked))
        unread = tuned[0].aside
        if unread or self.aside:
            advice.append(outcome.ASIDE.format(trained=self.aside, tested=unread))
        if len(self.version.kinds) > 1:
            advice.append(outcome.ONE_KIND.format(kind=sides.kind))
        other = outcome.BASE
        if settings.without is not None:
            other = outcome.WITHOUT.format(part=settings.without)
        elif sides.other is not None:
            other = outcome.VERSION.format(name=sides.other.name)
        return TrialResult(
            data=self.version.name,
            against=settings.against if sides.other is None else sides.other.name,
            without=settings.without,
            test=f"{sides.test.name} ({sides.split})",
            base=settings.base,
            objective="sft" if sides.kind == "chat" else "cpt",
            verdict=found,
            sentence=outcome.sentence(found, whole, other),
            change=whole,
            control=control,
            groups=self._groups(tests, baseline, tuned, octets),
            advice=tuple(advice),
            steps=settings.steps,
            seeds=settings.seeds,
            rows=dict(self.rows),
            seconds=round(seconds, 1),
            settings=settings.model_dump(mode="json", exclude_defaults=True),
        )

    def _groups(
        self, tests: Sequence[Record], baseline: Sequence[HeldOut], tuned: Sequence[HeldOut], octets: Sequence[int]
    ) -> dict[str, dict[str, Change]]:
        """The change of each tag, source and language among the tests, where there are several."""
        about = groups_of(self.ws, self.sides.test)
        places: dict[str, dict[str, list[int]]] = {}
        for place, record in enumerate(tests):
            for by, values in about[record.id].items():
                for value in values:
                    places.setdefault(by, {}).setdefault(value, []).append(place)
        found: dict[str, dict[str, Change]] = {}
        for by, several in places.items():
            if by != "kind" and (len(several) > 1 or by == "tag"):
                most = sorted(several, key=lambda value: (-len(several[value]), value))[:MOST_GROUPS]
                found[by] = {value: _change(baseline, tuned, octets, several[value], of=len(most)) for value in most}
        return found


def _change(
    before: Sequence[HeldOut], after: Sequence[HeldOut], octets: Sequence[int], places: Sequence[int], of: int = 1
) -> Change:
    return change(
        [_nats(one, places) for one in before],
        [_nats(one, places) for one in after],
        [octets[place] for place in places],
        of=of,
    )


def _nats(found: HeldOut, places: Sequence[int]) -> list[float]:
    return [found.each[place][0] for place in places]
