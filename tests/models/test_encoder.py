"""Encoders: hidden rows as transformers computes them, sites for adapters, and everything that they cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import byte_tokenizer

from tuneloop.errors import ModelError, UsageError
from tuneloop.models import load
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.bidirectional import is_encoder
from tuneloop.models.packed import Packed

SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
RECORDS = [[5, 9, 30, 7], [8, 4], [20, 21, 22, 23, 24, 25, 26]]


def made(folder: Path, kind: str) -> Path:
    import transformers

    config, model = {
        "bert": (transformers.BertConfig, transformers.BertForMaskedLM),
        "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
    }[kind]
    tokenizer = byte_tokenizer(None)
    torch.manual_seed(0)
    model(config(vocab_size=tokenizer.size, max_position_embeddings=40, **SIZE)).save_pretrained(folder)
    tokenizer.save(folder)
    return folder


def packed(records: list[list[int]]) -> Packed:
    return Packed.of([(ids, [0.0] * len(ids)) for ids in records])


@pytest.mark.parametrize(("kind", "positions"), [("bert", 40), ("roberta", 38)])
def test_hidden_rows_are_those_of_each_text_alone(tmp_path: Path, kind: str, positions: int) -> None:
    import transformers

    lm = load(made(tmp_path, kind), dtype="float32")
    assert (lm.fast, lm.generates, lm.config.max_positions) == (False, False, positions)
    oracle = transformers.AutoModel.from_pretrained(tmp_path).eval()
    found = lm.hidden(packed(RECORDS), torch.arange(13))
    expected = torch.cat([oracle(torch.tensor([ids])).last_hidden_state[0] for ids in RECORDS])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    lm.hidden(packed([list(range(5, 5 + positions))]), torch.tensor([0]))  # as long as it says


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_it_is_saved_restored_and_loaded_again(tmp_path: Path, kind: str) -> None:
    lm = load(made(tmp_path / "base", kind), dtype="float32")
    before = lm.hidden(packed(RECORDS), torch.arange(13)).detach()
    lm.save(tmp_path / "saved")
    with torch.no_grad():
        for parameter in lm.module.parameters():
            parameter.add_(0.1)
    assert not torch.allclose(lm.hidden(packed(RECORDS), torch.arange(13)), before)
    lm.restore(tmp_path / "saved")
    torch.testing.assert_close(lm.hidden(packed(RECORDS), torch.arange(13)), before)
    again = load(tmp_path / "saved", dtype="float32")
    torch.testing.assert_close(again.hidden(packed(RECORDS), torch.arange(13)), before)


def test_lora_sits_on_all_its_linear_layers_and_merges(tmp_path: Path) -> None:
    lm = load(made(tmp_path, "bert"), dtype="float32")
    sites = lm.sites()
    assert len(sites) == 2 * 6
    assert not any("pooler" in name or "predictions" in name for name in sites)
    bare = lm.hidden(packed(RECORDS), torch.arange(13)).detach()
    adapter = LoraAdapter.new(sites, r=4, alpha=8, seed=1)
    for name, parameter in adapter.named_parameters():
        parameter.data.normal_(generator=torch.Generator().manual_seed(len(name))).mul_(0.1)
    lm.attach(adapter)
    with_adapter = lm.hidden(packed(RECORDS), torch.arange(13)).detach()
    assert not torch.allclose(with_adapter, bare, atol=1e-3)
    lm.detach()
    torch.testing.assert_close(lm.hidden(packed(RECORDS), torch.arange(13)), bare)
    adapter.merge(lm)
    torch.testing.assert_close(lm.hidden(packed(RECORDS), torch.arange(13)), with_adapter, rtol=1e-4, atol=1e-5)


def test_gradients_are_the_same_with_checkpointing(tmp_path: Path) -> None:
    lm = load(made(tmp_path, "bert"), dtype="float32")
    found = []
    for on in (False, True):
        lm.checkpointing = on
        lm.module.zero_grad()
        lm.hidden(packed(RECORDS), torch.tensor([0, 4])).square().sum().backward()
        found.append([p.grad.clone() for p in lm.module.parameters() if p.grad is not None])
    assert len(found[0]) == len(list(lm.module.parameters()))
    for plain, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_what_an_encoder_cannot_do_is_refused(tmp_path: Path) -> None:
    lm = load(made(tmp_path, "bert"), dtype="float32")
    with pytest.raises(UsageError, match=r"is an encoder \(bert\), which writes no text"):
        lm.generate([[5, 6]], max_tokens=2)
    with pytest.raises(UsageError, match="foresees no next token"):
        lm.token_nll(packed(RECORDS))
    with pytest.raises(ModelError, match="An encoder"):
        load(tmp_path, path="fast")


def test_missing_weights_are_an_error(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = made(tmp_path, "bert") / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if "layer.1.attention.self.query.weight" in name)
    save_file({key: value for key, value in tensors.items() if key != name}, file, {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights, .*layer\.1\.attention\.self\.query"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "encoder"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, True),
        ({"model_type": "xlm-roberta"}, True),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"]}, False),
        ({"model_type": "roberta", "is_decoder": True}, False),
        ({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, False),
    ],
)
def test_which_models_are_encoders(settings: dict[str, Any], encoder: bool) -> None:
    assert is_encoder(settings) is encoder
