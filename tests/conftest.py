"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch or numpy are imported. Threads that meet at a barrier spin for those that something else keeps from their
# core: beside other work, a training test of two threads took minutes in place of seconds.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

_REAL = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, also where a background shell or a CI system started the tests with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded arrays of a test's own small data never mix with a user's."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data; a test that asks for it is skipped where there is none."""
    if not (_REAL / "fer2013new.csv").is_file():
        pytest.skip("the real data (FER2013, FER+, faces) is not beside this checkout")
    return _REAL
