"""The tuned model as one Hugging Face folder that plain transformers loads: adapter and base added up in float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tuneloop.config import setting
from tuneloop.train.export import Export, Original, Proof
from tuneloop.wording import Words

if TYPE_CHECKING:
    import torch

    from tuneloop.models.language_model import LanguageModel

MEAN_KL, TOP1 = 0.01, 0.98  # what rounding to 16 bits may cost at most
ANSWERS, ANSWER_TOKENS, PROMPT_TOKENS = 6, 24, 12  # greedy continuations compared in float32


class Merged(Export):
    """Writes one folder; the proof loads it with transformers, as anybody would."""

    title: ClassVar[Words] = Words("merged safetensors", "合并后的 safetensors")
    help: ClassVar[Words] = Words(
        "One model folder for transformers and most other programs; compared with the original before it is given out.",
        "合并为一个模型文件夹，可用于 transformers 等多数程序；输出前与原模型比对。",
    )

    dtype: Literal["base", "float32", "bfloat16", "float16"] = setting(
        "base",
        en="number format of the weights; base: as in the base's own files",
        zh="权重精度；base 表示与基座文件相同",
    )

    def write(self, original: Original, folder: Path) -> None:
        from tuneloop.models.loading import as_dtype

        lm = original.open()
        if lm.adapter is not None:
            adapter = lm.adapter
            lm.detach()
            adapter.merge(lm)
        stated = lm.settings.get("dtype") or lm.settings.get("torch_dtype") or "float32"
        lm.module.to(as_dtype(str(stated) if self.dtype == "base" else self.dtype))
        lm.save(folder)

    def prove(self, original: Original, folder: Path) -> Proof:
        """Mean KL divergence and top-1 agreement at each position; in float32 the same greedy text as well."""
        lm, written = original.open(), _Plain(folder)
        positions, kl, agree = 0, 0.0, 0
        for ids in original.sequences:
            more_kl, more_agree = _compared(lm.logits(_row(ids)).detach(), written.logits(ids))
            positions, kl, agree = positions + len(ids), kl + more_kl, agree + more_agree
        if not positions:
            return _unproven(written)
        figures = {"positions": positions, "mean_kl": kl / positions, "top1": agree / positions}
        passed = figures["mean_kl"] <= MEAN_KL and figures["top1"] >= TOP1
        if written.dtype == "float32":
            prompts = [ids[:PROMPT_TOKENS] for ids in original.sequences[:ANSWERS]]
            same = sum(_greedy(lm, prompt) == written.greedy(prompt) for prompt in prompts)
            figures |= {"answers": len(prompts), "same_answers": same}
            passed = passed and same == len(prompts)
        return Proof(figures, passed, _summary(figures, written.dtype))


class _Plain:
    """The written folder, loaded by transformers as anybody would."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForCausalLM

        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", local_files_only=True)
        self.dtype = str(self.model.dtype).removeprefix("torch.")

    def logits(self, ids: list[int]) -> torch.Tensor:
        """[T, V] float32."""
        import torch

        with torch.no_grad():
            found: torch.Tensor = self.model(input_ids=_row(ids)[None]).logits[0].float()
        return found

    def greedy(self, prompt: list[int]) -> list[int]:
        row = _row(prompt)[None]
        told = self.model.generate(
            input_ids=row, attention_mask=row.new_ones(row.shape), do_sample=False, max_new_tokens=ANSWER_TOKENS
        )
        return [int(token) for token in told[0, len(prompt) :]]


def _greedy(lm: LanguageModel, prompt: list[int]) -> list[int]:
    """The most likely continuation, token by token; its end token is part of it."""
    ids = list(prompt)
    while len(ids) < len(prompt) + ANSWER_TOKENS:
        ids.append(int(lm.logits(_row(ids))[-1].argmax()))
        if ids[-1] in lm.end_ids:
            break
    return ids[len(prompt) :]


def _row(ids: list[int]) -> torch.Tensor:
    import torch

    return torch.tensor(ids, dtype=torch.int64)


def _compared(wanted: torch.Tensor, found: torch.Tensor) -> tuple[float, int]:
    """Sums over positions: KL divergence of `found` from `wanted` in nats, and equal first choices."""
    import torch

    log_p, log_q = torch.log_softmax(wanted, -1), torch.log_softmax(found, -1)
    kl = (log_p.exp() * (log_p - log_q)).sum()
    return float(kl), int((wanted.argmax(-1) == found.argmax(-1)).sum())


def _summary(figures: dict[str, float], dtype: str) -> Words:
    text = Words(
        "In {dtype}, over {positions} positions: mean KL {mean_kl:.1e} nat, first choice the same at {top1:.1%}",
        "{dtype} 下比对 {positions} 个位置：平均 KL {mean_kl:.1e} 奈特，首选词元一致率 {top1:.1%}",
    ).format(dtype=dtype, **figures)
    if "answers" not in figures:
        return Words(text.en + ".", text.zh + "。")
    more = Words(
        "; {same_answers} of {answers} greedy answers the same.", "；{answers} 个贪心回答中 {same_answers} 个相同。"
    )
    more = more.format(**figures)
    return Words(text.en + more.en, text.zh + more.zh)


def _unproven(written: _Plain) -> Proof:
    """Without data only this much is known: transformers loads the folder."""
    summary = Words(
        "transformers loads it in {dtype}; the data to compare answers on is gone.",
        "transformers 可按 {dtype} 加载；用于比对的数据已不存在。",
    )
    return Proof({"positions": 0}, True, summary.format(dtype=written.dtype))
