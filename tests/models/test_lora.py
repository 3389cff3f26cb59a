"""LoRA adapters: PEFT reads ours and we read PEFT's with equal logits; merged equals attached; fused equals apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.test_families import hf_model, records
from tests.tiny import save_hf

from tuneloop.errors import ModelError, SettingError
from tuneloop.models import load
from tuneloop.models.adapter import load_adapter
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.packed import Packed

IDS = torch.tensor(records()[-1][0])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    shapes: dict[str, tuple[str, dict[str, Any]]] = {
        "qwen2": ("qwen2", {"tie_word_embeddings": True}),
        "gpt2": ("gpt2", {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    }
    return {name: save_hf(hf_model(*shape), tmp_path_factory.mktemp(name)) for name, shape in shapes.items()}


@pytest.fixture(params=["fast qwen2", "plain qwen2", "plain gpt2"])
def lm(request: pytest.FixtureRequest, folders: dict[str, Path]) -> LanguageModel:
    path, name = request.param.split()
    return load(folders[name], "float32", path)


def adapter_for(lm: LanguageModel, **settings: Any) -> LoraAdapter:
    if settings.pop("dora", False):
        settings["dora"] = lm
    adapter = LoraAdapter.new(lm.sites(), **{"r": 4, "alpha": 12, "seed": 5, "base": lm.reference, **settings})
    torch.manual_seed(2)
    for site in adapter.sites.values():
        torch.nn.init.normal_(site.up, std=0.2)
        if site.magnitude is not None:
            site.magnitude.data *= 1 + 0.3 * torch.rand(len(site.magnitude))
    return adapter


def peft_logits(folder: Path, adapter: Path) -> torch.Tensor:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return PeftModel.from_pretrained(base, str(adapter))(IDS[None]).logits[0]


SETTINGS: dict[str, dict[str, Any]] = {
    "all": {},
    "rslora": {"rslora": True, "targets": ["o_proj", "v_proj"]},
    "dora": {"dora": True, "r": 16},
    "dora some": {"dora": True, "rslora": True, "targets": ["k_proj", "down_proj"]},
    "rank 64": {"r": 64},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_peft_reads_ours(lm: LanguageModel, name: str, tmp_path: Path) -> None:
    settings = dict(SETTINGS[name])
    if lm.config.family == "gpt2" and "targets" in settings:
        settings["targets"] = ["c_attn"]
    lm.attach(adapter_for(lm, **settings))
    before = lm.logits(IDS)
    lm.adapter.save(tmp_path)  # type: ignore[union-attr]
    assert lm.folder is not None
    torch.testing.assert_close(before, peft_logits(lm.folder, tmp_path), atol=1e-4, rtol=1e-4)
    lm.attach(load_adapter(tmp_path, lm))
    torch.testing.assert_close(lm.logits(IDS), before)


@pytest.mark.parametrize("dora", [False, True])
def test_we_read_pefts(lm: LanguageModel, dora: bool, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(lm.folder, dtype=torch.float32)
    patterns = {} if lm.config.family == "gpt2" else {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"k_proj": 3}}
    config = LoraConfig(
        r=4, lora_alpha=6, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM", use_dora=dora,
        **patterns,
    )  # fmt: skip
    torch.manual_seed(3)
    model = get_peft_model(base, config)
    for name, parameter in model.named_parameters():
        if "magnitude" in name:
            parameter.data *= 1 + 0.3 * torch.rand(len(parameter))
    model.save_pretrained(tmp_path)
    lm.attach(load_adapter(tmp_path, lm))
    with torch.no_grad():
        expected = model(IDS[None]).logits[0]
        torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-4, rtol=1e-4)
        lm.adapter.save(tmp_path / "again")  # type: ignore[union-attr]
        lm.attach(load_adapter(tmp_path / "again", lm))
        torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-4, rtol=1e-4)


def test_a_new_adapter_changes_nothing_and_draws_as_peft(lm: LanguageModel) -> None:
    expected = lm.logits(IDS)
    lm.attach(LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=0, dora=lm))
    torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-4, rtol=1e-4)
    lm.detach()
    adapter = LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=0)
    lm.attach(adapter)
    torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-6, rtol=0)
    for site in adapter.sites.values():
        bound = site.down.shape[1] ** -0.5
        assert 0.8 * bound < float(site.down.detach().abs().max()) <= bound
    same = LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=0)
    assert all(torch.equal(one, other) for one, other in zip(adapter.parameters(), same.parameters(), strict=True))


@pytest.mark.parametrize("dora", [False, True])
def test_merged_equals_attached(lm: LanguageModel, dora: bool) -> None:
    adapter = adapter_for(lm, dora=dora)
    base = lm.logits(IDS)
    lm.attach(adapter)
    attached = lm.logits(IDS)
    lm.detach()
    torch.testing.assert_close(lm.logits(IDS), base)
    adapter.merge(lm)
    torch.testing.assert_close(lm.logits(IDS), attached, atol=1e-4, rtol=1e-4)
    assert (attached - base).abs().max() > 1


@pytest.mark.parametrize("dora", [False, True])
def test_fused_gradients_equal_those_of_the_plain_path(folders: dict[str, Path], dora: bool) -> None:
    batch = Packed.of(records())
    gradients = []
    for path in ("fast", "plain"):
        lm = load(folders["qwen2"], "float32", path)  # type: ignore[arg-type]
        lm.freeze()
        lm.attach(adapter_for(lm, dora=dora))
        (lm.token_nll(batch, batch.target_weights) * batch.target_weights).sum().backward()
        assert lm.adapter is not None
        gradients.append({name: one.grad for name, one in lm.adapter.named_parameters()})
        assert all(one.grad is None for one in lm.module.parameters())
    assert gradients[0].keys() == gradients[1].keys()
    for name, ours in gradients[0].items():
        theirs = gradients[1][name]
        assert ours is not None
        assert theirs is not None
        assert (ours - theirs).abs().max() <= 2e-4 * theirs.abs().max().clamp_min(1e-3), name


@pytest.mark.parametrize("dora", [False, True])
def test_gradients_equal_pefts(lm: LanguageModel, dora: bool, tmp_path: Path) -> None:
    """DoRA's norm gets no gradient, here as there."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapter = adapter_for(lm, dora=dora)
    adapter.save(tmp_path)
    base = AutoModelForCausalLM.from_pretrained(lm.folder, dtype=torch.float32)
    theirs = PeftModel.from_pretrained(base, str(tmp_path), is_trainable=True)
    theirs(IDS[None], labels=IDS[None]).loss.backward()
    expected = {
        name.replace(".default.weight", "" if "magnitude" in name else ".weight"): one.grad
        for name, one in theirs.named_parameters()
        if one.requires_grad
    }
    lm.freeze()
    lm.attach(adapter)
    batch = Packed.of([(IDS.tolist(), [1.0] * len(IDS))])
    lm.token_nll(batch).mean().backward()
    found = {name: one.grad for name, one in adapter.named_parameters()}
    assert found.keys() == expected.keys()
    for name, grad in found.items():
        assert grad is not None
        scale = expected[name].abs().max().clamp_min(1e-3)
        assert (grad - expected[name]).abs().max() <= 5e-4 * scale, name


def test_dora_generates_as_it_scores(lm: LanguageModel) -> None:
    lm.attach(adapter_for(lm, dora=True))
    answer = lm.generate([IDS.tolist()[:5]], max_tokens=8)[0]
    ids = torch.tensor([*IDS.tolist()[:5], *answer.ids])
    with torch.no_grad():
        assert lm.logits(ids)[4:-1].argmax(-1).tolist() == list(answer.ids)


def test_refusals(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = load(folders["qwen2"], "float32")
    with pytest.raises(SettingError, match="no linear layer of this model is called 'query'; expected some of do"):
        LoraAdapter.new(lm.sites(), r=2, alpha=2, targets=["query"])
    adapter = adapter_for(lm)
    adapter.save(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())

    def refused(found: str, **changes: Any) -> None:
        (tmp_path / "adapter_config.json").write_text(json.dumps({**config, **changes}))
        with pytest.raises(ModelError, match=found):
            load_adapter(tmp_path, lm)

    refused("holds no magnitudes for 'model.layers.0.*says use_dora = True", use_dora=True)
    refused("says modules_to_save", modules_to_save=["lm_head"])
    refused("is an adapter of type 'IA3'", peft_type="IA3")
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    sites = lm.sites()
    first = next(iter(sites))
    monkeypatch.setattr(lm, "sites", lambda: {**sites, first: (7, 7)})
    with pytest.raises(ModelError, match="expected 7 x 7, as this base model has"):
        load_adapter(tmp_path, lm)
    monkeypatch.setattr(lm, "sites", lambda: {name: size for name, size in sites.items() if name != first})
    with pytest.raises(ModelError, match="which this base model does not have"):
        load_adapter(tmp_path, lm)
    monkeypatch.undo()
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(ModelError, match="is a pickle"):
        load_adapter(tmp_path, lm)
