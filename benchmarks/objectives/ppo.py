"""PPO on sums of two digits: the share of right sums in wordings that were not trained on."""

from harness.sums import SumsCell

CELL = SumsCell({"name": "ppo", "samples": 8})
