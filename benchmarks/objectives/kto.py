"""KTO on single ratings of our own making: the gap between the rewards of good and bad held-out answers."""

from harness.preferences import PreferenceCell

CELL = PreferenceCell(
    {"objective": "kto"},
    {"margin": "reward gap, good less bad", "accuracy": "accuracy (a tie counts half)"},
    ratings=True,
)
