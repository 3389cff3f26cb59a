"""Finding, refusing, loading and writing model folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.test_families import hf_model, records
from tests.tiny import byte_tokenizer, save_hf

from tuneloop.errors import ModelError, NotFoundError, UsageError
from tuneloop.models import load
from tuneloop.models.checkpoint import write_tensors, write_weights
from tuneloop.models.fast import FastModel
from tuneloop.models.new import NewModel, create
from tuneloop.models.packed import Packed
from tuneloop.models.places import fetched

IDS = torch.tensor(records()[-1][0])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hf(hf_model("llama", {"tie_word_embeddings": False}), tmp_path_factory.mktemp("original"))


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "model"))


def change(folder: Path, **settings: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def test_what_we_save_transformers_loads(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    lm = load(folder, "float32")
    lm.save(tmp_path / "saved")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert theirs.dtype == torch.float32
    with torch.no_grad():
        torch.testing.assert_close(theirs(IDS[None]).logits[0], lm.logits(IDS), atol=1e-4, rtol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert tokenizer("小猫 cat")["input_ids"] == lm.tokenizer.encode("小猫 cat")
    assert "<|im_start|>" in tokenizer.chat_template
    again = load(tmp_path / "saved", "float32")
    torch.testing.assert_close(again.logits(IDS), lm.logits(IDS))


def test_restore_takes_saved_weights(folder: Path, tmp_path: Path) -> None:
    lm = load(folder, "float32")
    before = lm.logits(IDS)
    lm.save(tmp_path / "saved")
    with torch.no_grad():
        for weight in lm.state().values():
            weight.zero_()
    lm.restore(tmp_path / "saved")
    torch.testing.assert_close(lm.logits(IDS), before)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_files(folder: Path, dtype: str) -> None:
    from transformers import AutoModelForCausalLM

    module = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    module.save_pretrained(folder)
    lm = load(folder, "float32")
    expected = module.float()(IDS[None]).logits[0]
    torch.testing.assert_close(lm.logits(IDS), expected, atol=1e-4, rtol=1e-4)
    assert load(folder, dtype).dtype == getattr(torch, dtype)


def test_shards(folder: Path) -> None:
    lm = load(folder, "float32")
    expected = lm.logits(IDS)
    (folder / "model.safetensors").unlink()
    write_weights(folder, lm.state(), shard_bytes=40_000)
    assert len(list(folder.glob("*-of-*.safetensors"))) > 3
    torch.testing.assert_close(load(folder, "float32").logits(IDS), expected)
    sorted(folder.glob("*.safetensors"))[1].unlink()
    with pytest.raises(ModelError, match=r"shards of which 1 are not there: model-00002-of"):
        load(folder)


def test_a_head_that_is_not_in_the_files_is_the_embedding(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    lm = load(folder, "float32")
    state = {name: tensor for name, tensor in lm.state().items() if name != "lm_head.weight"}
    write_weights(folder, state)
    ours = load(folder, "float32")
    assert ours.config.tied
    change(folder, tie_word_embeddings=True)
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        torch.testing.assert_close(ours.logits(IDS), theirs(IDS[None]).logits[0], atol=1e-4, rtol=1e-4)


def test_end_tokens_are_those_of_all_configs(folder: Path) -> None:
    (folder / "generation_config.json").write_text('{"eos_token_id": [5, 6]}')
    change(folder, eos_token_id=7)
    assert load(folder).end_ids == {2, 5, 6, 7}  # 2 is the tokenizer's


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"rope_parameters": {"rope_type": "mystery", "rope_theta": 1e4}}, "rotary embedding 'mystery' is unknown"),
        ({"clever_new_gate": True}, "a key the fast path does not know, 'clever_new_gate'"),
        ({"hidden_act": "relu"}, "hidden_act = 'relu', which the fast path does not do"),
        ({"attention_dropout": 0.1}, "attention_dropout = 0.1"),
        ({"quantization_config": {"bits": 4}}, "'quantization_config'"),
        ({"model_type": "gpt_neox"}, "'gpt_neox' has no fast path"),
    ],
)
def test_unknown_settings_send_a_model_to_the_plain_path(settings: dict[str, Any], found: str, folder: Path) -> None:
    change(folder, **settings)
    with pytest.raises(ModelError, match=found):
        load(folder, "float32", "fast")


def test_the_plain_path_says_why_and_scores_the_same(folder: Path) -> None:
    fast = load(folder, "float32")
    change(folder, clever_new_gate=True)
    plain = load(folder, "float32")
    assert (fast.fast, plain.fast) == (True, False)
    assert "'clever_new_gate'" in plain.why.en
    assert "'clever_new_gate'" in plain.why.zh
    batch = Packed.of(records())
    torch.testing.assert_close(fast.token_nll(batch), plain.token_nll(batch), atol=1e-4, rtol=1e-4)
    losses = []
    for lm in (fast, plain):
        loss = (lm.token_nll(batch, batch.target_weights) * batch.target_weights).sum()
        loss.backward()
        losses.append(loss.item())
        lm.checkpointing = True
        again = (lm.token_nll(batch, batch.target_weights) * batch.target_weights).sum()
        assert again.item() == pytest.approx(loss.item(), rel=1e-5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for name, ours in fast.state().items():
        torch.testing.assert_close(ours, plain.state()[name])


def without(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).unlink() for name in names] and None


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def gguf_only(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    (folder / "model-q4.gguf").touch()


def adapter_only(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def not_json(folder: Path) -> None:
    (folder / "config.json").write_text("{oops")


def evil(folder: Path) -> None:
    (folder / "evil.py").touch()
    change(folder, auto_map={"AutoModel": "evil.Model"})


def evil_type(folder: Path) -> None:
    change(folder, auto_map={"AutoModel": "somebody/code--evil.Model"}, model_type="unheard_of")


def lost_weight(folder: Path) -> None:
    lm = load(folder, "float32")
    write_weights(folder, {name: one for name, one in lm.state().items() if "layers.1.mlp.up" not in name})


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "pickles": (pickled, "only pickled weights .pytorch_model.bin., which can run any code"),
    "remote code": (evil, "wants to run code of its own .evil.Model"),
    "a type that only remote code knows": (evil_type, "wants to run code of its own .somebody/code--evil.Model"),
    "torn weights": (cut_short, "is broken or cut short"),
    "no weights": (without("model.safetensors"), "has no weights; expected model.safetensors"),
    "a weight is missing": (lost_weight, "lacks 1 of 30 weights, the first is 'model.layers.1.mlp.up_proj.weight'"),
    "no tokenizer": (without("tokenizer.json"), "has no tokenizer; expected tokenizer.json"),
    "no config": (without("config.json"), "has no config.json"),
    "broken config": (not_json, "cannot be read"),
    "gguf": (gguf_only, "model-q4.gguf, a format for running and not for tuning"),
    "adapter": (adapter_only, "holds an adapter, not a base model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_sentences(case: str, folder: Path) -> None:
    spoil, found = REFUSED[case]
    spoil(folder)
    with pytest.raises(ModelError, match=found):
        load(folder)


OWN_CODE = """
from transformers import LlamaConfig, LlamaForCausalLM
class Config(LlamaConfig):
    model_type = "unheard_of"
class Model(LlamaForCausalLM):
    config_class = Config
"""


def test_own_code_runs_only_when_named(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = load(folder, "float32", "plain").logits(torch.arange(5, 15))
    (folder / "own.py").write_text(OWN_CODE)
    change(folder, auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}, model_type="unheard_of")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("TUNELOOP_REMOTE_CODE", f"{folder.name}, {folder}x")
    with pytest.raises(ModelError, match=f"sets TUNELOOP_REMOTE_CODE={folder}"):
        load(folder)
    monkeypatch.setenv("TUNELOOP_REMOTE_CODE", f"other/model, {folder}")
    lm = load(folder, "float32")
    assert not lm.fast
    assert "自带代码" in lm.why.zh
    torch.testing.assert_close(lm.logits(torch.arange(5, 15)), expected)


def test_code_is_fetched_only_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "*.py" not in fetched("somebody/model")
    monkeypatch.setenv("TUNELOOP_REMOTE_CODE", "somebody/model")
    assert "*.py" in fetched("somebody/model")
    assert "*.py" not in fetched("modelscope:somebody/model")


def test_names_that_are_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="no such model folder"):
        load("./nowhere")
    file = tmp_path / "model.gguf"
    file.touch()
    with pytest.raises(ModelError, match="is a file; expected a model folder"):
        load(file)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotFoundError, match="no folder is called 'nobody/nothing-1b'"):
        load("nobody/nothing-1b")
    with pytest.raises(NotFoundError, match="the network is switched off"):
        load("modelscope:nobody/nothing-1b")
    with pytest.raises(UsageError, match="no precision is called 'fp8'"):
        load(save_hf(hf_model("llama", {}), tmp_path / "model"), "fp8")


def test_the_fast_path_imports_no_transformers(original: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tuneloop.models import load; assert 'torch' not in sys.modules;"
        f"lm = load({str(original)!r}, 'float32'); lm.generate([[5, 6]], max_tokens=2);"
        "assert lm.fast and not {'transformers', 'peft', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_new_model_is_repeatable_and_loads_in_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    spec = NewModel(hidden=32, layers=2, heads=2, kv_heads=1, head_dim=16, intermediate=64, max_positions=64, seed=3)
    lm = create(spec, byte_tokenizer(), "float32")
    assert isinstance(lm, FastModel)
    assert torch.equal(lm.module.embed, create(spec, byte_tokenizer(), "float32").module.embed)
    assert not torch.equal(lm.module.embed, create(spec.model_copy(update={"seed": 4}), byte_tokenizer()).module.embed)
    lm.save(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(theirs).__name__ == "Qwen3ForCausalLM"
    with torch.no_grad():
        torch.testing.assert_close(theirs(IDS[None]).logits[0], lm.logits(IDS), atol=1e-4, rtol=1e-4)
    uniform = torch.log(torch.tensor(259.0)).item()
    assert lm.token_nll(Packed.of(records())).mean().item() == pytest.approx(uniform, abs=0.1)


def test_notes_say_what_a_model_lacks(folder: Path) -> None:
    assert load(folder).notes == [load(folder).why]
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": config["tokenizer_class"]}))
    change(folder, eos_token_id=None)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    bare = load(folder, "float32")
    assert ["no chat template" in note.en or "no end token" in note.en for note in bare.notes] == [False, True, True]
    assert bare.end_ids == frozenset()
    assert [one.reason for one in bare.generate([[5]], max_tokens=3)] == ["length"]


def test_tensors_are_written_as_safetensors_writes_them(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = {
        "b": torch.randn(3, 5),
        "a": torch.randn(4).bfloat16(),
        "词": torch.arange(3),
        "empty": torch.empty(0, 3),
        "one": torch.tensor(2.0),
        "bytes": torch.arange(5, dtype=torch.uint8),
    }
    save_file(tensors, tmp_path / "theirs", metadata={"format": "pt"})
    write_tensors(tmp_path / "ours", tensors)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    row = torch.randn(10, 6)
    views = {"turned": row[:5].t(), "rest": row[5:]}  # of one storage, which safetensors refuses
    write_tensors(tmp_path / "views", views)
    read = load_file(tmp_path / "views")
    assert all(torch.equal(read[name], views[name]) for name in views)
