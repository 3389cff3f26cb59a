"""What may be done, and which role may do it.

A permission is `object:verb`.  Each role has what the one before it has.  A key may have fewer (its scopes), never
more.
"""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["viewer", "labeller", "trainer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

Permission = Literal[
    "models:read", "models:use", "files:read", "data:read", "runs:read", "jobs:read", "evaluations:read",
    "metrics:read", "exchanges:read", "feedback:write", "labels:write", "files:write", "data:write", "runs:write",
    "jobs:write", "evaluations:write", "models:write", "models:deploy", "people:manage", "audit:read", "system:manage",
]  # fmt: skip

_ADDED: dict[Role, frozenset[Permission]] = {
    "viewer": frozenset(
        {
            "models:read",
            "models:use",
            "files:read",
            "data:read",
            "runs:read",
            "jobs:read",
            "evaluations:read",
            "metrics:read",
        }
    ),
    "labeller": frozenset({"exchanges:read", "feedback:write", "labels:write"}),
    "trainer": frozenset(
        {"files:write", "data:write", "runs:write", "jobs:write", "evaluations:write", "models:write", "models:deploy"}
    ),
    "admin": frozenset({"people:manage", "audit:read", "system:manage"}),
}


def permissions_of(role: Role) -> frozenset[Permission]:
    held: frozenset[Permission] = frozenset()
    for name in ROLES[: ROLES.index(role) + 1]:
        held |= _ADDED[name]
    return held
