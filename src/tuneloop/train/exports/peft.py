"""The adapter alone, in PEFT's two files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.errors import UsageError
from tuneloop.train.export import Export, Original, Proof
from tuneloop.wording import Words


class Peft(Export):
    """Writes the adapter's two files; the proof reads them back."""

    title: ClassVar[Words] = Words("PEFT adapter", "PEFT 适配器")
    help: ClassVar[Words] = Words(
        "The adapter without its base, as PEFT and most servers load it.",
        "不含基座的适配器文件，PEFT 和多数推理服务可直接加载。",
    )

    base: str | None = setting(
        None,
        en="base to name in the adapter's config; the one it was tuned on when left out",
        zh="写入适配器配置的基座名；不填则为微调时的基座",
    )

    def write(self, original: Original, folder: Path) -> None:
        adapter = original.open().adapter
        if adapter is None:
            raise UsageError(
                f"{original.version.name} is a whole model, tuned with {original.version.tuner!r}",
                expected="a model version that is an adapter",
                do="Export it with the form 'merged'",
            )
        adapter.base = self.base or original.version.base
        adapter.save(folder)

    def prove(self, original: Original, folder: Path) -> Proof:
        """Read back, every number must be the same."""
        from tuneloop.models.adapter import load_adapter

        lm = original.open()
        wanted = dict(lm.adapter.named_parameters()) if lm.adapter else {}
        found = dict(load_adapter(folder, lm).named_parameters())
        same = wanted.keys() == found.keys() and all(wanted[name].equal(found[name]) for name in wanted)
        named = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        summary = Words(
            "{count} matrices read back equal; the base is {base}.", "{count} 个矩阵读回一致；基座为 {base}。"
        ).format(count=len(found), base=named)
        return Proof({"matrices": len(found)}, same, summary)
