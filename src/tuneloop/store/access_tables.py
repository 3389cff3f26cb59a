"""The tables of people, their sessions and keys, and what was done."""

from __future__ import annotations
