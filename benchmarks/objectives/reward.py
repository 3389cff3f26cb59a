"""The reward model on preferences of our own making: margin and accuracy of held-out pairs."""

from harness.preferences import PreferenceCell

CELL = PreferenceCell({"objective": "reward"})
