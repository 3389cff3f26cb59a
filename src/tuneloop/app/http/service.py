"""What all routes of one server process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from tuneloop.store import Workspace


@dataclass
class Service:
    """`parts` are what resources hold beside the workspace (the hosts of loaded bases, limits), by name."""

    ws: Workspace
    parts: dict[str, Any] = field(default_factory=dict)


def service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found
