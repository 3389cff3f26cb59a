"""An architecture that our own decoder does not know is trained through transformers, by the same loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny import byte_tokenizer

from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train

from .conftest import MakeVersion, facts


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = byte_tokenizer()
    folder = tmp_path_factory.mktemp("gpt2")
    shape = GPT2Config(
        vocab_size=tokenizer.size, n_positions=128, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=2,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    GPT2LMHeadModel(shape).save_pretrained(folder)
    tokenizer.save(folder)
    return folder


@pytest.mark.parametrize("tuner", ["lora", "full"])
def test_it_learns_and_says_why(ws: Workspace, make_version: MakeVersion, gpt2: Path, tuner: str) -> None:
    recipe = TrainRecipe(base=str(gpt2), tuner=tuner, max_steps=20, learning_rate=1e-2, precision="float32")
    made = train(make_version(facts()), recipe, workspace=ws)
    curve = [metric.value for metric in queue.metrics(ws, str(made.run), ["loss"])]
    assert min(curve[-3:]) < curve[0] - 0.3
    told = next(event.data for event in queue.events(ws, str(made.run)) if event.kind == "model")
    assert told["path"] == "plain"
    assert "gpt2" in told["why"]["en"].lower()
