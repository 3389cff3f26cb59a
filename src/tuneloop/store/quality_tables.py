"""The tables of quality standards, review samples and verdicts.  Rows are only added; forgetting a person is what
deletes some."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from tuneloop.store.tables import metadata

quality_standards = Table(
    "quality_standards",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("scenario", String(128), nullable=False),
    Column("standard", JSON, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_quality_standards_scenario_number", quality_standards.c.scenario, quality_standards.c.number)

reviews = Table(
    "reviews",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("scenario", String(128), nullable=False),
    Column("dataset", String(64), nullable=False),
    Column("standard", String(64), nullable=False),
    Column("asked", JSON, nullable=False),
    Column("strata", JSON, nullable=False),
    Column("person", Text, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_reviews_dataset_number", reviews.c.dataset, reviews.c.number)

review_items = Table(
    "review_items",
    metadata,
    Column("review", String(64), ForeignKey("reviews.name", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("record", String(128), nullable=False),
    Column("stratum", Text, nullable=False),
    Column("groups", JSON, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("review", String(64), nullable=False),
    Column("standard", String(64), nullable=False),
    Column("record", String(128), nullable=False),
    Column("dimension", String(64), nullable=False),
    Column("value", Double, nullable=False),
    Column("person", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_verdicts_standard_record", verdicts.c.standard, verdicts.c.record)
