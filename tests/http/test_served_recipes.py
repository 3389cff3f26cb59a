"""What recipes may name over HTTP: no file, folder or address of the server, whichever setting would hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
from fastapi.testclient import TestClient
from tests.http.serving import As

from tuneloop import loop
from tuneloop.app.http import served_recipes
from tuneloop.app.http.application import make_app
from tuneloop.app.http.run_requests import SHAPES
from tuneloop.app.http.served_recipes import PLAIN, RULES, Reading, holds_text, is_plain, rule_of
from tuneloop.app.http.service import Service
from tuneloop.app.members import registries
from tuneloop.config import Settings, setting, setting_words
from tuneloop.errors import UsageError
from tuneloop.prepare.exporting import ExportSettings
from tuneloop.prepare.review_sample import SampleSettings
from tuneloop.prepare.statistics import StatisticsSettings
from tuneloop.recipes import RECIPES
from tuneloop.runs import queue
from tuneloop.scores.metric import Metric
from tuneloop.store import Workspace, models
from tuneloop.store.settings import set_setting
from tuneloop.train.bases import NewBase
from tuneloop.trial import TrialSettings
from tuneloop.wording import Words

NOT_NAMED = {
    "prepare.places",  # addresses.CHOOSING says which settings callers have
    "prepare.containers",  # found by the bytes of a file
    "text.personal.kinds",
    "models.families",
    "models.engines",
    "runs.executors",
    "serve.backends",  # the server's settings name them
}
"""Folders whose members no recipe over HTTP may have settings for."""


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.find(tmp_path_factory.mktemp("served") / "w") as opened:
        yield opened


@pytest.fixture(scope="module")
def client(ws: Workspace) -> TestClient:
    return TestClient(As(make_app(Service(ws)), "trainer"), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def data(ws: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("rows") / "drawers.jsonl"
    rows = [{"question": f"What is in drawer {n}?", "answer": f"{n} spoons and a cork."} for n in range(60)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return loop.prepare(file, workspace=ws).name


@pytest.fixture(scope="module")
def model(ws: Workspace, data: str) -> str:
    folder = ws.path("models", "m1")
    (folder / "weights").write_text("w")
    return models.add_model(
        ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}, dataset=data
    ).name


@pytest.fixture
def nothing_begins(ws: Workspace) -> Iterator[None]:
    before = len(queue.list(ws))
    yield
    assert len(queue.list(ws)) == before


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr("tuneloop.models.places.from_hub", asked.append)
    monkeypatch.setattr("tuneloop.models.modelscope.fetch", asked.append)
    return asked


def kinds() -> Iterator[type[Settings]]:
    """Every class of settings that a recipe over HTTP may hold, with those inside."""
    given: list[type[Settings]] = [
        *RECIPES.values(),
        TrialSettings,
        ExportSettings,
        StatisticsSettings,
        SampleSettings,
        NewBase,
    ]
    for folder, registry in registries().items():
        if folder not in NOT_NAMED:
            given += [registry.load(name) for name in registry.names()]
    seen: set[type[Settings]] = set()
    while given:
        kind = given.pop()
        if kind not in seen:
            seen.add(kind)
            yield kind
            given += [one for field in kind.model_fields.values() for one in _inside(field.annotation)]


def _inside(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    for one in get_args(annotation):
        yield from _inside(one)


def test_every_setting_that_may_hold_text_is_declared() -> None:
    """A setting that is added must be said to be plain, or get a rule; until then nobody can give it over HTTP."""
    undeclared = [
        f"{kind.__module__}.{kind.__qualname__}.{name}"
        for kind in kinds()
        for name, field in kind.model_fields.items()
        if holds_text(field.annotation) and not is_plain(kind, name) and rule_of(kind, name) is None
    ]
    assert not undeclared
    assert set(registries()) >= NOT_NAMED  # a folder that is added has its members looked at


def test_what_is_declared_is_there() -> None:
    known = {served_recipes._declared(kind, name) + f".{name}" for kind in kinds() for name in kind.model_fields}
    declared = {f"{kind}.{name}" for kind, names in PLAIN.items() for name in names.split()}
    assert declared | set(RULES) <= known
    assert not declared & set(RULES)


def test_nothing_that_tells_of_files_or_addresses_is_called_plain() -> None:
    speaks = re.compile(
        r"\b(files?|folders?|hubs?|urls?|addresses|address|paths?|variables?|endpoint)\b", re.IGNORECASE
    )
    found = {
        f"{kind.__name__}.{name}"
        for kind in kinds()
        for name in kind.model_fields
        if is_plain(kind, name) and speaks.search(setting_words(kind, name).en)
    }
    assert found <= {
        "TrainRecipe.mixture",  # names of source files as the version knows them
        "Label.names",  # "names of the classes that the file numbers from 0"
    }


class Strange(Metric):
    title: ClassVar[Words] = Words("Strange", "其他")
    help: ClassVar[Words] = Words("Of a third party.", "第三方指标。")
    name: ClassVar[str] = "strange"
    table: str = setting("", en="a table", zh="表")
    steps: int = setting(1, en="steps", zh="步数")

    def score(self, answer: str, reference: str) -> float:
        return 1.0


def test_text_in_a_setting_that_nobody_declared_is_refused(ws: Workspace) -> None:
    assert Reading(ws).settings(Strange(steps=3), "recipe") == {"steps": 3}
    with pytest.raises(UsageError, match="over HTTP only") as refused:
        Reading(ws).settings(Strange(table="/etc/passwd"), "recipe.metrics[0]")
    assert refused.value.where is not None
    assert refused.value.where.field == "recipe.metrics[0].table"


def rewarded(*rewards: Any) -> dict[str, Any]:
    return {"objective": {"name": "grpo", "rewards": list(rewards)}}


SCORED = {"type": "score_model", "name": "s", "model": "/etc", "input": [{"role": "user", "content": "x"}]}
MULTI = {"type": "multi", "name": "m", "graders": {"a": SCORED}, "calculate_output": "a"}


@pytest.mark.parametrize(
    ("stage", "recipe", "param"),
    [
        ("train", {"replay_data": "/etc/passwd"}, "recipe.replay_data"),
        ("train", {"replay_data": "secret.jsonl"}, "recipe.replay_data"),
        ("train", {"general": "/etc/passwd"}, "recipe.general"),
        ("train", {"base": "/etc"}, "recipe.base"),
        ("train", {"base": "../w"}, "recipe.base"),
        ("train", {"base": "~"}, "recipe.base"),
        ("train", {"base": "here"}, "recipe.base"),  # a folder beside the server
        ("train", {"base": "Nobody/x"}, "recipe.base"),
        ("train", {"base": "modelscope:Nobody/x"}, "recipe.base"),
        ("train", {"base": "model-9"}, "recipe.base"),
        ("train", {"base": "ft:starter::x"}, "recipe.base"),
        ("train", {"base": "x" * 5000}, "recipe.base"),
        ("train", {"base": "字" * 128}, "recipe.base"),
        ("train", {"base": {"new": {"tokenizer": "/etc"}}}, "recipe.base.new.tokenizer"),
        ("train", {"base": {"new": {"characters": "/etc/passwd"}}}, "recipe.base.new.characters"),
        ("train", {"stages": [{"objective": "cpt"}, {"replay_data": "/etc/passwd"}]}, "recipe.stages.2.replay_data"),
        ("train", rewarded("number", {"name": "local", "model": "/etc"}), "recipe.objective.rewards.1.model"),
        ("train", rewarded({"name": "reward_model", "model": "a/b"}), "recipe.objective.rewards.0.model"),
        ("train", rewarded({"name": "grader", "grader": SCORED}), "recipe.objective.rewards.0.grader"),
        ("train", rewarded({"name": "grader", "grader": MULTI}), "recipe.objective.rewards.0.grader"),
        (
            "train",
            rewarded({"name": "grader", "grader": SCORED, "bases": {"/etc": "/etc"}}),
            "recipe.objective.rewards.0.bases",
        ),
        ("train", {"stages": [rewarded({"name": "local", "model": "/"})]}, "recipe.stages.1.objective.rewards.0.model"),
        ("trial", {"base": "/etc"}, "recipe.base"),
        ("trial", {"train": {"replay_data": "/etc/passwd"}}, "recipe.train.replay_data"),
        ("trial", {"train": {"base": "/etc"}}, "recipe.train.base"),
        ("trial", {"train": {"general": "/etc/passwd"}}, "recipe.train.general"),
        ("trial", {"train": rewarded({"name": "local", "model": "/"})}, "recipe.train.objective.rewards.0.model"),
        ("judge", {"model": "/etc"}, "recipe.model"),
        ("judge", {"model": "Nobody/x"}, "recipe.model"),
        ("judge", {"name": "reward_model", "model": "/etc"}, "recipe.model"),
        ("judge", {"name": "grader", "grader": SCORED}, "recipe.grader"),
        ("statistics", {"base": "/etc"}, "recipe.base"),
        ("statistics", {"base": "Nobody/x"}, "recipe.base"),
        ("statistics", {"base": "x" * 5000}, "recipe.base"),
    ],
)
@pytest.mark.usefixtures("nothing_begins")
def test_no_run_opens_what_a_caller_names(
    ws: Workspace,
    client: TestClient,
    data: str,
    no_hub: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    recipe: dict[str, Any],
    param: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "config.json").write_text("{}")
    answer = client.post("/api/runs", json={"stage": stage, "recipe": recipe})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert "over HTTP only" in answer.json()["error"]["message"]
    assert "command line" in answer.json()["error"]["message"]
    assert len(answer.text) < 3000
    assert not no_hub


@pytest.mark.parametrize("form", ["statistics", "statistics.html"])
@pytest.mark.parametrize("base", ["/etc", "Nobody/x", "x" * 5000, "字" * 200, "model-9"])
def test_statistics_of_what_is_not_there(
    client: TestClient, data: str, no_hub: list[str], form: str, base: str
) -> None:
    answer = client.get(f"/api/versions/{data}/{form}", params={"base": base})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "base")
    assert not no_hub


@pytest.mark.parametrize(
    ("stage", "recipe", "param"),
    [
        ("train", {"base": "/etc", "objective": {"name": "dpo", "beta": -1}}, "train.objective.beta"),
        ("train", {"base": "/etc"}, "train.base"),
        ("train", {"objective": {"name": "dpo", "beta": -1}}, "train.objective.beta"),
        ("train", {"tuner": "lorra"}, "train.tuner"),
        ("train", rewarded("zz"), "train.objective.rewards.0"),
        ("train", {"stages": [{"optimizer": {"name": "adamw", "beta1": 2}}]}, "train.stages.1.optimizer.beta1"),
        ("evaluate", {"metrics": ["zz"]}, "evaluate.metrics[0]"),
        ("prepare", {"steps": ["zz"]}, "prepare.steps[0]"),
        ("prepare", {"formats": {"csv": {"name": "pdf"}}}, "prepare.formats.csv.name"),
        ("prepare", {"places": {"sql": {"password_from": "HOME"}}}, "recipe.places"),
        ("export", {"form": {"name": "merged", "dtype": "float7"}}, "export.form.dtype"),
        ("choose", {"catalogue": ["/etc"]}, "choose.catalogue"),
        ("choose", {"tuner": "lorra"}, "choose.tuner"),
    ],
)
def test_a_recipe_is_checked_with_its_members(
    client: TestClient, stage: str, recipe: dict[str, Any], param: str
) -> None:
    answer = client.post(f"/api/recipes/{stage}/check", json=recipe)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


def test_a_recipe_with_its_defaults_may_be_sent_again(client: TestClient) -> None:
    for stage in RECIPES:
        first = client.post(f"/api/recipes/{stage}/check", json={}).json()
        assert client.post(f"/api/recipes/{stage}/check", json=first["recipe"]).json() == first


@pytest.mark.parametrize(
    ("recipe", "param"),
    [
        ({"catalogue": ["/etc"]}, "recipe.catalogue"),
        ({"base": ["/etc"]}, "recipe.base"),
        ({"base": ["here"]}, "recipe.base"),
    ],
)
def test_choosing_opens_no_folders(
    client: TestClient, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: dict[str, Any], param: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    answer = client.post("/api/choose", json={"recipe": recipe})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert client.post("/api/choose", json={"recipe": {"base": ["Qwen3-0.6B"]}}).status_code == 200


def test_names_that_the_workspace_knows(ws: Workspace, client: TestClient, model: str, tiny_base: Path) -> None:
    set_setting(ws, "bases", {"ours/tiny": str(tiny_base)})

    def spec(stage: str, recipe: dict[str, Any]) -> Any:
        answer = client.post("/api/runs", json={"stage": stage, "recipe": recipe})
        assert answer.status_code == 201, answer.text
        return queue.show(ws, answer.json()["id"]).spec[stage]

    for name, meant in (("starter", "starter"), (model, model), ("ours/tiny", str(tiny_base))):
        assert spec("train", {"base": name})["base"] == meant
        assert spec("trial", {"base": name})["base"] == meant
        rewards = spec("train", rewarded("number", {"name": "local", "model": name, "weight": 0.5}))["objective"][
            "rewards"
        ]
        assert rewards == ["number", {"name": "local", "model": meant, "weight": 0.5}]
        grader = spec(
            "train", rewarded({"name": "grader", "grader": {**MULTI, "graders": {"a": {**SCORED, "model": name}}}})
        )
        assert grader["objective"]["rewards"][0]["grader"]["graders"]["a"]["model"] == meant
    assert spec("statistics", {"base": model})["base"] == "starter"
    given = {"base": {"new": {"vocabulary": 300, "shape": {"layers": 2}}}, "general": "none", "tuner": {"name": "full"}}
    assert spec("train", given) == given
    assert spec("train", {"objective": {"name": "sft"}, "mixture": {"drawers": 1.0}})["mixture"] == {"drawers": 1.0}


@pytest.mark.usefixtures("nothing_begins")
def test_a_stage_takes_its_own_fields_alone(ws: Workspace, client: TestClient, data: str, model: str) -> None:
    """Every field of every other stage: 400 names it and the stages that take it."""
    values = {"files": ["file-a"], "addresses": ["https://a.example"], "versions": [data], "review": "review-1",
              "data": data, "model": model, "recipe": {}, "scenario": "main", "dry_run": True}  # fmt: skip
    assert set(values) | {"stage"} == {name for shape in SHAPES.values() for name in shape.model_fields}
    for stage, shape in SHAPES.items():
        for field in sorted(set(values) - set(shape.model_fields)):
            answer = client.post("/api/runs", json={"stage": stage, field: values[field]})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), (stage, field)
            takers = [name for name, one in SHAPES.items() if field in one.model_fields]
            assert f"{field} is for {', '.join(takers)}." in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "stage"),
        ({"stage": "cook"}, "stage"),
        ({"stage": ["train"]}, "stage"),
        ({"stage": "train", "recipes": {}}, "recipes"),
        ({"stage": "train", "recipe": []}, "recipe"),
        ({"stage": "prepare", "files": [3]}, "files.0"),
        ({"stage": "merge"}, "versions"),
        ({"stage": "train", "data": "data-1", "recipe": {"data": "data-2"}}, "recipe.data"),
        ({"stage": "evaluate", "recipe": {"data": "data-1"}}, "recipe.data"),
        ({"stage": "train", "recipe": {"objective": "dpo"}}, "recipe.objective"),
        ({"stage": "train", "recipe": {"objective": "classify", "tuner": "prefix"}}, "recipe.objective"),
        ({"stage": "train", "recipe": {"stages": [{"batch": 1, "batch_tokens": 9}]}}, "recipe.stages.1"),
        ({"stage": "train", "recipe": {"batch": 1, "stages": [{"batch_tokens": 9}]}}, "recipe.stages.1"),
        ({"stage": "trial", "recipe": {"train": {"tuner": "lorra"}}}, "recipe.train.tuner"),
        ({"stage": "export", "recipe": {"layout": "zz"}}, "recipe.layout"),
        ([], None),
    ],
)
@pytest.mark.usefixtures("nothing_begins")
def test_the_place_of_a_mistake_is_that_in_the_body(
    client: TestClient, data: str, body: Any, param: str | None
) -> None:
    answer = client.post("/api/runs", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"recipe": {"metrics": ["zz"]}}, 400, "no metric is called 'zz'"),
        ({"recipe": {"metrics": [{"name": "pattern"}]}}, 400, "recipe.metrics[0].pattern"),
        ({"data": "data-999"}, 404, "data-999"),
        ({"model": "model-9"}, 404, "model-9"),
    ],
)
@pytest.mark.usefixtures("nothing_begins")
def test_an_impossible_evaluation_is_not_queued(
    ws: Workspace, client: TestClient, model: str, body: dict[str, Any], status: int, told: str
) -> None:
    answer = client.post("/api/runs", json={"stage": "evaluate", **body})
    assert (answer.status_code, told in answer.text) == (status, True), answer.text


def test_an_evaluation_on_other_data(ws: Workspace, client: TestClient, data: str, model: str) -> None:
    asked = {"stage": "evaluate", "model": model, "data": data, "recipe": {"metrics": ["char_f1"]}}
    run = client.post("/api/runs", json=asked).json()["id"]
    assert queue.show(ws, run).spec == {"model": model, "evaluate": {"data": data, "metrics": ["char_f1"]}}


def test_a_judge_of_a_review_takes_the_rubric_of_the_standard(client: TestClient, data: str) -> None:
    assert client.post("/api/runs", json={"stage": "review", "recipe": {"count": 3}}).status_code == 201
    client.post("/api/reviews", json={"data": data, "count": 3})
    for recipe, told in (({"name": "reward_model"}, "takes no rubric"), ({"rubric": "be kind"}, "found a rubric")):
        answer = client.post("/api/runs", json={"stage": "judge", "recipe": {"model": "starter", **recipe}})
        assert (answer.status_code, told in answer.text) == (400, True), answer.text


def test_the_data_of_a_later_stage_is_looked_for(client: TestClient, data: str) -> None:
    later = {"stages": [{"max_steps": 2}, {"data": "data-999"}]}
    answer = client.post("/api/runs", json={"stage": "train", "recipe": later})
    assert (answer.status_code, "data-999" in answer.text) == (404, True)
    later = {"stages": [{"max_steps": 2}, {"data": data, "objective": "dpo"}]}
    answer = client.post("/api/runs", json={"stage": "train", "recipe": later})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "recipe.objective")


@pytest.mark.parametrize("stage", ["export", "statistics"])
def test_a_run_that_gives_data_away_needs_the_right_to_read_it(ws: Workspace, data: str, stage: str) -> None:
    caller = As(make_app(Service(ws)), "trainer")
    caller.caller = type(caller.caller)("user-1", "Li Na", "trainer", frozenset({"runs:write", "runs:read"}))
    client = TestClient(caller, base_url="http://127.0.0.1")
    answer = client.post("/api/runs", json={"stage": stage, "data": data})
    assert answer.status_code == 403
    assert "data:read" in answer.json()["error"]["message"]
    assert client.post("/api/runs", json={"stage": "train", "data": data}).status_code == 201
    caller.caller = type(caller.caller)("user-1", "Li Na", "trainer", frozenset({"runs:write", "data:read"}))
    assert client.post("/api/runs", json={"stage": stage, "data": data}).status_code == 201
