"""A few steps of training on some records, for a trial: nothing is kept but what the model has learnt.

The settings are those that a run on as many records would have (`resolve`), but for the number of steps; replay and
validation are left out.  The learning rate rises and falls over the few steps, as it would over many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tuneloop.records import Record
from tuneloop.train import examples, resolve
from tuneloop.train.assembly import batches_of, plan_of, weights_of
from tuneloop.train.defaults import Facts
from tuneloop.train.examples import Counts, Item
from tuneloop.train.fit import Hooks, State, fit
from tuneloop.train.learner import Scene
from tuneloop.train.objective import objectives
from tuneloop.train.optimizer import optimizers
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.tuner import tuners

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store.workspace import Workspace
    from tuneloop.train.batches import Batch


class _Told(Hooks):
    def __init__(self, told: Callable[[int], None]) -> None:
        self.told = told

    def stop(self) -> str:
        return ""

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        if "tokens_per_second" in values:
            self.told(step)

    def trained_on(self, step: int, loss: float, batches: Sequence[Batch]) -> None:
        pass

    def checkpoint(self, state: State) -> None:
        pass

    def improved(self, state: State) -> None:
        pass


@contextmanager
def tried(
    ws: Workspace,
    lm: LanguageModel,
    records: Sequence[Record],
    recipe: TrainRecipe,
    *,
    steps: int,
    seed: int,
    told: Callable[[int], None],
) -> Iterator[Counts]:
    """The model with an adapter that was trained on the records for some steps; taken off again at the end.

    `told` hears each step that is done and may end it all with an error.  Gives what became of the records.
    """
    import torch

    resolved = resolve.resolve(recipe.model_copy(update={"replay": 0.0, "seed": seed}), _facts(lm, records)).recipe
    objective, tuner = objectives.create(resolved.objective or ""), tuners.create(resolved.tuner or "")
    with TemporaryDirectory(prefix="tuneloop-trial-") as folder:
        items = (Item(record) for record in records)
        encoded = examples.write(items, objective, lm, resolved.max_length or 0, Path(folder) / "encoded", {})
        batches = batches_of(encoded, resolved, lm.device)
        epochs = max(1.0, steps / batches.steps_per_epoch)
        recipe = resolved.model_copy(update={"epochs": epochs, "max_steps": steps, "eval_every": 0})
        plan = plan_of(recipe.model_copy(update={"warmup": min(recipe.warmup or 0, steps // 5)}), steps)
        torch.manual_seed(seed)
        tuner.attach(lm, seed)
        try:
            scene = Scene(lm, batches, None, recipe, steps, Path(folder), ws)
            learner = objective.start(scene)
            weights = weights_of(lm, tuner, tuner.trainable(lm) + learner.named_parameters())
            updater = optimizers.create(recipe.optimizer or "").build(
                weights, recipe.learning_rate or 0.0, recipe.weight_decay or 0.0
            )
            fit(learner, tuner, updater, plan, State(), _Told(told))
            yield encoded.counts
        finally:
            lm.detach()


def _facts(lm: LanguageModel, records: Sequence[Record]) -> Facts:
    lengths = [len(ids) for ids in lm.tokenizer.encode_many([record.full_text for record in records])]
    kinds: dict[str, int] = {}
    for record in records:
        kinds[record.kind] = kinds.get(record.kind, 0) + 1
    return Facts(
        parameters=lm.parameters,
        positions=lm.config.max_positions,
        fresh=False,
        examples=len(records),
        tokens=sum(lengths),
        held_out=0,
        kinds=kinds,
        replay=False,
        generates=lm.generates,
        longest=max(lengths),
    )
