"""One training run by TRL's DPOTrainer, at its defaults but for what makes the runs comparable.

Set for all programs alike: order of the data, batch, learning rate without schedule, AdamW (fused), precision, seed,
the starting adapter, beta.  The adapter is given as a configuration, so that TRL takes the reference from the base with
the adapter off; the starting weights are put into it afterwards.
"""

from __future__ import annotations

import argparse

import torch
from clock import Clock
from datasets import load_dataset
from peft import LoraConfig, load_peft_weights, set_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer


def main() -> None:
    options = arguments()
    clock = Clock(options.accumulate)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    adapter = LoraConfig.from_pretrained(options.adapter)
    adapter.inference_mode = False
    config = DPOConfig(
        output_dir=options.out,
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulate,
        max_steps=options.steps,
        learning_rate=options.learning_rate,
        lr_scheduler_type="constant",
        beta=0.1,
        max_length=1024,
        bf16=options.dtype == "bfloat16",
        use_cpu=True,
        gradient_checkpointing=False,
        train_sampling_strategy="sequential",
        optim="adamw_torch_fused",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=0,
    )
    data = load_dataset("json", data_files=options.data, split="train")
    trainer = DPOTrainer(
        model, args=config, train_dataset=data, processing_class=tokenizer, peft_config=adapter, callbacks=[clock]
    )
    set_peft_model_state_dict(trainer.model, load_peft_weights(options.adapter, device="cpu"))
    trainer.data_collator = clock.counting(trainer.data_collator)
    trainer.train()
    trainer.save_model(options.out)
    clock.save(["trl", "transformers", "peft", "accelerate", "datasets", "torch"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True, help="JSONL with prompt, chosen and rejected")
    parser.add_argument("--adapter", required=True, help="PEFT adapter to start from")
    parser.add_argument("--out", required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
