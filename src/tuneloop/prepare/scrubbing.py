"""What a report shows of the data, taken out when somebody is forgotten: texts, and tags that nobody else has."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from tuneloop.prepare.frozen import TEST_SET


def scrubbed(report: Mapping[str, Any], *, left: Set[str], gone: Set[str]) -> dict[str, Any]:
    """A report without its examples, without what its test set was, and without tags that are not among the `left`.

    `gone` are tags that items had and none has any more: sentences of advice that name one are left out, at times one
    too many, as a tag may be a common word.
    """
    told = {name: value for name, value in report.items() if name != TEST_SET}
    told["examples"] = {name: [] for name in report.get("examples", {})}
    gone = gone | {one["value"] for step in report.get("steps", ()) for one in step.get("spread", ()) if _is_tag(one)}
    gone -= left
    if "steps" in report:
        told["steps"] = [_step(step, left) for step in report["steps"]]
    if "advice" in report:
        told["advice"] = [one for one in report["advice"] if not _names(one["text"], gone)]
    if rejected := report.get("tags", {}).get("rejected"):
        told["tags"] = {**report["tags"], "rejected": {tag: many for tag, many in rejected.items() if tag in left}}
    return told


def _step(step: Mapping[str, Any], left: Set[str]) -> dict[str, Any]:
    if "spread" not in step:
        return dict(step)
    return {**step, "spread": [one for one in step["spread"] if not _is_tag(one) or one["value"] in left]}


def _is_tag(share: Mapping[str, Any]) -> bool:
    return bool(share.get("by") == "tag")


def _names(text: Mapping[str, str], tags: Set[str]) -> bool:
    return any(tag in said for tag in tags for said in text.values())
