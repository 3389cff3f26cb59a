"""Approvals, aliases and settings stand in the audit log; going back passes over removals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneloop.access import audit
from tuneloop.access.audit import Actor
from tuneloop.errors import ConflictError
from tuneloop.serve import aliases, approvals, exchanges
from tuneloop.serve.aliases import Target
from tuneloop.store import Workspace, models

ANN = Actor("user-7", "Ann", "key-3", "10.0.0.9")


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        for number in range(3):
            folder = opened.path("models", f"m{number}")
            (folder / "weights").write_text(str(number))
            models.add_model(
                opened, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}
            )
        yield opened


def test_each_act_tells_who_what_and_on_what(ws: Workspace) -> None:
    with audit.acting_as(ANN):
        approvals.decide(ws, "model-1", "approved", person="Ann")
        aliases.point(ws, "support", [Target("model-1")], person="Ann")
        aliases.canary(ws, "support", "model-2", 0.25, person="Bob", override="an urgent fix")
        aliases.roll_back(ws, "support", person="Ann")
        aliases.point(ws, "support", [], person="Ann")
        exchanges.set_logging(ws, {"log": "sampled", "share": 0.5})
    found = audit.entries(ws)[::-1]
    assert {(one.person, one.name, one.key, one.address) for one in found} == {("user-7", "Ann", "key-3", "10.0.0.9")}
    one, two = {"model": "model-1", "share": 1.0}, {"model": "model-2", "share": 0.25}
    assert [(one.action, one.target, dict(one.details)) for one in found] == [
        ("model.decide", "model-1", {"state": "approved"}),
        ("alias.set", "support", {"change": 1, "targets": [one]}),
        (
            "alias.canary",
            "support",
            {"change": 2, "targets": [{**one, "share": 0.75}, two], "person": "Bob", "override": "an urgent fix"},
        ),
        ("alias.roll_back", "support", {"change": 3, "targets": [one], "back_to": 1}),
        ("alias.remove", "support", {"change": 4, "targets": []}),
        ("settings.change", "exchanges", {"log": "sampled", "share": 0.5, "redact": True}),
    ]


def test_what_was_refused_leaves_no_row_and_without_a_server_the_machine_s_user_acts(ws: Workspace) -> None:
    with pytest.raises(ConflictError):
        aliases.point(ws, "support", [Target("model-1")], person="Ann")
    assert audit.entries(ws) == []
    approvals.decide(ws, "model-1", "approved", person="Ann")
    (entry,) = audit.entries(ws)
    assert (entry.person, entry.name) == (None, audit.at_the_machine().name)
    assert entry.details == {"state": "approved", "person": "Ann"}


def test_going_back_passes_over_removals(ws: Workspace) -> None:
    for name in ("model-1", "model-2"):
        approvals.decide(ws, name, "approved", person="Ann")
    aliases.point(ws, "support", [Target("model-1")], person="Ann")
    removed = aliases.point(ws, "support", [], person="Ann")
    with pytest.raises(ConflictError, match=f"change {removed.number} removed 'support'"):
        aliases.roll_back(ws, "support", person="Ann", to=removed.number)
    aliases.point(ws, "support", [Target("model-2")], person="Ann")
    back = aliases.roll_back(ws, "support", person="Ann")
    assert (back.targets, back.rolled_back_to) == ((Target("model-1"),), 1)
    assert aliases.resolve(ws, "support") == "model-1"


def test_a_removal_alone_is_nothing_to_go_back_to(ws: Workspace) -> None:
    approvals.decide(ws, "model-1", "approved", person="Ann")
    aliases.point(ws, "support", [], person="Ann")
    aliases.point(ws, "support", [Target("model-1")], person="Ann")
    with pytest.raises(ConflictError, match="'support' has pointed to nothing else"):
        aliases.roll_back(ws, "support", person="Ann")
    assert aliases.resolve(ws, "support") == "model-1"


def test_a_removed_alias_comes_back(ws: Workspace) -> None:
    approvals.decide(ws, "model-1", "approved", person="Ann")
    aliases.point(ws, "support", [Target("model-1")], person="Ann")
    aliases.point(ws, "support", [], person="Ann")
    assert aliases.roll_back(ws, "support", person="Ann").targets == (Target("model-1"),)
