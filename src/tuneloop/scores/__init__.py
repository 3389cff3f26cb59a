"""How good an answer is: one idea, used as metric, filter, reward and monitor.

    metrics     texts in, 0 to 1 out, no model                        metric.py, metrics/, units.py
    judges      a model helps: questions and answers in, numbers out  judge.py, judges/, grade.py
    rewards     metrics and judges, weighted, checked and added       reward.py, constancy.py
    held out    how well a model foresees records: loss, bits a byte  held_out.py
    intervals   how sure a mean is                                    interval.py

A member is a file, found by name: `metrics.create("rouge_l")`, `judges.create({"name": "local", "model": "model-2"})`.
"""

from tuneloop.scores.judge import Answered, Judge
from tuneloop.scores.metric import Metric
from tuneloop.scores.reward import Rewards, Scored

__all__ = ["Answered", "Judge", "Metric", "Rewards", "Scored"]
