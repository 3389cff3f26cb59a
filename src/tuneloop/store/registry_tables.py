"""The tables of aliases, approvals, exchanges and feedback."""

from __future__ import annotations
