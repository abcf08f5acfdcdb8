"""LiteRT is kept off the tile unit of server processors, and nothing else of the process is changed by it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mien.models import amx

_TILES_ALLOWED = """
import ctypes
from mien import EmotionClassifier
from mien.models import engine
engine.available()
EmotionClassifier()
allowed = ctypes.c_ulong()
assert ctypes.CDLL(None).syscall(158, 0x1022, ctypes.byref(allowed)) == 0  # arch_prctl, ARCH_GET_XCOMP_PERM
print(bool(allowed.value & 1 << 18))
"""


def _stack() -> tuple[int | None, int, int]:
    found = amx._Stack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found)) == 0
    return found.start, found.flags, found.size


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> int:
    """As on a processor with tiles; the size of the stack that is set there."""
    if not sys.platform.startswith("linux"):
        pytest.skip("alternate signal stacks are set on Linux only")
    monkeypatch.setattr(amx, "_too_small_for_tiles", lambda: 11951)
    return 11951


def test_no_engine_gets_the_tiles() -> None:
    cpu = Path("/proc/cpuinfo")
    if not cpu.exists() or "amx_tile" not in cpu.read_text():
        pytest.skip("this processor has no tiles (AMX)")
    done = subprocess.run([sys.executable, "-c", _TILES_ALLOWED], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


def test_the_signal_stack_is_there_meanwhile_and_the_former_one_afterwards(tiles: int) -> None:
    before = _stack()
    with amx.refused():
        assert _stack()[1:] == (0, tiles)
    assert _stack() == before


def test_the_former_signal_stack_comes_back_after_an_error(tiles: int) -> None:
    before = _stack()
    with pytest.raises(ValueError, match="no model"), amx.refused():
        raise ValueError("no model")
    assert _stack() == before


def test_a_signal_that_comes_meanwhile_is_handled(tiles: int) -> None:
    seen: list[int] = []
    former = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        with amx.refused():
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert seen == [signal.SIGUSR1]


def test_a_processor_without_tiles_keeps_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amx, "_too_small_for_tiles", lambda: 0)
    before = _stack()
    with amx.refused():
        assert _stack() == before
