"""How good an answer is: one idea, used as metric, filter, reward and monitor.

`metrics/` compare texts and load nothing; each is a file, found by name in the registry of `metric.py`:
`metrics.create("rouge_l")`.
"""

from tuneloop.scores.metric import Metric

__all__ = ["Metric"]
