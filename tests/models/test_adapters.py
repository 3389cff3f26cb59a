"""Adapters that are not LoRA: prompts, prefixes and bottlenecks, against PEFT and against themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.test_families import hf_model, records
from tests.tiny import save_hf

from tuneloop.errors import ModelError, UsageError
from tuneloop.models import load
from tuneloop.models.adapter import Adapter, load_adapter
from tuneloop.models.adapters.bottleneck import BottleneckAdapter
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.adapters.p_tuning import PTuning
from tuneloop.models.adapters.prefix_tuning import PrefixTuning
from tuneloop.models.adapters.prompt_tuning import PromptTuning
from tuneloop.models.engine import Request
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.packed import Packed
from tuneloop.models.reparametrization import PrefixEncoder, PromptEncoder
from tuneloop.models.sampling import Sampling

IDS = torch.tensor(records()[-1][0])
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {"tie_word_embeddings": False}),
    "qwen3": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "mistral": ("mistral", {"sliding_window": 7}),
    "gemma2": ("gemma2", {"head_dim": 16, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 3.0}),
    "gpt2": ("gpt2", {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 96, "num_key_value_heads": 4}),
}
MAKERS: dict[str, Callable[[LanguageModel], Adapter]] = {
    "prompt": lambda lm: PromptTuning.new(lm, 5, seed=1),
    "prompt text": lambda lm: PromptTuning.new(lm, 5, text="abc"),
    "p_tuning": lambda lm: PTuning.new(lm, 6, width=12, seed=2),
    "p_tuning lstm": lambda lm: PTuning.new(lm, 6, width=12, network="lstm", seed=2),
    "prefix": lambda lm: PrefixTuning.new(lm, 4, seed=3),
    "prefix projected": lambda lm: PrefixTuning.new(lm, 4, width=10, seed=3),
    "houlsby": lambda lm: BottleneckAdapter.new(lm, size=6, placement="houlsby", activation="gelu", seed=4),
    "pfeiffer": lambda lm: BottleneckAdapter.new(lm, size=6, placement="pfeiffer", seed=4),
    "lora": lambda lm: LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=5),
    "dora": lambda lm: LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=6, dora=lm),
}
VIRTUAL = [name for name in MAKERS if name.startswith(("p_", "pr"))]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save_hf(hf_model(*shape), tmp_path_factory.mktemp(name)) for name, shape in SHAPES.items()}


def shaken(name: str, lm: LanguageModel) -> Adapter:
    """An adapter that changes answers."""
    adapter = MAKERS[name](lm)
    torch.manual_seed(len(name))
    for parameter in adapter.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape)
    return adapter


def loaded(folders: dict[str, Path], where: str) -> LanguageModel:
    path, name = where.split()
    lm = load(folders[name], "float32", path)  # type: ignore[arg-type]
    assert lm.fast == (path == "fast")
    lm.freeze()
    return lm


def peft_logits(folder: Path, adapter: Path) -> torch.Tensor:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return PeftModel.from_pretrained(base, str(adapter))(IDS[None]).logits[0, -len(IDS) :]


@pytest.mark.parametrize("name", VIRTUAL)
@pytest.mark.parametrize("where", ["fast llama", "fast qwen3", "fast gemma2", "plain qwen3", "plain gpt2"])
def test_peft_reads_ours(folders: dict[str, Path], where: str, name: str, tmp_path: Path) -> None:
    lm = loaded(folders, where)
    bare = lm.logits(IDS)
    lm.attach(shaken(name, lm))
    ours = lm.logits(IDS).detach()
    assert lm.adapter is not None
    lm.adapter.save(tmp_path)
    assert lm.folder is not None
    torch.testing.assert_close(ours, peft_logits(lm.folder, tmp_path), atol=1e-4, rtol=1e-4)
    lm.attach(load_adapter(tmp_path, lm))
    torch.testing.assert_close(lm.logits(IDS), ours, atol=1e-5, rtol=1e-5)
    lm.detach()
    torch.testing.assert_close(lm.logits(IDS), bare)
    assert (ours - bare).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["prompt", "p_tuning", "prefix"])
@pytest.mark.parametrize("where", ["fast llama", "fast qwen3", "plain gpt2"])
def test_we_read_pefts(folders: dict[str, Path], where: str, kind: str, tmp_path: Path) -> None:
    from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    configs = {
        "prompt": PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=7),
        "p_tuning": PromptEncoderConfig(task_type="CAUSAL_LM", num_virtual_tokens=7, encoder_hidden_size=9),
        "prefix": PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=7),
    }
    lm = loaded(folders, where)
    torch.manual_seed(1)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(lm.folder, dtype=torch.float32), configs[kind])
    model.save_pretrained(tmp_path)
    lm.attach(load_adapter(tmp_path, lm))
    with torch.no_grad():
        expected = model(IDS[None]).logits[0, -len(IDS) :]
    torch.testing.assert_close(lm.logits(IDS).detach(), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("network", ["mlp", "lstm"])
def test_the_prompt_network_is_pefts(network: str) -> None:
    from peft import PromptEncoder as Theirs
    from peft import PromptEncoderConfig

    config = PromptEncoderConfig(
        num_virtual_tokens=5, token_dim=16, num_transformer_submodules=1, encoder_hidden_size=12,
        encoder_reparameterization_type=network.upper(),
    )  # fmt: skip
    theirs = Theirs(config)
    ours = PromptEncoder(5, 16, 12, network, 2, 0)  # type: ignore[arg-type]
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(), theirs(torch.arange(5)[None])[0])


def test_the_prefix_network_is_pefts_and_its_layers_are_its_parts() -> None:
    from peft import PrefixEncoder as Theirs
    from peft import PrefixTuningConfig

    config = PrefixTuningConfig(
        num_virtual_tokens=5, token_dim=8, num_layers=3, encoder_hidden_size=12, prefix_projection=True
    )
    theirs = Theirs(config)
    ours = PrefixEncoder(5, 8, 3, 12, 0)
    ours.load_state_dict(theirs.state_dict())
    whole = ours()
    torch.testing.assert_close(whole, theirs(torch.arange(5)[None])[0])
    torch.testing.assert_close(torch.cat([ours.layer(index) for index in range(3)], 1), whole)


@pytest.mark.parametrize("name", ["prompt text", "prefix"])
def test_a_fresh_one_stands_for_its_tokens(folders: dict[str, Path], name: str) -> None:
    """It answers as the model does with the same tokens written before the record."""
    for where in ("fast gemma2", "fast qwen3", "plain qwen3"):
        lm = loaded(folders, where)
        ids = lm.tokenizer.encode("abcab")
        adapter = PromptTuning.new(lm, 5, text="abc") if name == "prompt text" else PrefixTuning.new(lm, 5, text="abc")
        expected = lm.logits(torch.cat([torch.tensor(ids), IDS]))[len(ids) :]
        lm.attach(adapter)
        torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["houlsby", "pfeiffer", "lora", "dora"])
def test_a_fresh_one_changes_nothing(folders: dict[str, Path], name: str) -> None:
    lm = loaded(folders, "fast qwen3")
    expected = lm.logits(IDS)
    lm.attach(MAKERS[name](lm))
    torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-4, rtol=1e-4)


def losses(lm: LanguageModel, rows: list[Any]) -> torch.Tensor:
    batch = Packed.of(rows)
    return torch.zeros(len(rows)).index_add(0, batch.owners, lm.token_nll(batch) * batch.target_weights)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("where", ["fast mistral", "plain qwen3"])
def test_packed_equals_alone(folders: dict[str, Path], where: str, name: str) -> None:
    """Losses and gradients of records in one row are those of the records one by one, in whatever order."""
    lm = loaded(folders, where)
    adapter = shaken(name, lm)
    lm.attach(adapter)
    together = losses(lm, records())
    together.sum().backward()
    packed = [parameter.grad for parameter in adapter.parameters()]
    for parameter in adapter.parameters():
        parameter.grad = None
    alone = torch.cat([losses(lm, [row]) for row in records()])
    alone.sum().backward()
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    for one, parameter in zip(packed, adapter.parameters(), strict=True):
        assert one is not None
        assert parameter.grad is not None
        assert (one - parameter.grad).abs().max() <= 1e-3 * parameter.grad.abs().max() + 1e-5
    assert any(one is not None and bool(one.any()) for one in packed)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("where", ["fast qwen3", "plain qwen3"])
def test_recomputing_activations_changes_no_gradient(folders: dict[str, Path], where: str, name: str) -> None:
    gradients = []
    for on in (False, True):
        lm = loaded(folders, where)
        lm.checkpointing = on
        if on and "plain" in where and name.startswith("prefix"):
            with pytest.raises(UsageError, match=r"a prefix cannot be trained on .* with gradient_checkpointing"):
                lm.attach(shaken(name, lm))
            return
        lm.attach(shaken(name, lm))
        losses(lm, records()).sum().backward()
        assert lm.adapter is not None
        gradients.append([parameter.grad for parameter in lm.adapter.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


PROMPTS = [[5, 9, 40, 41], [100], [7] * 12, [250, 3, 30, 31, 32]]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("where", ["fast qwen3", "fast mistral", "plain qwen3"])
def test_answers_are_the_likeliest_tokens(folders: dict[str, Path], where: str, name: str) -> None:
    lm = loaded(folders, where)
    lm.attach(shaken(name, lm))
    for prompt, answer in zip(PROMPTS, lm.generate(PROMPTS, max_tokens=8), strict=True):
        ids = torch.tensor([*prompt, *answer.ids])
        with torch.no_grad():
            assert lm.logits(ids)[len(prompt) - 1 : -1].argmax(-1).tolist() == list(answer.ids)


def test_all_kinds_in_one_batch_answer_as_each_alone(folders: dict[str, Path], tmp_path: Path) -> None:
    lm = loaded(folders, "fast qwen3")
    alone = {None: lm.generate(PROMPTS, max_tokens=8)}
    for name in MAKERS:
        adapter = shaken(name, lm)
        adapter.save(tmp_path / name)
        lm.attach(adapter)
        alone[name] = lm.generate(PROMPTS, max_tokens=8)
        lm.detach()
    engine = lm.engine()
    for name in MAKERS:
        engine.add_adapter(name, tmp_path / name)
    handles = {
        (name, number): engine.submit(Request(prompt, Sampling(max_tokens=8), name))
        for number, prompt in enumerate(PROMPTS)
        for name in alone
    }
    for (name, number), handle in handles.items():
        assert engine.finish(handle) == alone[name][number], name
    assert len({answers[0].ids for answers in alone.values()}) > len(alone) // 2


def test_virtual_tokens_take_room_in_the_context(folders: dict[str, Path]) -> None:
    lm = loaded(folders, "fast qwen3")
    lm.attach(shaken("prompt", lm))
    answer = lm.generate([[7] * 55], max_tokens=50)[0]
    assert answer.reason == "stop" or 55 + 5 + len(answer.ids) == 64
    with pytest.raises(UsageError, match="60 tokens; expected fewer than 59"):
        lm.generate([[7] * 60], max_tokens=5)


@pytest.mark.parametrize("placement", ["houlsby", "pfeiffer"])
def test_bottlenecks_on_transformers_equal_ours_and_the_files(
    folders: dict[str, Path], placement: str, tmp_path: Path
) -> None:
    fast, plain = loaded(folders, "fast qwen3"), loaded(folders, "plain qwen3")
    adapter = shaken(placement, fast)
    adapter.save(tmp_path)
    fast.attach(adapter)
    plain.attach(load_adapter(tmp_path, plain))
    torch.testing.assert_close(fast.logits(IDS), plain.logits(IDS), atol=1e-4, rtol=1e-4)
    with pytest.raises(UsageError, match="bottleneck adapter cannot be merged"):
        adapter.merge(fast)


def test_bottlenecks_sit_on_gpt2(folders: dict[str, Path]) -> None:
    lm = loaded(folders, "plain gpt2")
    bare = lm.logits(IDS)
    lm.attach(shaken("houlsby", lm))
    assert (lm.logits(IDS) - bare).abs().max() > 0.1


def test_refusals(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llama, qwen = loaded(folders, "fast llama"), loaded(folders, "fast qwen3")
    shaken("prefix", llama).save(tmp_path / "prefix")
    with pytest.raises(ModelError, match=r"holds virtual tokens of 4 x 144; expected rows of 192"):
        load_adapter(tmp_path / "prefix", qwen)
    shaken("prompt", llama).save(tmp_path / "prompt")
    config = json.loads((tmp_path / "prompt" / "adapter_config.json").read_text())
    (tmp_path / "prompt" / "adapter_config.json").write_text(json.dumps({**config, "num_transformer_submodules": 2}))
    with pytest.raises(ModelError, match="says num_transformer_submodules = 2"):
        load_adapter(tmp_path / "prompt", llama)
    (tmp_path / "prompt" / "adapter_config.json").write_text(json.dumps({**config, "peft_type": "BOTTLENECK"}))
    with pytest.raises(ModelError, match="says placement None"):
        load_adapter(tmp_path / "prompt", llama)
    shaken("pfeiffer", llama).save(tmp_path / "narrow")
    config = json.loads((tmp_path / "narrow" / "adapter_config.json").read_text())
    (tmp_path / "narrow" / "adapter_config.json").write_text(json.dumps({**config, "placement": "houlsby"}))
    with pytest.raises(ModelError, match=r"lacks 'layers.0.attention.down.bias'; expected weights for 6 places"):
        load_adapter(tmp_path / "narrow", llama)
    with pytest.raises(UsageError, match="prompt cannot be merged"):
        shaken("prompt", llama).merge(llama)
    plain = loaded(folders, "plain gpt2")
    monkeypatch.setattr("tuneloop.models.adapters.bottleneck.MODULES", {"mlp": ("ffn",)})
    with pytest.raises(UsageError, match="no module of each layer is called ffn"):
        plain.attach(shaken("pfeiffer", plain))
