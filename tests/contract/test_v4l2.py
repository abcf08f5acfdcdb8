"""USB cameras through OpenCV's own Video4Linux code: the kernel's side of it is a library loaded into the process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

HERE = Path(__file__).parent
SCENARIOS = [
    line.strip().removesuffix(",")
    for line in (HERE / "v4l2_scenarios.py").read_text().split("SCENARIOS = (")[1].split(")")[0].splitlines()
    if line.strip()
]

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None or sys.platform != "linux" or os.uname().machine != "x86_64",
    reason="the double of a USB camera needs gcc on x86-64 Linux: apt-get install gcc libc6-dev",
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("v4l2") / "v4l2_double.so"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(path)]
    subprocess.run([*command, str(HERE / "v4l2_double.c"), "-ldl"], check=True)
    return path


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) == 12


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_usb_camera(scenario: str, library: Path, tmp_path: Path) -> None:
    (tmp_path / "mode").write_text("g")
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "V4L2_DOUBLE": str(tmp_path / "mode"),
        "PYTHONPATH": str(HERE.parents[1] / "edge"),
        "OPENCV_LOG_LEVEL": "ERROR",
    }
    if "mjpeg" in scenario:
        ramp = np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))
        cv2.imwrite(str(tmp_path / "frame.jpg"), np.repeat(ramp[..., None], 3, axis=2))
        environment["V4L2_JPEG"] = str(tmp_path / "frame.jpg")
    command = [sys.executable, str(HERE / "v4l2_scenarios.py"), scenario]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "held\n", ran.stderr
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr
