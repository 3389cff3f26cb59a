"""One training run by LLaMA-Factory through `run_exp`, the function behind `llamafactory-cli train`.

The same is set as for the other programs (see run_trl.py).  `--pack` switches its neat packing on, which keeps packed
examples isolated; its plain packing lets attention cross them and is not the same job.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import transformers
from clock import Clock
from llamafactory.train.tuner import run_exp


def main() -> None:
    options = arguments()
    clock = Clock(options.accumulate)
    count_tokens(clock)
    # After full tuning it writes a model card, for which it asks the hub about the base model and fails offline.
    transformers.Trainer.create_model_card = lambda *_, **__: None
    run_exp(args=settings(options), callbacks=[clock])
    clock.save(["llamafactory", "transformers", "trl", "peft", "accelerate", "datasets", "torch"])


def settings(options: argparse.Namespace) -> dict[str, object]:
    data = Path(options.data)
    folder = Path(options.out).parent / "data"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_info.json").write_text(json.dumps({"bench": {"file_name": str(data.resolve())}}))
    tuning = {"finetuning_type": "full"}
    if options.adapter:
        tuning = {"finetuning_type": "lora", "adapter_name_or_path": options.adapter}
    return tuning | {
        "stage": "sft",
        "do_train": True,
        "model_name_or_path": options.model,
        "template": "chatml",
        "dataset": "bench",
        "dataset_dir": str(folder),
        "cutoff_len": 1024,
        "overwrite_cache": True,
        "output_dir": options.out,
        "per_device_train_batch_size": options.batch,
        "gradient_accumulation_steps": options.accumulate,
        "max_steps": options.steps,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": "constant",
        "packing": options.pack,
        "neat_packing": options.pack,
        "bf16": options.dtype == "bfloat16",
        "use_cpu": True,
        "disable_gradient_checkpointing": True,
        "disable_shuffling": True,
        "optim": "adamw_torch_fused",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "plot_loss": False,
        "disable_tqdm": True,
        "seed": 0,
    }


def count_tokens(clock: Clock) -> None:
    """Wrap the collator just before the trainer makes its loader: `run_exp` gives no other hold on it."""
    original = transformers.Trainer.get_train_dataloader

    def loader(self: transformers.Trainer) -> object:
        self.data_collator = clock.counting(self.data_collator)
        return original(self)

    transformers.Trainer.get_train_dataloader = loader


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True, help="JSON list with instruction, input and output")
    parser.add_argument("--adapter", help="PEFT adapter to start from; left out: full tuning")
    parser.add_argument("--out", required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    parser.add_argument("--pack", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
