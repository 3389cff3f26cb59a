"""How good an answer is: one idea, used as metric, filter, reward and monitor.

`metrics/` compare texts and load nothing; each is a file, found by name: `metrics.create("rouge_l")`.
"""

from tuneloop.registry import Registry
from tuneloop.scores.metric import Metric

metrics: Registry[Metric] = Registry("tuneloop.scores.metrics", Metric)

__all__ = ["Metric", "metrics"]
