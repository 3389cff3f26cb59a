"""Serve: a model version that answers.

talk.py     a conversation with a tuned model, its base beside it
"""

from __future__ import annotations

from tuneloop.serve.talk import Answers, Talk

__all__ = ["Answers", "Talk"]
