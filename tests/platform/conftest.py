"""Lets the checks of this folder import its helpers (importlib mode adds no folder itself), and say figures."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

NEED_MODELS = {"check_tflite_runtime.py", "check_arm64.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say in one line that there is nothing to check, before any long work."""
    from mien.models import bundle

    if NEED_MODELS & {item.path.name for item in items} and not list(bundle.MODELS.glob("*.json")):
        raise pytest.UsageError(f"{bundle.MODELS} holds no model; make them with: make train export")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Write a line for the reader of the report, whether the test passes or not."""

    def tell(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {line} ")

    return tell
