"""Serve: a model version that answers.

talk.py         a conversation with a tuned model, its base beside it
recipe.py       what a person may say about one
approvals.py    may a version be deployed: recorded decisions
aliases.py      stable names, the versions behind them, shares, going back
exchanges.py    requests and replies in use, as far as they are kept
feedback.py     thumbs, picks and corrections to them
"""

from __future__ import annotations

from tuneloop.serve.recipe import ChatRecipe
from tuneloop.serve.talk import Answers, Talk

__all__ = ["Answers", "ChatRecipe", "Talk"]
