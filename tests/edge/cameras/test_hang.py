"""`mien run` as a user or a service manager starts it, with a camera library whose call never returns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PROGRAM = """
import sys
from contract_faults import Faults
from contract_rigs import install
install(Faults(hang="stop", starves=int(sys.argv[1])))
from mien.__main__ import main
sys.argv = ["mien", "run", "--source", "picamera2", "--sink", "null"]
sys.exit(main())
"""


def started(stalls: int) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(TESTS / "contract"), str(TESTS / "edge"), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(stalls)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_ends_after_a_signal_though_the_camera_hangs_and_says_for_how_long_it_waited(signal_number: int) -> None:
    run = started(stalls=0)
    assert run.stderr is not None
    assert run.stderr.readline().startswith("mien: reading picamera2 Bars")
    time.sleep(0.5)
    run.send_signal(signal_number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 0
    assert "mien: picamera2 Bars: picamera2's stop() has not returned for 3 s; left behind\n" in errors
    assert "Traceback" not in errors


def test_a_run_whose_camera_stalls_and_cannot_be_stopped_ends_with_its_line() -> None:
    run = started(stalls=1)
    _, errors = run.communicate(timeout=40)
    assert run.returncode == 3
    assert "no frame for 2.0 s; restarting it" in errors
    assert "picamera2's stop() has not returned for 5 s, so it was given up" in errors.splitlines()[-1]
