"""One training run by TRL's SFTTrainer, at its defaults but for what makes the runs comparable.

Set for all programs alike: order of the data, batch, learning rate without schedule, AdamW (fused), precision, seed,
the starting adapter.  `--pack` switches TRL's packing on (best-fit decreasing, examples kept isolated by positions).
On a card the frozen base of LoRA is loaded in bfloat16, as one would; full tuning keeps float32 weights under autocast.
"""

from __future__ import annotations

import argparse

import torch
from clock import Clock
from datasets import load_dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer


def main() -> None:
    options = arguments()
    clock = Clock(options.accumulate)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    on_card = options.device == "cuda"
    loads = torch.bfloat16 if on_card and options.adapter else torch.float32
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=loads)
    if options.adapter:
        model = PeftModel.from_pretrained(model, options.adapter, is_trainable=True)
    config = SFTConfig(
        output_dir=options.out,
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulate,
        max_steps=options.steps,
        learning_rate=options.learning_rate,
        lr_scheduler_type="constant",
        max_length=1024,
        packing=options.pack,
        bf16=options.dtype == "bfloat16",
        use_cpu=not on_card,
        gradient_checkpointing=options.checkpointing,
        train_sampling_strategy="sequential",
        optim="adamw_torch_fused",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=0,
    )
    data = load_dataset("json", data_files=options.data, split="train")
    trainer = SFTTrainer(model, args=config, train_dataset=data, processing_class=tokenizer, callbacks=[clock])
    trainer.data_collator = clock.counting(trainer.data_collator)
    trainer.train()
    trainer.save_model(options.out)
    clock.save(["trl", "transformers", "peft", "accelerate", "datasets", "torch"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True, help="JSONL with prompt and completion")
    parser.add_argument("--adapter", help="PEFT adapter to start from; left out: full tuning")
    parser.add_argument("--out", required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    parser.add_argument("--pack", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--checkpointing", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
