"""The catalogue: every figure has a source and a date, both languages are there, and a user's file is checked alike."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from tests.test_wording import HAN, NAMES

from tuneloop.errors import InputError, NotFoundError, SettingError
from tuneloop.models.catalogue import Listed, Text, find, listed
from tuneloop.models.catalogue.reading import SHIPPED, get
from tuneloop.models.shape_from import from_figures
from tuneloop.models.tunings import parameters

MODELS = listed()
FAMILIES = {model.family: model.about for model in MODELS}

SMALL = """
title: {en: Ours, zh: 自有模型}
languages: [zh]
commercial: yes
sizes:
  1B: {parameters: 1000000000, hidden: 2048}
models:
  - {name: ours-1b, size: 1B, kind: base, hub: team/ours-1b}
"""


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_figure_has_a_source_and_a_date(model: Listed) -> None:
    unsourced = [figure for figure in model.stated() if model.source(figure) is None]
    assert unsourced == []
    dates = [source.checked for figure in model.stated() if (source := model.source(figure))]
    assert all(datetime.date(2026, 1, 1) <= date <= datetime.date.today() for date in dates)


def test_the_families_that_people_ask_for_are_there() -> None:
    wanted = {"llama", "qwen2.5", "qwen3", "qwen3.5", "phi", "mistral", "gemma", "deepseek", "glm"}
    wanted |= {"qwen-coder", "deepseek-coder", "code-llama", "llama-vision", "qwen-vl", "deepseek-vl"}
    wanted |= {"huatuogpt", "bio-medical-llama", "law", "bert", "roberta", "starter"}
    assert wanted <= set(FAMILIES)
    closed = [model.name for model in MODELS if model.get("access") == "closed"]
    assert any("Farui" in name for name in closed)
    encoders = [model for model in MODELS if model.get("architecture") == "encoder-only"]
    assert {language for model in encoders for language in model.get("languages") or ()} >= {"zh", "en"}


def test_a_size_s_numbers_make_its_parameters() -> None:
    """For dense decoders all of whose numbers are known: counted from them, within what rounding explains."""
    checked = 0
    names = ("hidden", "layers", "heads", "kv_heads", "head_dim", "intermediate", "vocab", "tied")
    for model in MODELS:
        known = {name: model.get(name) for name in names}
        if model.get("architecture") != "decoder-only" or None in (known["intermediate"], known["tied"]):
            continue
        count = parameters(from_figures(model.get("parameters"), **known))
        assert count == pytest.approx(model.get("parameters"), rel=0.01), model.name
        checked += 1
    assert checked > 50


def test_the_starter_s_entry_is_what_ships() -> None:
    import json

    config = json.loads((SHIPPED.parent / "starter" / "config.json").read_text("utf-8"))
    starter = get("starter", MODELS)
    assert starter.get("hidden") == config["hidden_size"]
    assert starter.get("vocab") == config["vocab_size"]
    assert starter.get("context") == config["max_position_embeddings"]
    weights = (SHIPPED.parent / "starter" / "model.safetensors").stat().st_size
    assert starter.get("parameters") == pytest.approx(weights / 2, rel=0.01)  # bfloat16


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_sentences_stand_in_both_languages(family: str) -> None:
    about = FAMILIES[family]
    texts = [about.title, about.note, about.terms, about.trained_on]
    texts += [text for entry in about.models for text in (entry.terms, entry.trained_on)]
    for text in [one for one in texts if isinstance(one, Text)]:
        assert text.en.strip()
        assert HAN.search(text.zh) or NAMES.fullmatch(text.zh), text.zh
        assert not HAN.search(text.en)


def test_names_are_unique_and_found_by_any_of_them() -> None:
    names = [model.name for model in MODELS]
    assert len(names) == len(set(names))
    for name in ("Qwen3-8B", "Qwen/Qwen3-8B", "modelscope:Qwen/Qwen3-8B", "qwen/qwen3-8b"):
        model = find(name, MODELS)
        assert model is not None
        assert model.name == "Qwen3-8B"
    assert find("nobody/nothing", MODELS) is None
    with pytest.raises(NotFoundError, match="Did you mean 'Qwen3-8B'"):
        get("Qwen3-8", MODELS)


def test_a_model_s_own_figure_goes_before_its_family_s() -> None:
    research = get("Qwen2.5-3B", MODELS)
    assert (research.get("licence"), research.get("commercial")) == ("Qwen Research License", "no")
    assert get("Qwen2.5-7B", MODELS).get("commercial") == "yes"
    assert "LICENSE" in str(research.source("licence"))


def test_a_user_s_file_adds_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(SMALL, "utf-8")
    models = listed(tmp_path)
    assert len(models) == len(MODELS) + 1
    ours = get("team/ours-1b", models)
    assert ours.get("commercial") == "yes"  # YAML reads a bare yes as true
    assert ours.get("parameters") == 1_000_000_000
    assert ours.get("licence") is None
    (tmp_path / "law.yaml").write_text(SMALL, "utf-8")
    assert [model.name for model in listed(tmp_path / "law.yaml") if model.family == "law"] == ["ours-1b"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("languages:", "langauges:"), r"field 'langauges'.*Did you mean 'languages'"),
        (("hidden: 2048", "hiden: 2048"), r"field 'sizes.1B.hiden'.*Did you mean 'hidden'"),
        (("kind: base", "kinds: base"), r"field 'models.0.kinds'.*Did you mean 'kind'"),
        (("kind: base", "kind: raw"), r"models.0.kind.*found 'raw'"),
        (("size: 1B", "size: 2B"), "ours-1b has the size '2B'; expected one of 1B"),
        (("commercial: yes", "commercial: maybe"), "found 'maybe'"),
        (("hidden: 2048", "hidden: -1"), "found -1"),
        (("models:", "sources: [{of: [lisence], at: here, checked: 2026-01-01}]\nmodels:"), "no figure is called"),
        (("models:", "sources: [{of: [licence], at: here}]\nmodels:"), "field 'sources.0.checked'.*no value"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(SMALL.replace(*change), "utf-8")
    with pytest.raises(SettingError, match=told) as refused:
        listed(file)
    assert str(file) in str(refused.value)


def test_a_catalogue_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such catalogue"):
        listed(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="holds no catalogue"):
        listed(tmp_path)
