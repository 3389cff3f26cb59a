"""The whole choice, read top to bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tuneloop.choose import advising, candidates, domain, filters, fit, rules
from tuneloop.choose.candidates import Considered
from tuneloop.choose.fit import Conditions
from tuneloop.choose.machine import Machine, described, this_machine
from tuneloop.choose.recipe import ChooseRecipe
from tuneloop.choose.seen import Seen, look
from tuneloop.models import catalogue
from tuneloop.models.catalogue import Listed
from tuneloop.models.memory import Dtype
from tuneloop.records import Choice, DatasetVersion, ObjectiveNeeds, TunerTraits, Watcher, unwatched
from tuneloop.store import Workspace
from tuneloop.wording import Words

FOLDER = "catalogue"
"""A workspace's own catalogue files, read if the folder is there."""


def choose(
    version: DatasetVersion | None,
    recipe: ChooseRecipe | None = None,
    *,
    workspace: Workspace | None,
    objectives: Mapping[str, ObjectiveNeeds],
    tuners: Mapping[str, TunerTraits],
    progress: Watcher = unwatched,
) -> Choice:
    """Rank the bases for this data and goal on this machine, and say what to train and how, each with its reason.

    Without a `version` the rules that look at data are told instead of applied.  `objectives` and `tuners` are what
    training can do, by name.  Nothing is written and nothing is fetched.  A base that is named and nowhere to be found,
    an objective or tuner that is not there or cannot work raise `SettingError` or `NotFoundError`.
    """
    recipe = recipe or ChooseRecipe()
    machine = described(recipe.machine) if recipe.machine else this_machine()
    seen = look(workspace, version, recipe.seed) if workspace and version else Seen()
    models = catalogue.listed(*_catalogues(workspace, recipe))

    objective = rules.objective(recipe, seen, objectives)
    wanted = rules.kinds(seen, recipe.goal, objective.value)
    tuning = rules.tuners(recipe, seen, objective.value, objectives, tuners, encoder=False)
    given = _conditions(recipe, machine, seen, objective.value, tuning.value)

    if recipe.base:
        found, out = candidates.named(models, recipe, given), list[tuple[Words, int]]()
    else:
        found, out = candidates.from_catalogue(models, recipe, given, wanted.value)
    ranked = candidates.ordered(found, recipe, given, wanted.value)
    if version is not None and workspace is not None and recipe.sample:
        ranked = _measured(workspace, version, ranked, recipe, given, progress)
        ranked = candidates.ordered(ranked, recipe, given, wanted.value)
    best = next((base for base in ranked if base.fits), None)
    if best is not None and best.get("architecture") == "encoder-only":
        tuning = rules.tuners(recipe, seen, objective.value, objectives, tuners, encoder=True)
    ruled = {"objective": objective, "kind": wanted, "tuner": tuning}
    return Choice(
        data=seen.name,
        goal=recipe.goal,
        machine=machine.as_dict(),
        candidates=tuple(
            candidates.candidate(base, recipe, given, wanted.value)
            for place, base in enumerate(ranked)
            if place < recipe.candidates or base.here
        ),
        advice=tuple(advising.advice(best, len(ranked), ruled, recipe, given)),
        changes=tuple(advising.changes(ranked, best, given)),
        left_out=tuple(out),
        recipe=advising.settings(best, objective.value, given) if best and objective.value else {},
    )


def _catalogues(workspace: Workspace | None, recipe: ChooseRecipe) -> Sequence[str]:
    own = workspace.folder / FOLDER if workspace else None
    return [*([str(own)] if own and own.is_dir() and any(own.iterdir()) else []), *recipe.catalogue]


def _conditions(
    recipe: ChooseRecipe, machine: Machine, seen: Seen, objective: str | None, tuners: Sequence[str]
) -> Conditions:
    dtype: Dtype = "bfloat16" if machine.gpu else "float32"
    rate = None
    if machine.here:
        from tuneloop.models import duration, precision

        dtype = str(precision.choose(machine.device).dtype).removeprefix("torch.")  # type: ignore[assignment]
        rate = duration.machine_rate(dtype, machine.device) if seen.tokens else None
    return Conditions(
        machine=machine,
        seen=seen,
        objective=objective,
        longest=recipe.max_length or max(16, seen.longest or fit.USUAL_LENGTH),
        dtype=dtype,
        rate=rate,
        tuners=tuners or ("lora",),
        asked=recipe.tuner is not None,
    )


def _measured(
    ws: Workspace,
    version: DatasetVersion,
    bases: Sequence[Considered],
    recipe: ChooseRecipe,
    given: Conditions,
    progress: Watcher,
) -> list[Considered]:
    """The bases with their bits per byte, where their weights are on this machine, fit into it and can write."""
    records = domain.sample(ws, version, recipe.sample, recipe.seed)
    done = []
    for base in bases:
        writes = base.get("architecture") != "encoder-only"
        if not (records and base.here and base.reference and writes and given.machine.here and base.fits):
            done.append(base)
            continue
        found = domain.bits_per_byte(base.reference, records, recipe.seed, progress)
        if isinstance(found, Words):
            done.append(replace(base, unmeasured=found))
        else:
            done.append(replace(base, bits_per_byte=(found.mean, found.low, found.high)))
    return done


def browse(recipe: ChooseRecipe, workspace: Workspace | None) -> list[Listed]:
    """The models of the catalogue that the recipe's goal, languages, licence and names let through, in its order; those
    made for the goal's field where there are any, of every kind and access, as this is for looking around."""
    models = catalogue.listed(*_catalogues(workspace, recipe))
    if recipe.base:
        return [catalogue.get(name, models) for name in recipe.base]
    found = [model for model in models if not filters.refused(model, recipe, Seen())]
    if recipe.goal == "classification":
        return [model for model in found if model.get("architecture") == "encoder-only"]
    if recipe.goal == "vision":
        return [model for model in found if "image" in (model.get("modality") or ())]
    fields = filters.domains(recipe.goal, None)
    return [model for model in found if not fields or model.get("domain") in fields]
