"""Approvals, aliases, exchanges, feedback: recorded, computed from rows, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import ConflictError, NotFoundError, SettingError, UsageError
from tuneloop.serve import aliases, approvals, exchanges, feedback
from tuneloop.serve.aliases import Target
from tuneloop.serve.exchanges import Exchange, ExchangeLog
from tuneloop.store import Workspace, models

Make = Callable[[int], list[str]]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def make(ws: Workspace) -> Make:
    def make(count: int, approved: bool = True) -> list[str]:
        names = []
        for number in range(count):
            folder = ws.path("models", f"m{number}")
            (folder / "weights").write_text(str(number))
            version = models.add_model(
                ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}
            )
            names.append(version.name)
            if approved:
                approvals.decide(ws, version.name, "approved", person="Li Na")
        return names

    return make


def test_a_version_begins_as_a_candidate_and_decisions_stay(ws: Workspace, make: Make) -> None:
    (name,) = make(1, approved=False)  # type: ignore[call-arg]
    assert approvals.state_of(ws, name) == "candidate"
    approvals.decide(ws, name, "approved", person="Li Na", note="87 % support")
    approvals.decide(ws, name, "retired", person="Chen")
    assert approvals.state_of(ws, name) == "retired"
    assert [(one.state, one.person, one.note) for one in approvals.history(ws, name)] == [
        ("retired", "Chen", ""),
        ("approved", "Li Na", "87 % support"),
    ]


def test_decisions_need_a_person_a_version_and_a_state(ws: Workspace, make: Make) -> None:
    (name,) = make(1)
    with pytest.raises(UsageError, match="nobody is named"):
        approvals.decide(ws, name, "approved", person=" ")
    with pytest.raises(UsageError, match="no approval state is called 'aproved'"):
        approvals.decide(ws, name, "aproved", person="Li")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="model-7"):
        approvals.decide(ws, "model-7", "approved", person="Li")


def test_only_approved_versions_take_an_alias(ws: Workspace, make: Make) -> None:
    one, two = make(2, approved=False)  # type: ignore[call-arg]
    with pytest.raises(ConflictError, match=f"{one} is candidate; expected an approved version"):
        aliases.point(ws, "support", [Target(one)], person="Li")
    approvals.decide(ws, one, "approved", person="Li")
    assert aliases.point(ws, "support", [Target(one)], person="Li").overridden is None
    forced = aliases.point(ws, "support", [Target(two)], person="Chen", override="the old one swears")
    assert (forced.person, forced.overridden) == ("Chen", "the old one swears")
    assert aliases.resolve(ws, "support") == two


def test_going_back_is_one_call_and_checks_again(ws: Workspace, make: Make) -> None:
    one, two, three = make(3)
    for name in (one, two, three):
        aliases.point(ws, "support", [Target(name)], person="Li")
    first = aliases.history(ws, "support")[-1]
    assert aliases.roll_back(ws, "support", person="Li").targets == (Target(two),)
    back = aliases.roll_back(ws, "support", person="Li", to=first.number)
    assert (back.targets, back.rolled_back_to) == ((Target(one),), first.number)
    assert len(aliases.history(ws, "support")) == 5
    aliases.point(ws, "support", [Target(three)], person="Li")
    approvals.decide(ws, one, "retired", person="Li")
    with pytest.raises(ConflictError, match=f"{one} is retired"):
        aliases.roll_back(ws, "support", person="Li")
    with pytest.raises(NotFoundError, match="has no change 99"):
        aliases.roll_back(ws, "support", person="Li", to=99)


def test_what_is_deployed_cannot_be_retired(ws: Workspace, make: Make) -> None:
    one, two = make(2)
    aliases.point(ws, "support", [Target(one)], person="Li")
    aliases.point(ws, "night-shift", [Target(one, 0.75), Target(two, 0.25)], person="Li")
    assert aliases.deployed(ws) == {one: ["night-shift", "support"], two: ["night-shift"]}
    with pytest.raises(ConflictError, match=f"{two} holds the alias 'night-shift'"):
        approvals.decide(ws, two, "retired", person="Li")
    aliases.point(ws, "night-shift", [], person="Li")
    approvals.decide(ws, two, "retired", person="Li")
    assert aliases.deployed(ws) == {one: ["support"]}
    with pytest.raises(NotFoundError, match="no alias is called 'night-shift'"):
        aliases.resolve(ws, "night-shift")


def test_a_user_stays_with_a_version_and_a_growing_canary_takes_only_its_part(ws: Workspace, make: Make) -> None:
    old, new = make(2)
    users = [f"user {number}" for number in range(2000)]
    before: dict[str, str] = {}
    for share in (0.1, 0.3):
        change = aliases.point(ws, "support", [Target(old, 1 - share), Target(new, share)], person="Li")
        found = {user: aliases.share_of(change, user) for user in users}
        assert found == {user: aliases.share_of(change, user) for user in users}
        assert Counter(found.values())[new] / len(users) == pytest.approx(share, abs=0.03)
        assert all(found[user] == new for user, version in before.items() if version == new)
        before = found


def test_without_a_user_the_shares_are_drawn(ws: Workspace, make: Make) -> None:
    old, new = make(2)
    change = aliases.point(ws, "support", [Target(old, 0.5), Target(new, 0.5)], person="Li", sticky=False)
    drawn = Counter(aliases.share_of(change, "the same user") for _ in range(400))
    assert 120 < drawn[new] < 280


@pytest.mark.parametrize("alias", ["model-3", "Support", "", "a/b", "x" * 65])
def test_names_that_cannot_be(ws: Workspace, make: Make, alias: str) -> None:
    (name,) = make(1)
    with pytest.raises(UsageError, match="cannot be an alias"):
        aliases.point(ws, alias, [Target(name)], person="Li")


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.0, 0.0), (1.5, -0.5)])
def test_shares_that_cannot_be(ws: Workspace, make: Make, shares: tuple[float, float]) -> None:
    targets = [Target(name, share) for name, share in zip(make(2), shares, strict=True)]
    with pytest.raises(UsageError, match="shares above 0 that add up to 1"):
        aliases.point(ws, "support", targets, person="Li")


def test_changes_at_once_are_all_kept(ws: Workspace, make: Make) -> None:
    names = make(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: aliases.point(ws, "support", [Target(name)], person="Li"), names))
    changes = aliases.history(ws, "support")
    assert len({change.number for change in changes}) == 4
    assert aliases.resolve(ws, "support") == changes[0].targets[0].model


ASKED = "My number is 13812345678, my mail a.b@example.com. Who are you?"
EXCHANGE = Exchange(
    id="chatcmpl-1",
    asked="support",
    model="model-1",
    alias="support",
    caller="user-1",
    outcome="answered",
    latency=0.5,
    first_token=0.1,
    prompt_tokens=20,
    completion_tokens=5,
    request={"messages": [{"role": "user", "content": ASKED}], "user": "wang@example.com", "temperature": 0.0},
    replies=[{"role": "assistant", "content": "Call 13812345678."}, {"role": "assistant", "content": "A model."}],
)


def test_exchanges_are_kept_without_personal_data(ws: Workspace) -> None:
    log = ExchangeLog(ws)
    assert log.note(EXCHANGE)
    kept = exchanges.exchange(ws, "chatcmpl-1")
    told = repr((kept.request, kept.replies))
    assert "13812345678" not in told
    assert "example.com" not in told
    assert "Who are you?" in told
    assert kept.request["temperature"] == 0.0
    assert kept.request["user"].startswith("user-")
    log.note(replace(EXCHANGE, id="chatcmpl-2"))
    assert exchanges.exchange(ws, "chatcmpl-2").request["user"] == kept.request["user"]
    assert [one.id for one in exchanges.exchanges(ws)] == ["chatcmpl-2", "chatcmpl-1"]
    assert [one.id for one in exchanges.exchanges(ws, before=kept.number + 1)] == ["chatcmpl-1"]
    assert exchanges.exchanges(ws, model="model-9") == []


def test_how_much_is_kept_is_a_setting(ws: Workspace) -> None:
    log = ExchangeLog(ws)
    exchanges.set_logging(ws, {"log": "off"})
    assert not log.note(EXCHANGE)
    with pytest.raises(NotFoundError, match="Keep exchanges with the setting"):
        exchanges.exchange(ws, EXCHANGE.id)
    exchanges.set_logging(ws, {"log": "sampled", "share": 0.5})
    kept = sum(log.note(replace(EXCHANGE, id=f"chatcmpl-{number}")) for number in range(60))
    assert 10 < kept < 50
    exchanges.set_logging(ws, {"log": "all", "redact": False})
    log.note(replace(EXCHANGE, id="plain"))
    assert "13812345678" in repr(exchanges.exchange(ws, "plain").request)
    with pytest.raises(SettingError, match=r"exchanges\.share"):
        exchanges.set_logging(ws, {"share": 2})


def test_feedback_is_added_and_never_changed(ws: Workspace) -> None:
    ExchangeLog(ws).note(EXCHANGE)
    feedback.give(ws, "chatcmpl-1", "thumb", "down", person="Li", note="wrong, ask 13812345678")
    feedback.give(ws, "chatcmpl-1", "thumb", "up", person="Li")
    feedback.give(ws, "chatcmpl-1", "pick", 1, person="Li")
    feedback.give(ws, "chatcmpl-1", "correction", "I am the shop's helper.", person="Chen")
    found = feedback.of_exchange(ws, "chatcmpl-1")
    assert [(one.kind, one.value) for one in found] == [
        ("thumb", "down"),
        ("thumb", "up"),
        ("pick", 1),
        ("correction", "I am the shop's helper."),
    ]
    assert "13812345678" not in found[0].note
    assert [one.person for one in feedback.feedback(ws, kind="correction")] == ["Chen"]


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("thumb", "sideways", "up or down"),
        ("pick", 2, "a number from 0 to 1"),
        ("pick", True, "a number from 0 to 1"),
        ("correction", "  ", "1 to 100,000 characters"),
        ("star", 5, "no feedback is called 'star'"),
    ],
)
def test_feedback_that_does_not_fit(ws: Workspace, kind: Any, value: Any, told: str) -> None:
    ExchangeLog(ws).note(EXCHANGE)
    with pytest.raises(UsageError, match=told):
        feedback.give(ws, "chatcmpl-1", kind, value, person="Li")
    with pytest.raises(NotFoundError, match="no exchange is called 'chatcmpl-9'"):
        feedback.give(ws, "chatcmpl-9", "thumb", "up", person="Li")
