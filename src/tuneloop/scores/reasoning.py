"""Answers of models that think first: what was thought, and what was said."""

from __future__ import annotations


def said(answer: str, closing: str = "</think>") -> str:
    """What stands behind the last `closing` tag; the whole answer where there is none (no thinking, or cut in it)."""
    return answer.rpartition(closing)[2]
