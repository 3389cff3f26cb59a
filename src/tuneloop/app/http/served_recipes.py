"""What a recipe that comes over HTTP may name: whoever may begin runs must not open files or addresses of the server.

`served` reads a recipe, creates the members in it, and gives it back with the names of models as the run needs them.
Numbers, switches and choices pass.  A setting that holds text is refused unless it stands below: in `PLAIN`, when it
names nothing outside of the workspace, or in `RULES`, with what looks at it.  So a setting that is added, or that a
member of third parties has, cannot slip through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from tuneloop.app.http.served_models import is_name, refused, served_model, served_tokenizer
from tuneloop.config import Settings, read
from tuneloop.errors import SettingError, Where
from tuneloop.jobs import bases
from tuneloop.prepare.importer import importers
from tuneloop.prepare.layout import layouts
from tuneloop.prepare.shape import shapes
from tuneloop.prepare.spam_model import is_fitted_by_run
from tuneloop.prepare.split import splits
from tuneloop.prepare.step import steps
from tuneloop.prepare.writer import writers
from tuneloop.recipes import created
from tuneloop.registry import Member, Registry
from tuneloop.scores.grader import models_of, read_grader
from tuneloop.scores.metric import metrics
from tuneloop.scores.reward import Rewards
from tuneloop.store import Workspace
from tuneloop.store.datasets import is_version_name
from tuneloop.train.backend import backends
from tuneloop.train.bases import NewBase
from tuneloop.train.export import exports
from tuneloop.train.objective import objectives
from tuneloop.train.optimizer import optimizers
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.tuner import tuners

PLAIN: Mapping[str, str] = {
    "prepare.terms.SourceTerms": "grade licence consent tags",
    "prepare.recipe.PrepareRecipe": "grades mapping extend test_of places",  # addresses.py looks at places
    "prepare.tagging.TagSettings": "columns",
    "prepare.tagging.TagRule": "tag words pattern",
    "prepare.shapes.label.Label": "names",
    "prepare.steps.empty_answers.EmptyAnswers": "placeholders",
    "prepare.steps.language.Language": "allowed",
    "prepare.steps.personal_data.PersonalData": "types leave",
    "prepare.steps.reasoning_format.ReasoningFormat": "base",  # a name of the shipped catalogue
    "prepare.exporting.ExportSettings": "beside",
    "choose.recipe.ChooseRecipe": "data machine objective tuner languages",
    "train.recipe.TrainRecipe": "data mixture",
    "train.bases.NewBase": "shape",
    "train.objectives.classify.Classify": "labels",
    "train.tuners.freeze.Freeze": "layers",
    "train.tuners.lora.Lora": "targets",
    "train.tuners.prefix.Prefix": "text",
    "train.tuners.prompt.Prompt": "text",
    "train.exports.peft.Peft": "base",  # is written down, never opened
    "trial.settings.TrialSettings": "against without test",
    "evaluate.recipe.EvaluateRecipe": "data",
    "scores.metrics.choice.Choice": "letters",
    "scores.metrics.json_valid.JsonValid": "keys",
    "scores.metrics.pattern.Pattern": "pattern",
    "scores.metrics.reasoning_format.ReasoningFormat": "tag answer_tag",
    "scores.judges.local.Local": "rubric",
    "serve.recipe.ChatRecipe": "system",
}
"""By the class that declares them: settings whose text is a text, or a name that is looked up in the workspace."""

Rule = Callable[["Reading", Any, str], Any]
"""Takes a value and its place in the request, and gives what the run has; raises `UsageError`."""


class Reading:
    """Without a workspace, models are the starter and versions alone."""

    def __init__(self, ws: Workspace | None) -> None:
        self.ws = ws

    def settings(self, one: Settings, place: str) -> dict[str, Any]:
        """What was given of some settings, as plain data."""
        given = one.model_dump(mode="json", exclude_unset=True)
        for name in reversed(type(one).model_fields):  # an address stands behind the model's name that it explains
            if name not in one.model_fields_set:
                continue
            value, where = getattr(one, name), f"{place}.{name}" if place else name
            if value is None or is_plain(type(one), name):
                continue
            if rule := rule_of(type(one), name):
                given[name] = rule(self, value, where)
            elif holds_text(type(one).model_fields[name].annotation):
                raise refused(where, "settings that are known to name no file or address, and this one is not", value)
            else:
                given[name] = self.inner(value, where)
        return given

    def member(self, made: Member, spec: Any, place: str) -> str | dict[str, Any]:
        """A member that was made of `spec`, written as that was."""
        settings = self.settings(made, place)
        return made.name if isinstance(spec, str) else {"name": made.name, **settings}

    def inner(self, value: Any, place: str) -> Any:
        if isinstance(value, Settings):
            return self.settings(value, place)
        if isinstance(value, list | tuple):
            return [self.inner(one, f"{place}[{number}]") for number, one in enumerate(value)]
        if isinstance(value, Mapping):
            return {key: self.inner(one, f"{place}.{key}") for key, one in value.items()}
        return value


def served(ws: Workspace | None, kind: type[Settings], recipe: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A recipe as a run may have it; raises `SettingError` for what is wrong, `UsageError` for what is not allowed."""
    given = {key: value for key, value in recipe.items() if value is not None}
    return Reading(ws).settings(read(kind, given, path=place), place)


def served_member(ws: Workspace, registry: Registry[Any], spec: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The same for a recipe that is one member, as a judge is."""
    made = created(registry, spec, place)
    return {"name": made.name, **Reading(ws).settings(made, place)}


def is_plain(kind: type[Settings], name: str) -> bool:
    return name in PLAIN.get(_declared(kind, name), "").split()


def rule_of(kind: type[Settings], name: str) -> Rule | None:
    return RULES.get(f"{_declared(kind, name)}.{name}")


def holds_text(annotation: Any) -> bool:
    """Whether a value of a type may hold text other than a choice; settings inside are looked at by themselves."""
    if get_origin(annotation) is Annotated:
        return holds_text(get_args(annotation)[0])
    if get_origin(annotation) is Literal or annotation in (int, float, bool, type(None)):
        return False
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return False
    inner = [one for one in get_args(annotation) if one is not Ellipsis]
    return any(map(holds_text, inner)) if inner else True


def _declared(kind: type[Settings], name: str) -> str:
    """The class that declares a setting, by its dotted name inside the package."""
    owner = next(one for one in kind.__mro__ if name in vars(one).get("__annotations__", {}))
    return f"{owner.__module__.removeprefix('tuneloop.')}.{owner.__qualname__}"


def _one_of(registry: Registry[Any]) -> Rule:
    return lambda reading, value, place: reading.member(created(registry, value, place), value, place)


def _several_of(registry: Registry[Any]) -> Rule:
    single = _one_of(registry)

    def look(reading: Reading, value: Any, place: str) -> Any:
        return [single(reading, one, f"{place}[{number}]") for number, one in enumerate(value)]

    return look


def _settings_by_name(registry: Registry[Any]) -> Rule:
    def look(reading: Reading, value: Any, place: str) -> Any:
        found = {}
        for name, settings in value.items():
            where = f"{place}.{name}"
            if "name" in settings:
                raise SettingError("found a name", expected=f"settings of {name}", where=Where(field=f"{where}.name"))
            found[name] = reading.settings(created(registry, {"name": name, **settings}, where), where)
        return found

    return look


def _nothing(instead: str) -> Rule:
    def look(reading: Reading, value: Any, place: str) -> Any:
        if value:
            raise refused(place, instead, value)
        return value

    return look


def _all(allowed: Callable[[str], bool], expected: str) -> Rule:
    def look(reading: Reading, value: Any, place: str) -> Any:
        for one in (value,) if isinstance(value, str) else value:
            if not allowed(one):
                raise refused(place, expected, one)
        return value

    return look


def _recipe(reading: Reading, value: Any, place: str) -> Any:
    return reading.settings(read(TrainRecipe, value, path=place), place)


def _stages(reading: Reading, value: Any, place: str) -> Any:
    return [_recipe(reading, stage, f"{place}.{number}") for number, stage in enumerate(value, start=1)]


def _model(reading: Reading, value: Any, place: str) -> Any:
    return served_model(reading.ws, place, value)


def _base(reading: Reading, value: Any, place: str) -> Any:
    if isinstance(value, str):
        return _model(reading, value, place)
    if set(value) != {"new"} or not isinstance(value["new"], Mapping):
        raise SettingError(f"found {value!r:.200}", expected="a name, or {new: {…}}", where=Where(field=place))
    return {"new": reading.settings(read(NewBase, value["new"], path=f"{place}.new"), f"{place}.new")}


def _tokenizer(reading: Reading, value: Any, place: str) -> Any:
    return _model(reading, value, place) if reading.ws is None else served_tokenizer(reading.ws, place, value)


def _bases_of_catalogue(reading: Reading, value: Any, place: str) -> Any:
    """Names only: choosing fetches nothing, and says itself which names neither the catalogue nor this machine has."""
    assert reading.ws is not None
    listed = bases.known(reading.ws)
    for one in value:
        if not is_name(reading.ws, one):
            raise refused(place, "names: of the catalogue, of a hub, or of the workspace's setting bases", one)
    return [listed.get(one, one) for one in value]


def _rewards(reading: Reading, value: Any, place: str) -> Any:
    found = []
    for number, (spec, reward) in enumerate(zip(value, Rewards.of(value, path=place).rewards, strict=True)):
        made = reading.member(reward.source, spec, f"{place}.{number}")
        found.append(made if isinstance(made, str) else {**made, "weight": reward.weight})
    return found


def _grader(reading: Reading, value: Any, place: str) -> Any:
    """Models are named where the grader is asked for, so that `bases` need not be said."""
    asked = models_of(read_grader(value, place))
    known = {name: _model(reading, name, place) for name in sorted(asked)}
    return _renamed(value, known)


def _renamed(grader: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    inner = {name: _renamed(one, known) for name, one in grader.get("graders", {}).items()}
    changed = {"graders": inner} if inner else {}
    return {**grader, **changed, **({"model": known[grader["model"]]} if "model" in grader else {})}


RULES: Mapping[str, Rule] = {
    "prepare.recipe.PrepareRecipe.sources": Reading.inner,
    "prepare.recipe.PrepareRecipe.formats": _settings_by_name(importers),
    "prepare.recipe.PrepareRecipe.shape": _one_of(shapes),
    "prepare.recipe.PrepareRecipe.steps": _several_of(steps),
    "prepare.recipe.PrepareRecipe.split": _one_of(splits),
    "prepare.steps.contamination.Contamination.against": _all(is_version_name, "dataset versions (data-1)"),
    "prepare.steps.perplexity.Perplexity.model": _model,
    "prepare.steps.spam.Spam.model": _all(lambda one: not one or is_fitted_by_run(one), "the run that fitted it"),
    "prepare.exporting.ExportSettings.layout": _one_of(layouts),
    "prepare.exporting.ExportSettings.form": _one_of(writers),
    "prepare.statistics.StatisticsSettings.base": _tokenizer,
    "choose.recipe.ChooseRecipe.base": _bases_of_catalogue,
    "choose.recipe.ChooseRecipe.catalogue": _nothing("the shipped catalogue and the workspace's own: leave it out"),
    "train.recipe.TrainRecipe.base": _base,
    "train.recipe.TrainRecipe.objective": _one_of(objectives),
    "train.recipe.TrainRecipe.tuner": _one_of(tuners),
    "train.recipe.TrainRecipe.backend": _one_of(backends),
    "train.recipe.TrainRecipe.optimizer": _one_of(optimizers),
    "train.recipe.TrainRecipe.replay_data": _nothing("the base's own examples or the shipped ones: leave it out"),
    "train.recipe.TrainRecipe.general": _all(lambda one: one in ("shipped", "none"), "shipped or none"),
    "train.recipe.TrainRecipe.stages": _stages,
    "train.bases.NewBase.tokenizer": _nothing("a tokenizer trained on the data: leave it out"),
    "train.bases.NewBase.characters": _nothing("the characters of the data: leave it out"),
    "train.reinforcement.Reinforcement.rewards": _rewards,
    "train.export_recipe.ExportRecipe.form": _one_of(exports),
    "trial.settings.TrialSettings.base": _model,
    "trial.settings.TrialSettings.train": _recipe,
    "evaluate.recipe.EvaluateRecipe.metrics": _several_of(metrics),
    "scores.judges.grader.GraderJudge.grader": _grader,
    "scores.judges.grader.GraderJudge.bases": _nothing("models named in the grader itself: leave it out"),
    "scores.local_judge.LocalJudge.model": _model,
    "scores.verdict.JudgeSettings.model": _model,
    "scores.verdict.JudgeSettings.url": _nothing("a judge of this server: a model version"),
    "scores.verdict.JudgeSettings.key_variable": _nothing("a judge of this server: a model version"),
}
"""By the class that declares them: settings that may name models, files, addresses or members, and what looks at
them."""
