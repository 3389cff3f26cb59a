"""From a recipe with gaps to one without: what was given stays, what was not is derived, each with its origin."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tuneloop.config import read
from tuneloop.errors import SettingError, Where
from tuneloop.records import Advice
from tuneloop.records.needs import missing
from tuneloop.train import defaults, plans
from tuneloop.train.backend import backends
from tuneloop.train.defaults import Derived, Facts
from tuneloop.train.objective import Objective, objectives, trained_by, usable
from tuneloop.train.optimizer import optimizers
from tuneloop.train.recipe import Resolved, Spec, TrainRecipe
from tuneloop.train.tuner import Tuner, tuners
from tuneloop.wording import Words

GIVEN, DEFAULT = "recipe", "default"
GENTLER = Words("{why}; times {factor} for {name}", "{why}；{name} 再乘以 {factor}")


def check(recipe: TrainRecipe, kinds: Mapping[str, int], dataset: str) -> None:
    """Refuse what cannot work, by name and before anything loads; raises `SettingError`."""
    backends.create(recipe.backend, path="backend").check(recipe)
    if recipe.stages is not None:
        recipes = recipe.stage_recipes()
        for stage, one in zip(recipe.stages, recipes, strict=True):
            if "data" not in stage:  # that of another version is checked when the stage is made
                check(one, kinds, dataset)
        plans.check(recipes)
        return
    if recipe.optimizer is not None:
        optimizers.create(recipe.optimizer, path="optimizer")
    tuner = tuners.create(recipe.tuner, path="tuner") if recipe.tuner is not None else None
    if recipe.objective is None:
        names = [name for kind, (name, _) in defaults.BY_KIND.items() if kinds.get(kind)]
        if not names:
            raise _useless("any objective", kinds, dataset)
        objective = objectives.create(names[0])
    else:
        objective = objectives.create(recipe.objective, path="objective")
        if not usable(objective, kinds):
            raise _useless(f"the objective {objective.name!r}", kinds, dataset)
    if tuner is not None:
        check_pair(objective, tuner)
    check_reads(objective, not _is_encoder(recipe.base))


def check_pair(objective: Objective, tuner: Tuner) -> None:
    lacking = missing(objective.needs, tuner.traits)
    if lacking:
        raise SettingError(
            f"the objective {objective.name!r} cannot be trained with the tuner {tuner.name!r}, which lacks"
            f" {', '.join(lacking)}",
            where=Where(field="tuner"),
            do="Choose another tuner",
        )


def check_reads(objective: Objective, generates: bool) -> None:
    """Refuse to teach writing to a model that only reads."""
    if not generates and not objective.encoders:
        able = [name for name in objectives if objectives.load(name).encoders]
        raise SettingError(
            f"the objective {objective.name!r} trains models that write text, and this base is an encoder",
            expected=f"the objective {' or '.join(able)}, or a base that writes",
            where=Where(field="base"),
        )


def _is_encoder(base: Spec) -> bool:
    """Whether a base can be told to be an encoder without loading it: it is a folder here."""
    from tuneloop.models.bidirectional import is_encoder
    from tuneloop.models.tokenizer import read_json

    return isinstance(base, str) and is_encoder(read_json(Path(base).expanduser() / "config.json"))


def _useless(who: str, kinds: Mapping[str, int], dataset: str) -> SettingError:
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count) or "no"
    advice = [f"{kind} records are for {' or '.join(trained_by(kind))}" for kind, count in kinds.items() if count]
    usable = sorted({kind for name in objectives for kind in objectives.load(name).needs.kinds})
    hint = "; ".join(advice) or "Prepare more data"
    return SettingError(
        f"{dataset} holds {found} records, which {who} does not train on",
        expected=f"records of kind {' or '.join(usable)}",
        where=Where(field="objective"),
        do=hint[0].upper() + hint[1:],
    )


def resolve(recipe: TrainRecipe, facts: Facts, steps_per_epoch: int | None = None) -> Resolved:
    """Fill every gap.  `steps_per_epoch` is known once the data is encoded; before, it is estimated from the facts."""
    work = _Filling(recipe)
    work.fill("objective", lambda: defaults.objective(facts))
    objective = objectives.create(work.values["objective"], path="objective")
    work.fill("tuner", lambda: objective.tuner_for(facts))
    tuner = tuners.create(work.values["tuner"], path="tuner")
    check_pair(objective, tuner)
    check_reads(objective, facts.generates)
    facts = _of(objective, facts)
    objective, told = objective.fitted(facts)
    if type(objective).model_fields:
        work.values["objective"] = {"name": objective.name, **objective.model_dump(mode="json")}
        work.origins |= {f"objective.{key}": reason for key, reason in told.items()}
    tuner, reasons = tuner.fitted(facts)
    work.values["tuner"] = {"name": tuner.name, **tuner.model_dump(mode="json")}
    work.origins |= {f"tuner.{key}": reason for key, reason in reasons.items()}
    facts = replace(facts, positions=facts.positions - tuner.before)
    if not {"text", "chat"} & set(objective.needs.kinds):
        work.fill("replay", lambda: defaults.no_replay(objective.name))
    for key, derived in {**objective.defaults(facts), **tuner.defaults(facts)}.items():
        work.fill(key, partial(_itself, derived))
    for key, rule in defaults.SIMPLE.items():
        work.fill(key, partial(rule, facts))
    work.fill("learning_rate", lambda: defaults.learning_rate(facts, tuner.traits.form))
    work.scale_rate(objective)
    _fill_batch(work, facts)
    _check_limits(work.values, facts, tuner.before)
    steps = total_steps(work.values, steps_per_epoch or _estimate(work.values, facts) * objective.passes)
    work.fill("warmup", lambda: defaults.warmup(steps))
    work.fill("eval_every", lambda: objective.eval_every(facts, steps, math.ceil(steps / work.values["epochs"])))
    work.fill("early_stopping", lambda: defaults.early_stopping(facts))
    return Resolved(read(TrainRecipe, work.values), work.origins)


def _of(objective: Objective, facts: Facts) -> Facts:
    """The facts of the records that the objective trains on, where the data holds others as well."""
    share = usable(objective, facts.kinds) / max(1, sum(facts.kinds.values()))
    return replace(facts, examples=max(1, round(share * facts.examples)), tokens=round(share * facts.tokens))


class _Filling:
    """Values and origins while they grow; keys that no rule fills keep the recipe's own default."""

    def __init__(self, recipe: TrainRecipe) -> None:
        self.values: dict[str, Any] = recipe.model_dump()
        given = recipe.model_fields_set
        self.origins: dict[str, str | Words] = {key: GIVEN if key in given else DEFAULT for key in self.values}

    def fill(self, key: str, rule: Callable[[], Derived]) -> None:
        if self.values[key] is None:
            derived = rule()
            self.values[key], self.origins[key] = derived.value, derived.reason

    def scale_rate(self, objective: Objective) -> None:
        """A learning rate that was derived for tuning in general, for an objective that goes more gently."""
        why = self.origins["learning_rate"]
        if objective.rate != 1.0 and isinstance(why, Words):
            self.values["learning_rate"] = float(f"{self.values['learning_rate'] * objective.rate:.2g}")
            self.origins["learning_rate"] = GENTLER.format(why=why, factor=f"{objective.rate:g}", name=objective.name)


def _itself(derived: Derived) -> Derived:
    return derived


def _fill_batch(work: _Filling, facts: Facts) -> None:
    values = work.values
    if values["batch"] is None and values["batch_tokens"] is None:
        if set(facts.kinds) - {"text"} and not facts.fresh:
            work.fill("batch", lambda: defaults.batch(facts))
        else:
            work.fill("batch_tokens", lambda: defaults.batch_tokens(facts))
    other = "batch" if values["batch"] is None else "batch_tokens"
    work.origins[other] = Words("the other batch size counts", "以另一个批大小为准")


def _check_limits(values: Mapping[str, Any], facts: Facts, before: int) -> None:
    """Refuse what this base cannot give."""
    if values["max_length"] > facts.positions:
        raise SettingError(
            f"found max_length {values['max_length']}",
            expected=f"at most {facts.positions}, the model's own limit"
            + (f" less the tuner's {before} virtual tokens" if before else ""),
            where=Where(field="max_length"),
        )


def total_steps(values: Mapping[str, Any], steps_per_epoch: int) -> int:
    """Optimizer steps of the whole run."""
    steps = max(1, round(float(values["epochs"]) * steps_per_epoch))
    return min(steps, int(values["max_steps"] or steps))


def _estimate(values: Mapping[str, Any], facts: Facts) -> int:
    if values["batch_tokens"]:
        return max(1, round(facts.tokens / int(values["batch_tokens"])))
    return max(1, math.ceil(facts.examples / int(values["batch"])))


def advice(resolved: Resolved) -> list[Advice]:
    """The derived values with their reasons, for a person to read."""
    values = resolved.recipe.model_dump(mode="json")
    found = []
    for key, why in resolved.origins.items():
        if isinstance(why, Words):
            top, _, inner = key.partition(".")
            found.append(Advice(key, why, values[top][inner] if inner else values[top]))
    return [one for one in found if one.value is not None]
