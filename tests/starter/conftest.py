"""The starter's generator and corpus scripts are plain files of the recipe: they are imported from its folder."""

import sys
from pathlib import Path

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "starter"
sys.path.insert(0, str(RECIPE))
