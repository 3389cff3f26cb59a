"""Choose: which base, which objective, which tuner, and will it fit; each with its reason.

choosing.py     the whole stage, read top to bottom
recipe.py       what a person may say about it
seen.py         what the data is like      machine.py   what the machine has
rules.py        the rules, and their reasons
filters.py      which models are not considered
candidates.py   which bases come into question, and in which order
fit.py          what each would take       domain.py    how well a base knows the data
advising.py     the sentences              starting.py  a recipe file to start from
"""

from __future__ import annotations

from tuneloop.choose.choosing import choose
from tuneloop.choose.recipe import ChooseRecipe

__all__ = ["ChooseRecipe", "choose"]
