"""What docs/prepare-steps.md shows is what the steps do."""

import re
from pathlib import Path

import pytest

from tuneloop.prepare.decision import Replace
from tuneloop.prepare.recipe import DEFAULT_STEPS
from tuneloop.prepare.split import splits
from tuneloop.prepare.step import StepContext, steps
from tuneloop.records import Record

PAGE = (Path(__file__).parents[2] / "docs" / "prepare-steps.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)
ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[rn])")


def plain(text: str) -> str:
    """The page writes invisible characters as Python does."""
    return ESCAPE.sub(lambda match: match[0].encode().decode("unicode_escape"), text)


def examples():
    for section in PAGE.split("\n## ")[1:]:
        name = section.partition("\n")[0].strip("`")
        for before, after in ROW.findall(section):
            yield pytest.param(name, plain(before), plain(after), id=f"{name}: {before}")


@pytest.mark.parametrize(("name", "before", "after"), list(examples()))
def test_example(name, before, after):
    decision = steps.create(name).start(StepContext(b"secret")).decide_one(Record("text", text=before))
    found = decision.record.text if isinstance(decision, Replace) else before
    assert re.fullmatch(re.escape(after).replace("\\-…\\]", "-[0-9A-Z]{8}\\]"), found)


def test_there_are_examples():
    assert len(list(examples())) >= 15


def test_every_step_and_splitter_is_described_and_the_default_is_the_default():
    for name in [*steps, *splits]:
        assert f"`{name}`" in PAGE
    assert f"steps: [{', '.join(DEFAULT_STEPS)}]" in PAGE
