"""Our loss is TRL's: the same batch, the same model, float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import byte_tokenizer

from tuneloop.models import load
from tuneloop.records import Record, Turn
from tuneloop.train.batches import pack
from tuneloop.train.examples import Examples, Item, write
from tuneloop.train.objectives.sft import SupervisedFineTuning

from .conftest import chat, facts


def rows() -> list[Record]:
    """Answers of different length, two turns, Chinese, and a turn that is left out."""
    turns = (
        Turn("user", "你好"),
        Turn("assistant", "你好，请问？"),
        Turn("user", "hi"),
        Turn("assistant", "no", weight=0.0),
    )
    return [*facts()[:5], chat("a longer question, then", "a longer answer. " * 5), Record("chat", messages=turns)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_our_loss_and_gradients_equal_those_of_trl(base: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    lm = load(base, "float32")
    encoded = write([Item(row) for row in rows()], SupervisedFineTuning(), lm, 256, tmp_path / "encoded", {})
    loss = SupervisedFineTuning().loss(lm, pack(encoded, np.arange(len(encoded))))
    ours = loss.total / loss.weight
    ours.backward()  # type: ignore[no-untyped-call]

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    assert tokenizer.vocab_size == byte_tokenizer().size
    settings = SFTConfig(
        output_dir=str(tmp_path / "trl"), per_device_train_batch_size=len(encoded), max_length=None, bf16=False,
        use_cpu=True, report_to="none", gradient_checkpointing=False, learning_rate=0.0, max_steps=1,
        max_grad_norm=1e9, logging_steps=1, optim="sgd",
    )  # fmt: skip
    trainer = SFTTrainer(
        model, settings, train_dataset=Dataset.from_list(labelled(encoded)), processing_class=tokenizer
    )
    trainer.train()
    told = trainer.state.log_history[0]
    assert ours.item() == pytest.approx(told["loss"], abs=1e-4)
    norm = torch.linalg.vector_norm(
        torch.stack([one.grad.norm() for one in lm.module.parameters() if one.grad is not None])
    )
    assert norm.item() == pytest.approx(told["grad_norm"], rel=1e-4)


def labelled(encoded: Examples) -> list[dict[str, list[int]]]:
    """Examples as TRL takes them: -100 where nothing is trained."""
    found = []
    for number in range(len(encoded)):
        ids = encoded.ids(number).astype(int)
        labels = np.where(encoded.mask(number) > 0, ids, -100)
        found.append({"input_ids": ids.tolist(), "labels": labels.tolist()})
    return found
