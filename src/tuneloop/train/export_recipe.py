"""What a person may say about an export."""

from __future__ import annotations

from typing import Any

from tuneloop.config import Settings, setting


class ExportRecipe(Settings):
    """The `export:` part of a recipe file."""

    form: str | dict[str, Any] = setting(
        "merged",
        en="merged: whole weights; peft: the adapter alone",
        zh="merged：合并后的完整权重；peft：仅适配器",
    )
