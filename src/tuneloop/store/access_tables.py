"""The tables of people, their sessions and keys, and what was done.

Secrets are never kept: a key, a session and a sign-in link rest as the SHA-256 of a random value of 256 bits, a
password as its argon2 hash.  Rows of `audit` are only added: the migration makes triggers that refuse anything else.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from tuneloop.store.tables import metadata

people = Table(
    "people",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("name", String(128), nullable=False),
    Column("folded", String(256), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password", Text),
    Column("disabled", Boolean, nullable=False),
    Column("created", Double, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("scopes", JSON),
    Column("per_minute", Integer),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
    Column("seen", Double),
)
Index("ix_api_keys_person", api_keys.c.person)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("created", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("address", String(64), nullable=False),
    Column("agent", String(256), nullable=False),
)
Index("ix_sessions_person", sessions.c.person)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
)
Index("ix_sign_in_links_person", sign_in_links.c.person)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("level", Double, nullable=False),
    Column("time", Double, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("time", Double, nullable=False),
    Column("person", String(64)),
    Column("name", String(128), nullable=False),
    Column("key", String(64)),
    Column("action", String(64), nullable=False),
    Column("target", String(256), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("details", JSON, nullable=False),
)
Index("ix_audit_person_number", audit.c.person, audit.c.number)
Index("ix_audit_action_number", audit.c.action, audit.c.number)
