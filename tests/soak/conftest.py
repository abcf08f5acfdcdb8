"""Lets tests import this folder as the package that `python -m soak` runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
