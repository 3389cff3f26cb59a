"""The tables of uploaded files, fine-tuning jobs, and what is told of them to others."""

from __future__ import annotations
