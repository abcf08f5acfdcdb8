from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

import mien
from mien import doctor, machine
from mien.models import bundle


def file(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_raspberry_pi_is_described(tmp_path: Path) -> None:
    file(tmp_path, "proc/cpuinfo", "processor\t: 0\nCPU part\t: 0xd0b\n")
    file(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    file(tmp_path, "proc/loadavg", "0.25 0.10 0.05 1/100 999\n")
    file(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61250\n")
    file(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n")
    file(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    facts = machine.facts(tmp_path)
    assert facts["cpu"] == "Cortex-A76"
    assert facts["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert (facts["temperature"], facts["governor"], facts["throttled"]) == (61.25, "ondemand", "50000")
    assert facts["load"] == 0.25
    assert facts["packages"]["numpy"]
    file(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "cpufreq-dt\n")
    file(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n")
    file(tmp_path, "proc/stat", "cpu  300 20 80 9000 50 0 0 100 0 0\ncpu0 1 1 1 1\n")
    state = machine.state(tmp_path)
    assert (state["driver"], state["frequency"]) == ("cpufreq-dt", 1500)
    assert state["cpu_seconds"] == 500 / os.sysconf("SC_CLK_TCK")  # all but idle and waiting for the disk


def test_a_machine_that_tells_nothing_gives_none(tmp_path: Path) -> None:
    facts = machine.facts(tmp_path)
    assert [facts[key] for key in ("cpu", "board", "temperature", "governor", "throttled", "load")] == [None] * 6
    assert [facts[key] for key in ("driver", "frequency", "throttle_count", "cpu_seconds")] == [None] * 4
    assert 1 <= facts["usable_cores"] <= facts["cores"]
    file(tmp_path, "proc/cpuinfo", "model name\t: Intel(R) Xeon(R)\nmodel name\t: another\n")
    assert machine.cpu_model(tmp_path) == "Intel(R) Xeon(R)"


def test_doctor_names_what_is_missing_and_a_camera_is_not_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MODELS", tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    checks = {check.name: check for check in doctor.examine(tmp_path)}
    assert not checks["model face-base"].ok
    assert checks["model face-base"].required
    assert not checks["engine onnx"].ok
    assert not checks["engine onnx"].required
    assert not checks["camera"].ok
    assert not checks["camera"].required
    assert checks["numpy and opencv"].ok
    assert not doctor.runnable(tuple(checks.values()))
    good = tuple(check for check in checks.values() if not check.name.startswith("model"))
    assert doctor.runnable(good)


def test_the_package_exports_its_names_when_they_are_asked_for() -> None:
    for name in mien.__all__:
        assert getattr(mien, name).__name__ == name
    assert set(mien.__all__) <= set(dir(mien))
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # run from the source tree
        assert mien.__version__ == importlib.metadata.version("mien")
    with pytest.raises(AttributeError, match="nonsense"):
        mien.nonsense  # noqa: B018 - the access is the test
