"""Models, tokenizer, data and workspaces that all programs train on: made once per folder, from the user's own files.

    models/m25, m135     Qwen3 of 27 M and Llama of 135 M parameters (SmolLM-135M's shape), random weights, float32
    models/q06, q7       the shapes of Qwen3-0.6B and Qwen2.5-7B, random weights, bfloat16: for a graphics card
    models/neox25        GPT-NeoX of about the size of m25, which our fast path does not know
    data/NAME.jsonl      the examples as prompt and completion (TRL), in the order in which we train on them
    data/NAME.json       the same as instruction, input, output (LLaMA-Factory)
    workspaces/NAME      the same as a dataset version, all of it in the training split

The tokenizer is a byte-level BPE of 8,192 tokens with ChatML's marks, trained on the examples.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SEED = 0
RANK, ALPHA = 8, 16.0

SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "m25": (
        "Qwen3",
        {
            "vocab_size": 16384,
            "hidden_size": 512,
            "num_hidden_layers": 6,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 64,
            "intermediate_size": 1536,
            "tie_word_embeddings": True,
        },
    ),
    "m135": (
        "Llama",
        {
            "vocab_size": 49152,
            "hidden_size": 576,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "intermediate_size": 1536,
            "tie_word_embeddings": True,
        },
    ),
    "q06": (
        "Qwen3",
        {
            "vocab_size": 151936,
            "hidden_size": 1024,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "intermediate_size": 3072,
            "tie_word_embeddings": True,
        },
    ),
    "q7": (
        "Qwen2",
        {
            "vocab_size": 152064,
            "hidden_size": 3584,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "intermediate_size": 18944,
            "tie_word_embeddings": False,
        },
    ),
    "neox25": (
        "GPTNeoX",
        {
            "vocab_size": 16384,
            "hidden_size": 512,
            "num_hidden_layers": 6,
            "num_attention_heads": 8,
            "intermediate_size": 1536,
            "tie_word_embeddings": True,
        },
    ),
}

LARGE = ("q06", "q7")


@dataclass(frozen=True)
class Assets:
    """Paths of everything for one model and one data set."""

    model: Path
    adapter: Path
    prompts: Path
    alpaca: Path
    workspace: Path
    examples: int


def make(root: Path, data: Sequence[Path], model: str, count: int, batch: int) -> Assets:
    """The assets under `root`, made where they are not there yet; `count` examples, `batch` of them a step."""
    name = f"{count}x{batch}"
    found = Assets(
        model=root / "models" / model,
        adapter=root / "models" / f"{model}-adapter",
        prompts=root / "data" / f"{name}.jsonl",
        alpaca=root / "data" / f"{name}.json",
        workspace=root / "workspaces" / name,
        examples=count,
    )
    rows = examples(data, count)
    if not found.model.is_dir():
        make_model(found.model, model, rows)
    if not found.adapter.is_dir():
        make_adapter(found.model, found.adapter)
    if not found.prompts.is_file():
        _make_data(found, rows)
    return found


def examples(files: Sequence[Path], count: int) -> list[dict[str, str]]:
    """`count` examples, the same number of each file (JSON lists with instruction, input and output), shuffled."""
    draw = random.Random(SEED)
    each, rows = count // len(files), []
    for file in files:
        known = json.loads(file.read_text(encoding="utf-8"))
        texts = {(row["instruction"], row.get("input") or "", row["output"]) for row in known}
        rows += draw.sample(sorted(text for text in texts if text[2].strip()), each)
    draw.shuffle(rows)
    return [dict(zip(("instruction", "input", "output"), row, strict=True)) for row in rows]


def question(row: dict[str, str]) -> str:
    return row["instruction"] + (f"\n{row['input']}" if row["input"] else "")


def make_model(folder: Path, name: str, rows: Sequence[dict[str, str]]) -> None:
    """The shape `name` with random weights; its tokenizer is trained on the rows' texts."""
    import torch
    import transformers

    tokenizer = _tokenizer(rows)
    family, shape = SHAPES[name]
    config = getattr(transformers, f"{family}Config")(
        **shape,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(SEED)
    dtype = torch.bfloat16 if name in LARGE else torch.float32
    torch.set_default_dtype(dtype)  # 7 B parameters are not made in float32 first
    try:
        getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(folder)
    finally:
        torch.set_default_dtype(torch.float32)
    tokenizer.save_pretrained(folder)


def _tokenizer(rows: Sequence[dict[str, str]]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=8192, special_tokens=MARKS, initial_alphabet=alphabet)
    engine.train_from_iterator((text for row in rows for text in row.values()), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=2048
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def make_adapter(model: Path, folder: Path) -> None:
    """The adapter that every LoRA run starts from: the one that our seed draws, as PEFT's files."""
    from tuneloop.models import load
    from tuneloop.models.adapters.lora import LoraAdapter

    lm = load(model, dtype="float32")
    LoraAdapter.new(lm.sites(), r=RANK, alpha=ALPHA, seed=SEED, base=str(model)).save(folder)


def _make_data(assets: Assets, rows: Sequence[dict[str, str]]) -> None:
    """The workspace first: the order in which it is trained on is then that of the peers' files."""
    from tuneloop import loop
    from tuneloop.store import Workspace, datasets
    from tuneloop.train import data

    folder = assets.prompts.parent
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / f"{assets.workspace.name}-raw.json"
    raw.write_text(json.dumps(list(rows), ensure_ascii=False), encoding="utf-8")
    loop.prepare(raw, workspace=assets.workspace, recipe={"steps": ["normalize"], "split": "train_only"})
    with Workspace.find(assets.workspace) as ws:
        records = [item.record for item in data.items(ws, datasets.version(ws), "train")]
    if len(records) != assets.examples:
        raise SystemExit(f"the workspace holds {len(records)} records of {assets.examples}: give other data")
    turns = [[turn.payload() for turn in record.messages] for record in records]
    ordered = [turns[number] for number in order(len(turns))]
    with assets.prompts.open("w", encoding="utf-8") as file:
        for messages in ordered:
            line = {"prompt": messages[:-1], "completion": messages[-1:]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    alpaca = [{"instruction": m[0]["content"], "input": "", "output": m[1]["content"]} for m in ordered]
    assets.alpaca.write_text(json.dumps(alpaca, ensure_ascii=False), encoding="utf-8")


def order(count: int) -> list[int]:
    """The order of our first epoch."""
    import numpy

    from tuneloop.train import mixtures

    numbers = mixtures.order(numpy.ones(count), numpy.zeros(count), None, SEED, 0)
    return [int(number) for number in numbers]
