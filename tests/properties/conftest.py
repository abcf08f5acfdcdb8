"""How often properties are tried: a little in `make test`, a lot in `make test-properties`; always the same cases."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))

_STEADY = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}
settings.register_profile("few", max_examples=40, **_STEADY)  # type: ignore[arg-type]
settings.register_profile("many", max_examples=3000, **_STEADY)  # type: ignore[arg-type]
# `--hypothesis-profile=many` is looked at after this.
settings.load_profile("few")
