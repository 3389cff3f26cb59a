"""The whole choice: what is left out and why, what fits, what to change, and a recipe that training accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.choose.world import chosen, rows, said
from tests.evaluate.world import chat
from tests.test_wording import HAN, NAMES
from tests.train.conftest import add_version

import tuneloop
from tuneloop.choose import ChooseRecipe, choosing, filters, fit
from tuneloop.choose.choosing import browse
from tuneloop.choose.machine import HEADROOM, Machine
from tuneloop.choose.seen import look
from tuneloop.choose.starting import as_yaml
from tuneloop.errors import NotFoundError, SettingError
from tuneloop.models import catalogue
from tuneloop.recipes import read_recipe
from tuneloop.records import Choice, Part, Record, Turn
from tuneloop.store import Workspace

OURS = """
title: {en: Ours, zh: 自有模型}
languages: [zh, en]
commercial: "yes"
access: open
architecture: decoder-only
modality: [text]
domain: general
context: 4096
sizes:
  9B: {parameters: 9000000000}
models:
  - {name: ours-9b, size: 9B, kind: instruct, hub: team/ours-9b, released: "2026-11"}
sources:
  - {of: [languages, commercial, access, architecture, modality, context, parameters, kind, hub, released],
     at: our own, checked: 2026-11-21}
"""


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "workspace") as workspace:
        yield workspace


def dialogues(count: int, words: int = 5) -> list[Record]:
    return [chat(f"question {number}", "answer " * words + str(number)) for number in range(count)]


def reasons(choice: Choice) -> dict[str, int]:
    return {reason.en: count for reason, count in choice.left_out}


def test_without_data_the_rules_are_told_and_the_largest_that_fits_leads() -> None:
    choice = chosen()
    assert choice.data is None
    assert choice.best is not None
    assert choice.best is choice.candidates[0]
    assert choice.best.bytes <= 0.9 * 24e9
    assert choice.best.kind in ("instruct", "hybrid")
    assert "more than 1000 rows" in said(choice, "kind").text.en
    smaller = [one for one in choice.candidates if one.fits and one.kind in ("instruct", "hybrid")]
    assert all((one.parameters or 0) <= 1.5 * (choice.best.parameters or 0) for one in smaller)


def test_more_memory_never_chooses_a_smaller_base() -> None:
    sizes = []
    for gigabytes in (4, 8, 16, 24, 48, 80, 192):
        best = chosen(machine=f"gpu={gigabytes}GB").best
        sizes.append(best.parameters or 0 if best else 0)
    assert sizes == sorted(sizes)
    assert sizes[-1] > 10 * sizes[0]


def test_what_does_not_fit_is_told_with_what_to_change() -> None:
    choice = chosen(machine="memory=1MB")
    assert choice.best is None
    assert choice.recipe == {}
    assert not any(one.fits for one in choice.candidates)
    assert [one.bytes for one in choice.candidates] == sorted(one.bytes for one in choice.candidates)
    assert "none of the candidates fits" in said(choice, "base").text.en
    assert any("a machine that has room for it" in change.en for change in choice.changes)


def test_a_larger_base_is_told_with_what_it_would_take(ws: Workspace) -> None:
    choice = chosen(add_version(ws, dialogues(40, words=900)), ws, base=["Qwen3-0.6B", "Qwen3-8B"], machine="gpu=5GB")
    assert [(one.name, one.fits) for one in choice.candidates] == [("Qwen3-0.6B", True), ("Qwen3-8B", False)]
    assert choice.changes[0].en.startswith("Qwen3-8B would take")
    assert any("with records cut to" in change.en for change in choice.changes)
    assert choice.changes[-1].en == "or stay with Qwen3-0.6B, which fits"


def test_both_rules_of_thumb_stand_beside_the_estimate() -> None:
    choice = chosen(base=["Qwen2.5-7B-Instruct"])
    text = said(choice, "rules of thumb").text
    billions = (choice.candidates[0].parameters or 0) / 1e9
    assert f"{billions * 1e9 * 16 / 2**30:.1f} GiB" in text.en
    assert f"{billions * 8:.1f} GB" in text.en
    assert said(choice, "memory").value == choice.candidates[0].bytes


def test_full_tuning_needs_room_to_spare() -> None:
    """With much data: full tuning where it leaves a quarter of the room, LoRA where it merely fits."""
    shape = fit.shape_of(catalogue.get("Qwen3-0.6B-Base", catalogue.listed()))
    assert shape is not None
    seen = rows(20_000)
    for share, tuner in ((1.4, "full"), (1.2, "lora")):
        given = fit.Conditions(Machine(None), seen, "sft", 400, "bfloat16", tuners=("full", "lora"))
        sparing = {"gradient_checkpointing": True, "micro_tokens": 512}
        need = fit.plan(shape, "full", sparing, given).bytes / HEADROOM
        given = replace(given, machine=Machine(int(need * share)))
        assert fit.best(shape, given)[0].tuner == tuner


@pytest.mark.parametrize("commercial", ["yes", "conditions", "any"])
def test_licences_filter(commercial: str) -> None:
    choice = chosen(commercial=commercial, candidates=500)
    found = {one.commercial for one in choice.candidates}
    assert found <= {"yes": {"yes"}, "conditions": {"yes", "conditions", None}}.get(
        commercial, {"yes", "conditions", "no", None}
    )
    told = reasons(choice)
    assert (filters.UNFREE.en in told) == (commercial == "yes")
    assert (filters.UNCOMMERCIAL.en in told) == (commercial == "conditions")


def test_a_closed_model_is_named_and_never_offered() -> None:
    choice = chosen(goal="law", commercial="any", candidates=500)
    assert reasons(choice)[filters.CLOSED.en] == 1
    assert not any("Farui" in one.name for one in choice.candidates)
    assert any("Farui" in model.name for model in browse(ChooseRecipe(goal="law"), None))


def test_languages_filter() -> None:
    models = {model.name: model for model in catalogue.listed()}
    choice = chosen(languages=["zh"], candidates=500)
    assert choice.candidates
    for one in choice.candidates:
        named = models[one.name].get("languages")
        assert named is None or "zh" in named or models[one.name].get("language_count") > len(named)
    assert reasons(choice)[filters.TONGUE.en] > 10


def test_languages_of_the_data_count(ws: Workspace) -> None:
    question = "今天的天气怎么样，适合去公园散步吗"
    choice = chosen(add_version(ws, [chat(f"{question}{n}？", "适合，记得带上一把伞。") for n in range(20)]), ws)
    assert reasons(choice)[filters.TONGUE.en] > 10


def test_labels_take_an_encoder_and_nothing_else_does(ws: Workspace) -> None:
    records = [Record("label", text=f"the film was fine {n}", label="good" if n % 2 else "bad") for n in range(40)]
    choice = chosen(add_version(ws, records), ws, goal="classification", machine="memory=24GB")
    models = {model.name: model for model in catalogue.listed()}
    assert choice.candidates
    offered = {models[one.name].get("architecture") for one in choice.candidates if not one.here}
    assert offered == {"encoder-only"}
    assert said(choice, "objective").value == "classify"
    assert said(choice, "tuner").value == "full"
    others = {models[one.name].get("architecture") for one in chosen(candidates=500).candidates}
    assert "encoder-only" not in others


@pytest.mark.parametrize(("goal", "domain"), [("code", "code"), ("medicine", "medicine"), ("law", "law")])
def test_a_goal_s_own_models_come_first(goal: str, domain: str) -> None:
    models = {model.name: model for model in catalogue.listed()}
    choice = chosen(goal=goal, machine="gpu=48GB")
    assert choice.best is not None
    assert models[choice.best.name].get("domain") == domain
    assert not any(models[one.name].get("domain") == domain for one in chosen(candidates=500).candidates)


def test_vision_takes_models_that_see(ws: Workspace) -> None:
    models = {model.name: model for model in catalogue.listed()}
    image = Turn("user", (Part("image", blob="f" * 64), Part("text", text="What is this?")))
    seeing = Record("chat", messages=(image, Turn("assistant", "a cat")))
    for choice in (chosen(goal="vision"), chosen(add_version(ws, [seeing]), ws)):
        assert choice.best is not None
        assert all("image" in models[one.name].get("modality") for one in choice.candidates if not one.here)
        assert reasons(choice)[filters.BLIND.en] > 50
        assert "images is not there yet" in said(choice, "plan").text.en


def test_a_reasoning_goal_without_reasoning_is_told(ws: Workspace) -> None:
    plain = chosen(add_version(ws, dialogues(20)), ws, goal="reasoning")
    assert said(plain, "plan").value == ["sft", "grpo"]
    thinking = [
        Record("chat", messages=(Turn("user", f"{n}+1?"), Turn("assistant", f"{n + 1}", reasoning="add one")))
        for n in range(20)
    ]
    choice = chosen(add_version(ws, thinking), ws, goal="reasoning")
    assert not [one for one in choice.advice if one.topic == "plan"]
    assert choice.best is not None
    assert choice.best.kind in ("reasoning", "hybrid")


def test_no_model_that_passes_is_told_apart_from_none_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours.yaml").write_text(OURS, "utf-8")
    ours = catalogue.read_family(tmp_path / "ours.yaml")
    monkeypatch.setattr(catalogue, "listed", lambda *_: ours)
    assert "no model of the catalogue is left" in said(chosen(languages=["tlh"]), "base").text.en
    assert "none of the candidates fits" in said(chosen(machine="gpu=1GB"), "base").text.en


def test_a_name_that_is_nowhere_raises_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'Qwen3-8B'"):
        chosen(base=["Qwen3-8b-"])


def test_a_folder_is_a_candidate_without_licence(tiny_base: Path) -> None:
    choice = chosen(base=[str(tiny_base)])
    (one,) = choice.candidates
    assert one.reference == str(tiny_base)
    assert one.here
    assert one.licence is None
    assert any("not in the catalogue" in reason.en for reason in one.reasons)


def test_a_user_s_own_catalogue_takes_part(tmp_path: Path, ws: Workspace) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(OURS, "utf-8")
    by_file = chosen(catalogue=[str(file)], base=["ours-9b"])
    folder = ws.folder / "catalogue"
    folder.mkdir()
    (folder / "ours.yaml").write_text(OURS, "utf-8")
    by_workspace = chosen(None, ws, base=["team/ours-9b"])
    assert by_file.candidates == by_workspace.candidates
    assert by_file.candidates[0].parameters == 9_000_000_000
    (folder / "ours.yaml").write_text(OURS.replace("kind: instruct", "kynd: instruct"), "utf-8")
    with pytest.raises(SettingError, match="kind"):
        chosen(None, ws)


def test_the_other_hub_s_names() -> None:
    choice = chosen(hub="modelscope", base=["Qwen3-8B"])
    assert choice.candidates[0].reference == "modelscope:Qwen/Qwen3-8B"


def test_a_mixture_of_experts_lies_in_memory_whole() -> None:
    choice = chosen(base=["Qwen3-30B-A3B"], machine="gpu=80GB", tuner="lora")
    assert choice.candidates[0].memory["weights"] == pytest.approx(61.1e9, rel=0.03)
    assert any("all experts lie in memory" in reason.en for reason in choice.candidates[0].reasons)


def test_4_bits_are_not_offered_where_the_model_is_loaded_whole_first() -> None:
    """Qwen3-30B-A3B is run by transformers, Qwen3-32B by our decoder."""
    experts, dense = sorted(
        chosen(base=["Qwen3-30B-A3B", "Qwen3-32B"], machine="gpu=48GB").candidates, key=lambda one: one.name
    )
    assert (experts.tuner, experts.fits) == ("lora", False)
    assert (dense.tuner, dense.fits) == ("qlora", True)
    assert any("transformers runs it" in reason.en for reason in experts.reasons)
    assert not any("transformers runs it" in reason.en for reason in dense.reasons)


def test_training_accepts_the_recipe(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = chosen(add_version(ws, dialogues(40, words=1500)), ws, machine="gpu=24GB")
    for language in ("en", "zh"):
        monkeypatch.setenv("TUNELOOP_LANG", language)
        file = tmp_path / f"{language}.yaml"
        file.write_text(as_yaml(choice), "utf-8")
        recipe = read_recipe("train", file)
        assert recipe.model_dump(exclude_unset=True) == {**choice.recipe["train"]}
    assert choice.best is not None
    assert recipe.base == choice.best.reference  # type: ignore[attr-defined]
    assert recipe.data == "data-1"  # type: ignore[attr-defined]
    assert choice.recipe["train"]["max_length"] >= 1500


def test_switched_off_what_is_here_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(choosing, "this_machine", lambda: Machine(16 * 10**9, here=True))
    choice = chosen(machine=None)
    assert choice.best is not None
    assert choice.best.here
    assert "switched off" in said(choice, "base").text.en


def test_everything_stands_in_both_languages(ws: Workspace) -> None:
    choices = [
        chosen(), chosen(machine="memory=1MB"), chosen(goal="law", commercial="any", candidates=500),
        chosen(add_version(ws, dialogues(40)), ws, goal="reasoning", candidates=500),
    ]  # fmt: skip
    for choice in choices:
        sentences = [one.text for one in choice.advice] + [reason for reason, _ in choice.left_out]
        sentences += [*choice.changes, *(reason for one in choice.candidates for reason in one.reasons)]
        for words in sentences:
            assert HAN.search(words.zh) or NAMES.fullmatch(words.zh), words
            assert not HAN.search(words.en), words
            assert "{" not in words.en + words.zh


def test_the_loop_chooses_without_making_a_workspace(tmp_path: Path) -> None:
    choice = tuneloop.choose(machine="memory=16GB")
    assert choice.best is not None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFoundError):
        tuneloop.choose("data-1", machine="memory=16GB")


def test_the_loop_looks_at_the_newest_data(ws: Workspace) -> None:
    add_version(ws, dialogues(5))
    add_version(ws, dialogues(7))
    assert tuneloop.choose(workspace=ws, machine="memory=16GB").data == "data-2"
    assert tuneloop.choose("data-1", workspace=ws, machine="memory=16GB").data == "data-1"


def test_what_the_data_is_like(ws: Workspace) -> None:
    thinking = Record("chat", messages=(Turn("user", "2+2?"), Turn("assistant", "4", reasoning="two and two")))
    records = [*dialogues(3), thinking, Record("text", text="字" * 1000)]
    seen = look(ws, add_version(ws, records), seed=0)
    assert (seen.rows, seen.kinds, seen.kind) == (5, {"chat": 4, "text": 1}, "chat")
    assert seen.thinking == 1 / 4
    assert 600 < seen.longest < 800
    assert seen.longest <= seen.tokens
    assert not seen.images


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tuneloop.app.cli.main import main

    def run(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(["choose", *words]) == code
        out, err = capsys.readouterr()
        return out if code == 0 else err

    machine = ("--machine", "memory=16GB")
    document = json.loads(run(*machine, "--goal", "code", "--write", "recipe.yaml", "--json"))
    assert document["candidates"][0]["fits"]
    assert document["recipe"]["train"]["base"] == document["candidates"][0]["reference"]
    assert read_recipe("train", tmp_path / "recipe.yaml").base == document["recipe"]["train"]["base"]  # type: ignore[attr-defined]
    text = run(*machine)
    assert "rules of thumb" in text
    assert "Not considered" in text
    assert "is there already" in run(*machine, "--write", "recipe.yaml", code=1)
    assert "nothing fits" in run("--machine", "memory=1MB", "--write", "other.yaml", code=1)
    assert not (tmp_path / "other.yaml").exists()
    assert "'reasoning', 'code'" in run(*machine, "--goal", "kode", code=2)
    listed = json.loads(run("--list", "--goal", "medicine", "--json"))
    assert {one["domain"] for one in listed} == {"medicine"}
    assert all(
        "source" in figure for one in listed for figure in one["parameters"].values() if isinstance(figure, dict)
    )
    assert "Models: 1\n" in run("--list", "--base", "qwen3-8b")
    assert "Did you mean 'Qwen3-8B'" in run("--list", "--base", "qwen3-8b-", code=1)
