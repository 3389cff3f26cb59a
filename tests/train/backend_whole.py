"""A backend that is another library's whole trainer: transformers, PEFT and a loop of its own."""

from __future__ import annotations

from typing import ClassVar

from tuneloop.config import setting
from tuneloop.errors import SettingError, StoppedError, Where
from tuneloop.records import Progress, Watcher
from tuneloop.runs import Lease
from tuneloop.train.backend import Backend, Job, Trained
from tuneloop.train.recipe import Resolved, TrainRecipe
from tuneloop.wording import Words


class Whole(Backend):
    title: ClassVar[Words] = Words("another library", "第三方训练库")
    help: ClassVar[Words] = Words("Trains with PEFT's own loop.", "使用 PEFT 自己的训练循环。")
    rank: int = setting(4, ge=1, en="rank", zh="秩")

    def check(self, recipe: TrainRecipe) -> None:
        if recipe.tuner not in (None, "lora"):
            raise SettingError(
                f"the backend 'backend_whole' cannot train with the tuner {recipe.tuner!r}",
                expected="lora",
                where=Where(field="tuner"),
            )

    def preview(self, job: Job) -> Resolved:
        from tuneloop.train.assembly import look

        return look(job)[1]

    def run(self, job: Job, lease: Lease, progress: Watcher) -> Trained:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        from tuneloop.train.assembly import encode, look
        from tuneloop.train.objective import objectives

        lm, resolved = look(job)
        objective = objectives.create(resolved.recipe.objective or "")
        place = lease.folder / "encoded"
        rows = encode(job.workspace, job.version, "train", resolved.recipe, objective, lm, place, None, lambda *_: None)
        base = AutoModelForCausalLM.from_pretrained(str(job.recipe.base), dtype=torch.float32)
        torch.manual_seed(resolved.recipe.seed)
        model = get_peft_model(base, LoraConfig(r=self.rank, target_modules="all-linear", task_type="CAUSAL_LM"))
        optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=5e-3)
        steps = int(resolved.recipe.max_steps or 1)
        for step in range(steps):
            if how := lease.should_stop():
                (lease.cancel if how == "cancel" else lease.pause)()
                raise StoppedError(f"{lease.run} stopped at step {step}")
            number = step % len(rows)
            ids = torch.from_numpy(rows.ids(number).astype("int64"))[None]
            labels = ids.masked_fill(torch.from_numpy(rows.mask(number).astype("float32"))[None] == 0, -100)
            loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            lease.metric(step + 1, loss=float(loss.detach()))
            progress(Progress("train", step + 1, steps, "step", {"loss": float(loss.detach())}))
        folder = job.workspace.path("models") / lease.run
        model.save_pretrained(folder)
        return Trained(folder, "adapter", str(job.recipe.base), objective.name, "lora", resolved, {"steps": steps})
