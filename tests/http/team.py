"""A served workspace with one person of each role, for tests of the routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from tuneloop.access import keys, people
from tuneloop.access.audit import Actor
from tuneloop.access.permissions import ROLES
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.app.http.settings import Rules
from tuneloop.store import Workspace

SYSTEM = Actor(None, "test")


@dataclass
class Team:
    """`secrets` and `people` by role: a key and the person's id."""

    ws: Workspace
    app: FastAPI
    secrets: Mapping[str, str]
    people: Mapping[str, str]

    def client(self, role: str | None = None, **headers: str) -> TestClient:
        if role is not None:
            headers["authorization"] = f"Bearer {self.secrets[role]}"
        return TestClient(self.app, base_url="http://127.0.0.1:8400", headers=headers, raise_server_exceptions=False)

    def browser(self, base_url: str = "http://127.0.0.1:8400") -> TestClient:
        return TestClient(self.app, base_url=base_url, raise_server_exceptions=False)


def make_team(folder: Path, rules: Rules | None = None) -> Team:
    ws = Workspace.find(folder)
    ids = {role: people.create(ws, SYSTEM, f"the {role}", role).id for role in ROLES}
    secrets = {role: keys.create(ws, SYSTEM, person, "test")[1] for role, person in ids.items()}
    parts: dict[str, Any] = {} if rules is None else {"rules": rules}
    return Team(ws, make_app(Service(ws, parts)), secrets, ids)
