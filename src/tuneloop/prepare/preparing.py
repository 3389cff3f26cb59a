"""The verb: files → dataset version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import StoppedError, UsageError
from tuneloop.prepare import near_index
from tuneloop.prepare.answerless import NoAnswersError, no_answers
from tuneloop.prepare.commit import Ledgers, Members, Membership, counts_of, end_items
from tuneloop.prepare.extended import Extended, is_large
from tuneloop.prepare.frozen import TEST_OF, TEST_SET, Frozen, test_set_of
from tuneloop.prepare.ingest import Ingest
from tuneloop.prepare.originals import Originals
from tuneloop.prepare.outcomes import Outcomes
from tuneloop.prepare.pipeline import Pipeline
from tuneloop.prepare.place import LOCAL, name_of, shown
from tuneloop.prepare.placing import place
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.prepare.report import nothing_left, only_unanswered, report
from tuneloop.prepare.salt import key_of, salt
from tuneloop.prepare.spill import SpillFolder, spill_folder
from tuneloop.prepare.split import Splits
from tuneloop.prepare.step import StepContext
from tuneloop.prepare.successors import Successors, follow, repeats
from tuneloop.prepare.terms import SourceTerms, terms_of
from tuneloop.records import DatasetVersion, Progress, Watcher, together, unwatched
from tuneloop.registry import spec_of
from tuneloop.store import Workspace, datasets
from tuneloop.store.ledgers import LedgerWriter
from tuneloop.store.restores import restores
from tuneloop.store.sources import add_source
from tuneloop.store.workspace import FETCHED
from tuneloop.text.personal.hiding import hide

if TYPE_CHECKING:
    from tuneloop.runs import Lease


def prepare(
    inputs: Sequence[str | Path] | str | Path,
    *,
    workspace: Workspace | str | Path | None = None,
    recipe: PrepareRecipe | None = None,
    scenario: str = "main",
    lease: Lease | None = None,
    progress: Watcher = unwatched,
    dry_run: bool = False,
) -> DatasetVersion:
    """Read files, folders, archives and what addresses elsewhere hold (`place.py`), clean and split it, and keep it as
    a dataset version.

    The same input and recipe give the same version (`report["already_there"]` is then true). A dry run does all of
    it and keeps nothing. Raises `InputError` when no record is left, with the first reasons, and its kind
    `NoAnswersError` (answerless.py) where that is no mistake: all items are questions, facts or system messages without
    answers, no version is made, and the error's `serves` says what they can serve as; `NotFoundError` for a path that
    is not there; `StoppedError` when a person stopped the run.
    """
    recipe = recipe or PrepareRecipe()
    recipe.check()
    paths = _checked(inputs)
    with ExitStack() as stack:
        ws = workspace if isinstance(workspace, Workspace) else stack.enter_context(Workspace.find(workspace))
        if lease is None and not dry_run:
            lease = stack.enter_context(_own_run(ws, paths, recipe, scenario))
        folder = stack.enter_context(spill_folder(lease))
        watch = together(progress, lease.watch) if lease else progress
        job = _Job(ws, recipe, scenario, lease, watch, folder, dry_run)
        return job.run(paths)


class _Job:
    def __init__(
        self,
        ws: Workspace,
        recipe: PrepareRecipe,
        scenario: str,
        lease: Lease | None,
        progress: Watcher,
        folder: SpillFolder,
        dry_run: bool,
    ) -> None:
        self.ws, self.recipe, self.scenario, self.lease = ws, recipe, scenario, lease
        self.progress, self.folder, self.dry_run = progress, folder, dry_run
        self.run_id = lease.run if lease else None
        self.extended = _beginning(ws, recipe, scenario)
        self.splitter = recipe.made_split()
        self.terms: list[SourceTerms] = []
        self.stack = ExitStack()

    def run(self, paths: Sequence[str | Path]) -> DatasetVersion:
        recipe = self.recipe
        self.terms = terms_of([shown(path) for path in paths], recipe.source, recipe.sources, recipe.grades)
        with self.stack:
            outcomes = Outcomes(self.folder)
            pipeline = self._pipeline(outcomes)
            ingest = Ingest(
                paths,
                self.recipe,
                self.folder,
                outcomes.new_pass(),
                first_row=self.extended.count,
                watch=self._watch,
                hide=pipeline.hide,
                ws=self.ws,
                terms=self.terms,
                restored=_restored(self.ws),
                spared=pipeline.spared,
                spools=self._spools,
                look=self._look,
                starts=pipeline.starts,
            )
            self.stack.callback(ingest.leave)
            final = pipeline.run(ingest.batches())
            items = ingest.items.close()
            unanswered = not final.rows and not self.extended.count
            if unanswered and not only_unanswered(outcomes):
                raise nothing_left(outcomes, items.rows)
            self.dry_run = self.dry_run or unanswered  # there is nothing to keep
            successors = follow(outcomes.all(), pipeline.originals.replaced())
            self._tell("split", final.rows)
            tagged = ingest.tagged.close()
            splits = place(self.splitter, self.extended, final, items, tagged, outcomes, successors)
            self._tell("commit", final.rows)
            members = self._members(splits, outcomes, successors)
            made = members.write(final, self.folder, self._described())
            end_items(final, outcomes, splits, made.merged, pipeline)
            ledgers = self._ledgers(ingest, successors)
            ledgers.write(outcomes, items, tagged)
            told = report(ingest, pipeline, splits, made, ledgers) | self._test_set(made)
            version = self._finish(made, told, members, ledgers, pipeline.originals)
            if unanswered:
                raise no_answers(version)
            ingest.leave(made=True)
            self.progress(Progress("commit", final.rows, final.rows, "records"))
            return version

    def _pipeline(self, outcomes: Outcomes) -> Pipeline:
        steps = self.recipe.made_steps()
        private = any(step.private for step in steps)
        key = key_of(self.ws, create=not self.dry_run) if private else None
        context = StepContext(key or salt(self.ws, keep=not self.dry_run), self.ws)
        originals = Originals(self._writer("changes"), self.folder, private, key)
        return Pipeline(
            [step.start(context) for step in steps],
            self.folder,
            outcomes,
            originals,
            given=self.extended.given,
            hide=hide if private else str,
            look=self._clean,
        )

    def _writer(self, kind: str) -> LedgerWriter:
        return self.stack.enter_context(self.ws.ledgers.writer(kind, self.run_id))

    def _members(self, splits: Splits, outcomes: Outcomes, successors: Successors) -> Members:
        counts = repeats(outcomes.all(), successors) if self.recipe.weights == "repeats" else None
        return Members(self.extended, splits, self._writer("records"), self._writer("members"), counts)

    def _ledgers(self, ingest: Ingest, successors: Successors) -> Ledgers:
        sources, offsets = self._sources(ingest)
        pairs = zip(self.terms, ingest.notes, strict=True)
        licences = [terms.licence or note.visit.licence for terms, note in pairs]
        times = [note.visit.time_of for note in ingest.notes]
        return Ledgers(self._writer("fates"), self._writer("origins"), successors, sources, offsets, licences, times)

    def _sources(self, ingest: Ingest) -> tuple[list[str], list[int]]:
        """The id of each input's source, and where its items begin to count: the same file twice is one source."""
        taken: Counter[str] = Counter()
        names, offsets = [], []
        for number, (terms, note) in enumerate(zip(self.terms, ingest.notes, strict=True)):
            name = f"input-{number + 1}"
            if not self.dry_run:
                name = add_source(
                    self.ws,
                    note.name,
                    kind=note.visit.kind or terms.kind,
                    grade=terms.grade,
                    licence=terms.licence or note.visit.licence,
                    consent=terms.consent,
                    digest=note.visit.digest,
                    size=note.visit.size,
                    details=note.visit.details,
                    run=self.run_id,
                ).id
            names.append(name)
            offsets.append(taken[name])
            taken[name] += note.items
        return names, offsets

    def _described(self) -> dict[str, Any]:
        """The pipeline as the version's identity has it."""
        tags = self.recipe.tags.model_dump(mode="json", exclude_defaults=True)
        if of_inputs := [list(one.tags) for one in self.terms if one.tags]:
            tags["inputs"] = of_inputs
        return {
            "steps": [spec_of(step) for step in self.recipe.made_steps()],
            "split": spec_of(self.splitter),
            "weights": self.recipe.weights,
            **({"tags": tags} if tags else {}),
            **({TEST_OF: self.extended.version.id} if self._frozen and self.extended.version else {}),
        }

    @property
    def _frozen(self) -> bool:
        return isinstance(self.extended, Frozen)

    def _test_set(self, made: Membership) -> dict[str, str]:
        """What the version's test set is, and whose."""
        told = {TEST_SET: made.test_set} if made.splits["test"] else {}
        version = self.extended.version
        if version is None or not self._frozen:
            return told
        return told | {TEST_OF: str(version.report.get(TEST_OF, version.name))}

    def _finish(
        self, made: Membership, told: dict[str, Any], members: Members, ledgers: Ledgers, originals: Originals
    ) -> DatasetVersion:
        originals.flush()
        parent = self.extended.parent
        if self.dry_run:
            return DatasetVersion(
                made.id,
                "",
                self.scenario,
                "",
                None,
                counts_of(made.splits),
                made.kinds,
                self._described(),
                told,
                parent.name if parent else None,
            )
        identity = datasets.own_id(self.ws, made.id, self.scenario)
        known = next((one for one in datasets.versions(self.ws, self.scenario) if one.id == identity), None)
        fates = ledgers.fates.commit()
        again = known is not None and fates in datasets.addresses(self.ws, known.name, "fates")
        added = (
            {} if again else {"fates": fates, "origins": ledgers.origins.commit(), "changes": originals.writer.commit()}
        )
        if known is None:
            added |= {"records": members.records.commit(), "members": members.members.commit()}
        version = datasets.add_version(
            self.ws,
            id=identity,
            splits=counts_of(made.splits),
            kinds=dict(made.kinds),
            pipeline=self._described(),
            report=told,
            ledgers=self._with_old(added, known),
            scenario=self.scenario,
            run=self.run_id,
            parent=parent.name if parent else None,
            fence=self.lease.fence if self.lease else None,
        )
        if known is None:
            self._index(added["records"])
        return version if known is None else replace(version, report={**told, "already_there": True})

    def _index(self, address: str) -> None:
        """Make the index of a large ledger by which the next import finds what is near, so that it need not wait.

        The version is there already, so who stops this, or a full disk, leaves the index to the next import.
        """
        total = self.ws.ledgers.rows(address)
        if not is_large(total):
            return

        def watch(done: int) -> None:
            self.progress(Progress("index", done, total, "records"))
            if self.lease and self.lease.should_stop():
                raise StoppedError("stopped")

        with suppress(StoppedError, OSError):
            near_index.make(self.ws, address, watch)

    def _with_old(self, added: dict[str, str], known: DatasetVersion | None) -> dict[str, list[str]]:
        """A new version that extends another keeps the other's ledgers, before its own."""
        if known is not None:
            return {kind: [address] for kind, address in added.items()}
        old = self.extended.ledgers()
        return {kind: [*old.get(kind, []), address] for kind, address in added.items()}

    def _watch(self, items: int) -> None:
        self.progress(Progress("prepare", items, None, "items"))
        self._stop_when_told()

    def _clean(self, done: int, total: int) -> None:
        self.progress(Progress("clean", done, total, "records"))
        self._stop_when_told()

    def _stop_when_told(self) -> None:
        if self.lease and self.lease.should_stop():
            raise StoppedError("stopped; nothing was kept", do="Run the command again to start over")

    def _look(self, done: int, total: int | None, unit: str) -> None:
        """How far fetching is; a person may stop it."""
        self.progress(Progress("fetch", done, total, unit))
        if self.lease and self.lease.should_stop():
            raise StoppedError("stopped; what was fetched is kept", do="Run the command again to go on")

    def _spools(self) -> Path:
        """Where fetched content lies until a version is made of it; a dry run keeps nothing."""
        return self.folder.folder / FETCHED if self.dry_run else self.ws.path(FETCHED)

    def _tell(self, stage: str, total: int) -> None:
        self.progress(Progress(stage, 0, total, "records"))


def _beginning(ws: Workspace, recipe: PrepareRecipe, scenario: str) -> Extended:
    """What the new version begins with: all of a version, its test set, or nothing."""
    if recipe.extend and recipe.test_of:
        raise UsageError(
            f"found extend: {recipe.extend} and test_of: {recipe.test_of}",
            expected="one of them: what extends a version has its test set",
        )
    if recipe.test_of:
        return test_set_of(ws, recipe.test_of, scenario)
    return Extended(ws, datasets.version(ws, recipe.extend, scenario) if recipe.extend else None)


def _checked(inputs: Sequence[str | Path] | str | Path) -> list[str | Path]:
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if not paths:
        raise UsageError("no input was named", expected="files, folders, archives or addresses")
    seen: set[Path | str] = set()
    for path in paths:
        place = Path(path).expanduser().resolve() if name_of(path) == LOCAL else str(path)
        if place in seen:
            raise UsageError(f"{shown(path)!r} is named twice", expected="each input once")
        seen.add(place)
    return paths


@contextmanager
def _own_run(ws: Workspace, paths: Sequence[str | Path], recipe: PrepareRecipe, scenario: str) -> Iterator[Lease]:
    from tuneloop.runs import queue

    spec = {
        "inputs": [str(Path(path).resolve()) if name_of(path) == LOCAL else shown(path) for path in paths],
        "prepare": recipe.model_dump(mode="json", exclude_unset=True),
        "scenario": scenario,
    }
    with queue.here(ws, "prepare", spec, scenario=scenario) as lease:
        try:
            yield lease
        except NoAnswersError as found:
            lease.finish(found.result)
            raise


def _restored(ws: Workspace) -> dict[str, set[str]]:
    """By the id of a record as read: the steps whose decision a person overruled."""
    found: dict[str, set[str]] = {}
    for one in restores(ws):
        if one.digest:
            found.setdefault(one.digest, set()).add(one.step)
    return found
