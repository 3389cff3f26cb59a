"""A recipe file to start from: what was chosen, with the reason behind each value."""

from __future__ import annotations

import yaml

from tuneloop.records import Choice
from tuneloop.wording import Words

HEAD = Words(
    "A recipe to start from: tuneloop train --recipe FILE. What is not here, training derives and tells.",
    "起步配方：tuneloop train --recipe 文件。未写的参数由训练时推导并说明。",
)


def as_yaml(choice: Choice) -> str:
    """The recipe with reasons as comments, in the reader's language; its content is `choice.recipe`."""
    reasons = {one.topic: str(one.text) for one in choice.advice}
    lines = [f"# {HEAD}"]
    for stage, values in choice.recipe.items():
        lines.append(f"{stage}:")
        for key, value in values.items():
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
            text = text.removesuffix("\n").removesuffix("...").rstrip()
            reason = reasons.get("longest" if key == "max_length" else key)
            lines.append(f"  {key}: {text}" + (f"  # {reason}" if reason else ""))
    return "\n".join(lines) + "\n"
