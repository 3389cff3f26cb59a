"""Trial: does this data help?  A small training run before the big one.

settings.py   what a person may say
outcome.py    the result, and the sentences that say it
sides.py      what is compared: the records of both sides, and the held-out ones that decide
trying.py     the verb: both sides trained, and measured on the same records

outcome = trial(version, workspace=ws)
"""

from __future__ import annotations

from tuneloop.trial.outcome import TrialResult
from tuneloop.trial.settings import TrialSettings
from tuneloop.trial.sides import check
from tuneloop.trial.trying import trial

__all__ = ["TrialResult", "TrialSettings", "check", "trial"]
