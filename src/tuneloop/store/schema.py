"""All tables of the database, for migrations and their tests: importing this makes `metadata` whole."""

from __future__ import annotations

from tuneloop.store import access_tables, jobs_tables, quality_tables, registry_tables, triage_tables
from tuneloop.store.tables import metadata

__all__ = ["access_tables", "jobs_tables", "metadata", "quality_tables", "registry_tables", "triage_tables"]
