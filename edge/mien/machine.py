"""What a measurement must say about the machine it was made on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import NamedTuple, TypedDict

_ZONES = "sys/class/thermal"
_FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
_PACKAGES = ("mien", "numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "onnxruntime", "picamera2")


_PROCESSOR = re.compile(r"(cpu|soc|big|little)\S*therm", re.IGNORECASE)
"""Names that boards' kernels give the thermal zones of their processors. A PC's are acpitz, x86_pkg_temp, TCPU."""


class Warmth(NamedTuple):
    """How warm a single-board computer is.

    Attributes:
        degrees: °C of the hottest part of its processor; None for a PC, or what does not tell.
        bits: what a Raspberry Pi's firmware tells, see `throttled_bits`; None elsewhere.
    """

    degrees: float | None
    bits: int | None


class State(TypedDict):
    """What changes while one measures; None for what this machine does not tell.

    Attributes:
        governor, driver: of the clock.
        frequency: MHz.
        temperature: °C.
        throttled: the Pi's bits, hexadecimal.
        throttle_count: x86: times the first core was slowed down.
        load: of one minute.
        cpu_seconds: that all programs have used since the machine started.
    """

    governor: str | None
    driver: str | None
    frequency: float | None
    temperature: float | None
    throttled: str | None
    throttle_count: int | None
    load: float | None
    cpu_seconds: float | None


class Facts(State):
    """Processor, kernel, state and versions; None for what this machine does not tell."""

    cpu: str | None
    cores: int | None
    usable_cores: int
    architecture: str
    board: str | None
    kernel: str
    python: str
    packages: dict[str, str | None]


def facts(root: Path = Path("/")) -> Facts:
    """What a measurement must say of this machine.

    Args:
        root: of the file system to read /proc and /sys in.
    """
    return {
        "cpu": cpu_model(root),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "architecture": platform.machine(),
        "board": board(root),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": versions(),
        **state(root),
    }


def state(root: Path = Path("/")) -> State:
    """The part of the facts that changes."""
    millidegrees = _read(root / _ZONES / "thermal_zone0/temp")
    loads = _read(root / "proc/loadavg")
    cpu = root / "sys/devices/system/cpu/cpu0"
    kilohertz = _integer(cpu / "cpufreq/scaling_cur_freq")
    return {
        "governor": _read(cpu / "cpufreq/scaling_governor"),
        "driver": _read(cpu / "cpufreq/scaling_driver"),
        "frequency": None if kilohertz is None else kilohertz / 1000,
        "temperature": _degrees(millidegrees),
        "throttled": _read(root / _FIRMWARE),
        "throttle_count": _integer(cpu / "thermal_throttle/core_throttle_count"),
        "load": float(loads.split()[0]) if loads else None,
        "cpu_seconds": _cpu_seconds(root),
    }


def warmth(root: Path = Path("/")) -> Warmth:
    """How warm this board is.

    Args:
        root: of the file system to read /sys in.
    """
    found = [
        degrees
        for zone in (root / _ZONES).glob("thermal_zone*")
        if _PROCESSOR.match(_read(zone / "type") or "") and (degrees := _degrees(_read(zone / "temp"))) is not None
    ]
    return Warmth(max(found, default=None), throttled_bits(_read(root / _FIRMWARE)))


def throttled_bits(told: str | None) -> int | None:
    """What the Pi's firmware tells, as a number; None if it tells nothing.

    Bits 0 to 3: under-voltage, frequency capped, throttled, soft temperature limit, at present. The same 16 bits
    higher: it happened since the start.
    """
    try:
        return None if told is None else int(told, 16)
    except ValueError:
        return None


def _degrees(millidegrees: str | None) -> float | None:
    return int(millidegrees) / 1000 if millidegrees and millidegrees.lstrip("-").isdecimal() else None


def _cpu_seconds(root: Path) -> float | None:
    first, *_ = (_read(root / "proc/stat") or "").splitlines() or [""]
    if not first.startswith("cpu "):
        return None
    # user nice system idle iowait irq softirq steal: a neighbour on the same host takes time as well.
    ticks = [int(field) for field in first.split()[1:9]]
    return (sum(ticks) - sum(ticks[3:5])) / os.sysconf("SC_CLK_TCK")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def cpu_model(root: Path = Path("/")) -> str | None:
    """Name of the processor, from /proc/cpuinfo; on ARM boards its part number."""
    fields: dict[str, str] = {}
    for line in (_read(root / "proc/cpuinfo") or "").splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    if "model name" in fields:
        return fields["model name"]
    if "CPU part" in fields:
        # From ARM's list of implementer 0x41's parts: the cores that Raspberry Pis have.
        parts = {"0xd03": "Cortex-A53", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76"}
        return parts.get(fields["CPU part"], f"ARM part {fields['CPU part']}")
    return None


def board(root: Path = Path("/")) -> str | None:
    """Such as "Raspberry Pi 5 Model B Rev 1.0", from the device tree; None on machines without one."""
    model = _read(root / "proc/device-tree/model")
    return model.rstrip("\0") if model else None


def versions() -> dict[str, str | None]:
    """Version of each package that matters for a result; None where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and inference never needs it

    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _integer(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text is not None and text.isdecimal() else None
