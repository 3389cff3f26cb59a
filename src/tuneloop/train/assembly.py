"""From a job to the parts of the loop: facts, resolved recipe, encoded examples, batches, weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError, SettingError, Where
from tuneloop.records import DatasetVersion, Split
from tuneloop.store.durable import write_file
from tuneloop.train import ability, bases, data, examples, mixtures, resolve
from tuneloop.train.backend import Job
from tuneloop.train.batches import Batches, Size
from tuneloop.train.defaults import Facts
from tuneloop.train.examples import Examples, Item
from tuneloop.train.fit import Plan
from tuneloop.train.fitting import Watch, foreseen, pace
from tuneloop.train.general import SHIPPED
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.objective import ASIDE, Objective, objectives
from tuneloop.train.optimizer import Updater, Weight, optimizers
from tuneloop.train.plans import Start
from tuneloop.train.recipe import Resolved, TrainRecipe
from tuneloop.train.tuner import Tuner, tuners
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.runs import Lease
    from tuneloop.store.workspace import Workspace

SAMPLE = 500  # records whose tokens are counted to estimate the whole
TUNED_AGAIN = Words(
    "{base} was tuned before: a further round may overwrite what it learnt. Tuning the original base once, on all data"
    " merged into one version, keeps both and lets rows be deleted later: prepare the files of its data and of {data}"
    " together (tuneloop prepare FILE FILE …), then train on the result.",
    "{base} 已经微调过：继续微调可能覆盖已学到的内容。把它用过的数据与 {data} 的源文件合并成一个版本"
    "（tuneloop prepare 文件 文件 …），再从原始基座训练一次，两者都能保留，之后也便于删除数据。",
)
IN_LAYER = re.compile(r"\.\d+\.")


@dataclass(frozen=True)
class Assembly:
    """Everything that `fit` takes, and what the result will tell."""

    base: bases.Base
    lm: LanguageModel
    resolved: Resolved
    objective: Objective
    tuner: Tuner
    learner: Learner
    updater: Updater
    plan: Plan
    before: ability.Ability | None


def assemble(job: Job, lease: Lease, told: Callable[[int, int], None], start: Start, watch: Watch) -> Assembly:
    """Load, resolve, encode and attach; what was found on the way goes into the run's events.

    `told(count, done)` hears how many of a split's records (replay included) are encoded, and may end it all with an
    error.
    """
    ws, version, folder = job.workspace, job.version, lease.folder
    folder.mkdir(parents=True, exist_ok=True)
    base = bases.find(ws, start.base or job.recipe.base)
    lm = bases.load(ws, base, job.recipe, version, folder)
    replay = bases.replay_file(lm, job.recipe.replay_data)
    lease.event("model", base=base.name, path="fast" if lm.fast else "plain", why=lm.why._asdict())
    if base.tuned:
        lease.event("advice", topic="base", text=TUNED_AGAIN.format(base=base.name, data=version.name)._asdict())
    before = None if base.fresh or not lm.generates else ability.kept(folder, lm, job.recipe.general)
    facts = facts_of(ws, version, lm, base.fresh, replay)
    kept = folder / "resolved.json"
    recipe = _kept(kept).recipe if kept.is_file() else resolve.resolve(job.recipe, facts).recipe
    objective = objectives.create(recipe.objective or "")
    sets = []
    for split in ("train", "validation"):
        place = folder / "encoded" / split
        sets.append(encode(ws, version, split, recipe, objective, lm, place, replay, told))
        lease.event("encoded", split=split, **sets[-1].counts.as_dict())
    trained, held_out = sets
    device = lm.device
    batches = batches_of(trained, recipe, device)
    per_epoch = batches.steps_per_epoch * objective.passes
    if kept.is_file():
        resolved = _kept(kept)
    else:
        resolved = resolve.resolve(job.recipe, replace(facts, held_out=len(held_out)), per_epoch)
        (folder / "recipe.yaml").write_text(resolved.as_yaml(), encoding="utf-8")
        write_file(kept, json.dumps(resolved.as_dict(), ensure_ascii=False).encode())
    recipe = resolved.recipe
    plan = plan_of(recipe, resolve.total_steps(recipe.model_dump(), per_epoch))
    if tight := watch.expect(lm, tuners.create(recipe.tuner or ""), recipe, batches, plan.steps):
        lease.event("advice", topic="memory", text=tight._asdict())
    tuner = _attached(lm, recipe, start.adapter)
    repeats = mixtures.repeats(trained.sizes, batches.quotas, plan.steps / per_epoch)
    lease.event("resolved", steps=plan.steps, repeats=repeats, **resolved.as_dict())
    validation = Batches(held_out, batches.size, recipe.seed, None, device) if len(held_out) else None
    fresh = start.adapter is None
    scene = Scene(lm, batches, validation, recipe, plan.steps, folder, ws, fresh, tell=lease.event, told=told)
    learner = objective.start(scene)
    updater = _updater(lm, tuner, learner, recipe)
    return Assembly(base, lm, resolved, objective, tuner, learner, updater, plan, before)


def look(job: Job) -> tuple[LanguageModel, Resolved]:
    """The loaded model and the recipe without gaps; nothing is written."""
    base = bases.find(job.workspace, job.recipe.base)
    lm = bases.load(job.workspace, base, job.recipe, job.version, None)
    facts = facts_of(job.workspace, job.version, lm, base.fresh, bases.replay_file(lm, job.recipe.replay_data))
    resolved = resolve.resolve(job.recipe, facts)
    expected = foreseen(lm, resolved.recipe, facts)
    if expected is None:
        return lm, resolved
    return lm, replace(resolved, foreseen=(expected.words(), pace(expected, resolved.recipe, facts)))


def _kept(file: Path) -> Resolved:
    return Resolved.from_dict(json.loads(file.read_text(encoding="utf-8")))


def _attached(lm: LanguageModel, recipe: TrainRecipe, adapter: Path | None) -> Tuner:
    """The tuner with its weights in place: new ones, or those of an adapter to go on with."""
    import torch

    from tuneloop.models.adapter import load_adapter

    torch.manual_seed(recipe.seed)
    if recipe.gradient_checkpointing:
        lm.checkpointing = True
    tuner = tuners.create(recipe.tuner or "")
    if adapter is None:
        tuner.attach(lm, recipe.seed)
    elif tuner.traits.form == "full":  # an objective's own default, where neither stage named a tuner
        load_adapter(adapter, lm).merge(lm)
        tuner.attach(lm, recipe.seed)
    else:
        lm.freeze()
        tuner.load(lm, adapter)
    return tuner


def _updater(lm: LanguageModel, tuner: Tuner, learner: Learner, recipe: TrainRecipe) -> Updater:
    trainable = tuner.trainable(lm) + learner.named_parameters()
    optimizer = optimizers.create(recipe.optimizer or "")
    return optimizer.build(weights_of(lm, tuner, trainable), recipe.learning_rate or 0.0, recipe.weight_decay or 0.0)


def facts_of(ws: Workspace, version: DatasetVersion, lm: LanguageModel, fresh: bool, replay: Path | None) -> Facts:
    """What the rules for defaults look at."""
    count = version.splits.get("train", 0)
    if not count:
        raise InputError(f"{version.name} has no training records", do="Prepare more data")
    sample = [item.record.full_text for item in islice(data.items(ws, version, "train"), SAMPLE)]
    lengths = [len(ids) for ids in lm.tokenizer.encode_many(sample)]
    return Facts(
        parameters=lm.parameters,
        positions=lm.config.max_positions,
        fresh=fresh,
        examples=count,
        tokens=round(sum(lengths) * count / len(sample)),
        held_out=version.splits.get("validation", 0),
        kinds=version.kinds,
        replay=replay is not None,
        labels=data.labels(ws, version) if version.kinds.get("label") else (),
        generates=lm.generates,
        longest=max(lengths),
    )


def encode(
    ws: Workspace,
    version: DatasetVersion,
    split: Split,
    recipe: TrainRecipe,
    objective: Objective,
    lm: LanguageModel,
    folder: Path,
    replay: Path | None,
    told: Callable[[int, int], None],
) -> Examples:
    """One split as examples in the run's folder; the training split brings the replay examples along."""
    items: Iterator[Item] = data.items(ws, version, split)
    count = version.splits.get(split, 0)
    if split == "train" and recipe.replay:
        general = list(data.replay_items(replay or SHIPPED))
        items, count = chain(items, general), count + len(general)
    about = {
        "version": version.id,
        "split": split,
        "objective": recipe.objective,
        "limit": recipe.max_length,
        "replay": str(replay or SHIPPED.name) if recipe.replay else "",
        "vocabulary": lm.tokenizer.size,
    }
    encoded = examples.write(items, objective, lm, recipe.max_length or 0, folder, about, partial(told, count))
    if split == "train" and not len(encoded):
        raise _nothing_left(version, encoded)
    return encoded


def _nothing_left(version: DatasetVersion, encoded: Examples) -> InputError:
    reasons = [f"{count} × {ASIDE[key].en}" for key, count in encoded.counts.aside.most_common()]
    cases = [case["why"] for several in encoded.counts.aside_cases.values() for case in several if case["why"]]
    return InputError(
        f"nothing in {version.name} can be trained on: {'; '.join(reasons)}" + (f" ({cases[0]})" if cases else ""),
        expected="at least one record with an answer to learn",
    )


def batches_of(encoded: Examples, recipe: TrainRecipe, device: Any) -> Batches:
    """The steps over the training examples, in the shares that the recipe asks for."""
    quotas = mixtures.quotas(encoded.sizes, recipe.mixture, recipe.replay or 0.0)
    size = Size(recipe.micro_tokens or 0, examples=recipe.batch, tokens=recipe.batch_tokens)
    return Batches(encoded, size, recipe.seed, quotas, device)


def plan_of(recipe: TrainRecipe, steps: int) -> Plan:
    values = recipe.model_dump()
    keys = ("schedule", "warmup", "learning_rate", "clip", "eval_every", "checkpoint_seconds")
    return Plan(steps=steps, patience=values["early_stopping"], **{key: values[key] for key in keys})


def weights_of(lm: LanguageModel, tuner: Tuner, trainable: list[tuple[str, Parameter]]) -> list[Weight]:
    """The trainable parameters as optimizers see them: where they stand, and which matrices they hold stacked."""
    if not trainable:
        raise SettingError("the tuner leaves nothing to train", where=Where(field="tuner"))
    # a quantized base moves nothing of its own
    views = [] if lm.quantized else sorted((tensor.data_ptr(), tensor.shape) for tensor in lm.state().values())
    return [
        Weight(
            name, parameter, bool(IN_LAYER.search(name)), _pieces(parameter, views), tuner.rate(name), tuner.stage(name)
        )
        for name, parameter in trainable
    ]


def _pieces(parameter: Parameter, views: list[tuple[int, Any]]) -> tuple[int, ...]:
    """Row counts of the named tensors that lie inside a fused parameter; the parameter's own where none do."""
    begin = parameter.data_ptr()
    end = begin + parameter.numel() * parameter.element_size()
    rows = tuple(shape[0] for pointer, shape in views if begin <= pointer < end and len(shape) == 2)
    return rows if sum(rows) == len(parameter) else (len(parameter),)
