"""Is the tuned model better than its base, and how sure are we?

questions.py   from a record to a question with a reference
arms.py        the base, then the tuned model, on one loaded base where it is an adapter
answers.py     what a model answers
measures.py    means and intervals, in all and per language
sentences.py   what the numbers mean, and what was left out
classes.py  classes_shown.py    the same for a classifier, against its majority class
table.py  page.py    the report on a terminal, and as one HTML file
"""

from __future__ import annotations

from tuneloop.evaluate.evaluation import evaluate
from tuneloop.evaluate.recipe import EvaluateRecipe
from tuneloop.evaluate.table import table

__all__ = ["EvaluateRecipe", "evaluate", "table"]
